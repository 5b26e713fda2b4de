//! What the API costs, beside the same work done without it: `cargo bench --bench load`.
//!
//! Three subjects behind one load client, over real HTTP, with real tokens and a real SQLite file:
//! the bare PDP call, the same work written by hand (token, PDP calls, SQL, JSON), and the GraphQL API. The PDP is a
//! stub that allows everything after a settable delay, so that only our side is measured. Rounds alternate between
//! the subjects; each figure is the median of its rounds. Nothing is asserted: figures differ between machines.

mod batching;
mod by_hand;
mod client;
mod cpu;
mod pdp;
mod report;
mod token;
mod world;

use std::{sync::Arc, time::Duration};

use clap::Parser;

use self::{report::Report, world::World};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Prints latency, throughput, processor time and calls to the PDP, per operation and per way to serve it.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Length of one measurement, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Measurements of each figure; the median is shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections of the throughput measurements; latency is measured with one.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How long the PDP takes for an answer, in microseconds.
    #[arg(long, default_value_t = 0)]
    pdp_delay_us: u64,
    /// Measures only the operations whose name contains this, for a profiler; `batching` is one.
    #[arg(long, default_value = "")]
    only: String,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A runtime whose threads bear `name`, by which their processor time is told apart.
fn runtime(name: &str, threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn main() {
    let options = Options::parse();
    let pdp_runtime = runtime(cpu::PDP, 1);
    let server_runtime = runtime("server", 2);
    let client_runtime = runtime(cpu::CLIENT, 1);
    let pdp = pdp_runtime.block_on(pdp::Pdp::start(Duration::from_micros(options.pdp_delay_us)));
    // `block_on` runs on the main thread; a spawned task runs on the threads that are accounted for.
    let url = pdp.url.clone();
    let world = server_runtime
        .block_on(async move { tokio::spawn(World::start(url)).await })
        .expect("the world starts");
    let mut report = Report::new(&options);
    report.tokens(&server_runtime.block_on(token::measure(&world)));
    for operation in world.operations().into_iter().filter(|it| it.name.contains(&options.only)) {
        let rows = client_runtime.block_on(client::compare(&operation, &options, &pdp));
        report.operation(&operation, &rows);
    }
    if "batching".contains(&options.only) {
        let rows = server_runtime
            .block_on(async move { tokio::spawn(batching::measure(Arc::new(world), Arc::new(pdp))).await })
            .expect("batching is measured");
        report.batching(&rows);
    }
    report.print();
}
