//! A long run of the real program under random faults, with an oracle that checks every answer:
//! `cargo bench --bench soak -- --minutes 10`.
//!
//! Many people of several tenants read, write and sign in, while roles and policy change at Permit, and while the issuer,
//! Permit's REST API, its PDP, the database and the server itself are late, wrong, reset or gone. The oracle keeps its own
//! account of what was allowed when (`timeline`), of what was acknowledged (`ledger`) and of what was broken (`outages`).
//! The end is a printout, and exit code 1 if anything was found. The seed is printed: with it the choices are the same,
//! though not the instants. `--hole` makes a mistake on purpose, which a run has to find.

mod actor;
mod audit;
mod database;
mod errors;
mod faults;
mod findings;
mod ledger;
mod listener;
mod memory;
mod mischief;
mod office;
mod operations;
mod oracle;
mod outages;
mod people;
mod proxy;
mod report;
mod server;
mod staff;
mod timeline;
mod witness;
mod world;

use std::{
    process::ExitCode,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};
use tokio::task::JoinSet;

use self::{actor::Actor, database::Kind, faults::Faults, memory::Memory, office::Clerk, world::World};

/// Part of the run in which the server is killed and stopped; then memory is watched.
const ENDS: f64 = 0.3;
/// Without faults at the end, so that what was begun is finished.
const CALM: Duration = Duration::from_secs(8);

/// Runs the program under random faults, and prints what the oracle has against it.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Length of the run.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The database under the server.
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// A PostgreSQL server, which gets a database for the run.
    #[arg(long, env = "TEST_DATABASE_URL")]
    postgres_url: Option<String>,
    /// Chooses what happens; a random one if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Longest pause of a person between two requests, in milliseconds.
    #[arg(long, default_value_t = 60)]
    pause_ms: u64,
    /// A mistake on purpose, which the oracle has to find.
    #[arg(long, value_enum)]
    hole: Option<Hole>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hole {
    /// The PDP allows some of what the policy denies.
    Allow,
    /// A write is undone behind the server's back.
    Write,
}

impl Options {
    fn tells_lies(&self) -> bool {
        self.hole == Some(Hole::Allow)
    }

    fn postgres_url(&self) -> &str {
        self.postgres_url.as_deref().expect("--postgres-url, or TEST_DATABASE_URL")
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever wants the same run again needs the seed")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("{} minutes on {:?}, --seed {seed}", options.minutes, options.database);
    let world = World::start(&options).await;
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let (start, calm) = (tokio::time::Instant::now(), Instant::now() + length.mul_f64(ENDS));
    let mut running = JoinSet::new();
    let mut seeds = fastrand::Rng::with_seed(seed);
    for person in &world.people {
        running.spawn(listener::listens(world.clone(), person.clone()));
        let (world, person, rng) = (world.clone(), person.clone(), seeds.fork());
        running.spawn(Actor { world, person, rng, pause_ms: options.pause_ms }.lives());
    }
    for _ in 0..3 {
        running.spawn(Clerk { world: world.clone(), rng: seeds.fork() }.works());
    }
    let end = start + length.saturating_sub(CALM);
    let ends = start + length.mul_f64(ENDS);
    let faults = |rng, ends_servers| Faults { world: world.clone(), rng, ends_servers };
    let (first, then, beside) = (seeds.fork(), seeds.fork(), seeds.fork());
    let (enders, others, more) = (faults(first, true), faults(then, false), faults(beside, false));
    running.spawn(async move {
        enders.strike(ends).await;
        others.strike(end).await;
    });
    running.spawn(more.strike(end));
    let memory = tokio::spawn(Memory::watch(world.clone()));
    tokio::time::sleep_until(start + length).await;
    world.over.store(true, Relaxed);
    running.join_all().await;
    let growth = memory.await.expect("memory is watched").growth(calm);
    settle(&world, &options).await;
    report::print(&world, growth, length)
}

/// Holds what was acknowledged against the database, and against what administrators are shown.
async fn settle(world: &Arc<World>, options: &Options) {
    if options.hole == Some(Hole::Write) {
        world.database.lose_a_write().await;
    }
    let (rows, events) = world.database.rows().await;
    world.ledger.settle(&rows, &events, &world.findings);
    audit::readable(world, &rows).await;
}
