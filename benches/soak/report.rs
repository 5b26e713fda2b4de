//! What a run ends with.
#![expect(clippy::print_stdout, reason = "printing is what the command is for")]

use std::{process::ExitCode, sync::atomic::Ordering::Relaxed, time::Duration};

use super::{findings, memory::Growth, world::World};

/// Growth of memory that is none, in percent.
const FLAT: f64 = 5.0;
/// A shorter run is a warm-up as a whole, and its growth is told and not judged.
const LONG: Duration = Duration::from_mins(5);

pub(crate) fn print(world: &World, growth: Option<Growth>, length: Duration) -> ExitCode {
    let mut fine = true;
    println!("requests: {}", world.requests.load(Relaxed));
    println!("writes of tasks: {}", world.ledger.writes());
    for (code, count) in world.findings.codes() {
        println!("  {code}: {count}");
    }
    for (finding, name) in findings::ALL {
        let (count, examples) = world.findings.of(finding);
        println!("{name}: {count}");
        for example in examples {
            println!("    {example}");
        }
        fine &= count == 0;
    }
    match growth {
        Some(growth) => {
            let (percent, is_judged) = (growth.percent(), length >= LONG);
            let note = if is_judged { "" } else { ", not judged in so short a run" };
            println!("memory: {} KiB, then {} KiB: {percent:+.1} %{note}", growth.before, growth.after);
            fine &= !is_judged || percent < FLAT;
        }
        None => println!("memory: not told by this system"),
    }
    println!("{}", if fine { "the soak found nothing" } else { "THE SOAK FOUND SOMETHING" });
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
