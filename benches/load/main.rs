//! What the API costs, beside the same work done without it: `cargo bench --bench load -- --database both`.
//!
//! Four subjects behind one load client, over real HTTP, with real tokens and real databases: the bare PDP call, the same
//! work written by hand (token, PDP calls, SQL, JSON), a Node server (`benches/node`: GraphQL Yoga, Permit's SDK, a data
//! loader; one process), and the GraphQL API. The PDP is a stub that allows everything after a settable latency, so that
//! only our side is measured. Rounds alternate between the subjects; each figure is the median of its rounds. Memory is
//! that of processes of their own. Nothing is asserted: figures differ between machines.

mod batching;
mod by_hand;
mod client;
mod cpu;
mod database;
mod memory;
mod pdp;
mod process;
mod report;
mod token;
mod world;

use std::{sync::Arc, time::Duration};

use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::runtime::Runtime;

use self::{
    client::Operation,
    database::{Choice, Database},
    pdp::Pdp,
    world::World,
};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Prints latency, throughput, processor time and calls to the PDP, per operation and per way to serve it; what batching
/// saves; and memory.
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
    /// The databases, side by side.
    #[arg(long, value_enum, default_value_t = Choice::Sqlite)]
    database: Choice,
    /// A PostgreSQL server, which gets a database for the run.
    #[arg(long, env = "TEST_DATABASE_URL")]
    postgres_url: Option<String>,
    /// How long the PDP takes for an answer, in milliseconds.
    #[arg(long, default_value_t = 0.0)]
    pdp_latency_ms: f64,
    /// Requests after which memory is looked at.
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
    /// Sockets with an idle subscription each.
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// Measures only what is called so in part, for a profiler: an operation, `node` (the operation that it serves),
    /// `batching`, `fan-out`, `memory`, `idle`.
    #[arg(long, default_value = "")]
    only: String,
    /// Leaves the Node server out, whose million queries take twenty minutes.
    #[arg(long)]
    without_node: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        part.contains(&self.only)
    }

    fn wants_operation(&self, operation: &Operation) -> bool {
        let is_nodes = operation.ways.iter().any(|way| way.process.is_some());
        self.wants(operation.name) || (self.only == "node" && is_nodes)
    }
}

/// A runtime whose threads bear `name`, by which their processor time is told apart.
fn runtime(name: &str, threads: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// On the runtime's own threads; `block_on` alone runs on the main thread, which nobody accounts for.
fn on<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(async move { tokio::spawn(work).await }).expect("it is measured")
}

fn main() {
    let options = Arc::new(Options::parse());
    let (pdp_runtime, server, client) = (runtime(cpu::PDP, 1), runtime("server", 2), runtime(cpu::CLIENT, 1));
    let pdp =
        Arc::new(pdp_runtime.block_on(Pdp::start(Duration::from_secs_f64(options.pdp_latency_ms / 1_000.0))));
    let worlds = Arc::new(worlds(&server, &options, &pdp));
    report::settings(&options);
    if options.wants("token check") {
        report::tokens(&server.block_on(token::measure(&worlds[0])));
    }
    let operations = operations(&worlds).into_iter().filter(|it| options.wants_operation(it));
    let measured: Vec<_> = operations
        .map(|operation| {
            let rows = client.block_on(client::compare(&operation, &options, &pdp));
            (operation, rows)
        })
        .collect();
    if !measured.is_empty() {
        report::operations(&measured);
    }
    if options.wants("batching") || options.wants("fan-out") {
        let (worlds, pdp, options) = (worlds.clone(), pdp.clone(), options.clone());
        report::batching(&on(&server, async move { batched(&worlds, &pdp, &options).await }));
    }
    if options.wants("memory") || options.wants("idle") {
        report::memory(&client.block_on(remembered(&worlds, &options)));
    }
}

fn worlds(server: &Runtime, options: &Arc<Options>, pdp: &Pdp) -> Vec<World> {
    let metrics = PrometheusBuilder::new().build_recorder();
    let handle = metrics.handle();
    metrics::set_global_recorder(metrics).expect("the only recorder");
    let (options, url) = (options.clone(), pdp.url.clone());
    on(server, async move {
        let mut worlds = Vec::new();
        for database in Database::chosen(options.database, options.postgres_url.as_deref()).await {
            let mut world = World::start(url.clone(), database, handle.clone()).await;
            let is_wanted = ["node", world::LIST_NAME, "memory"].iter().any(|part| options.wants(part));
            if is_wanted && !options.without_node {
                world.start_node(&url).await;
            }
            worlds.push(world);
        }
        worlds
    })
}

/// The same operations on all databases, as ways of one.
fn operations(worlds: &[World]) -> Vec<Operation> {
    let mut all: Vec<Operation> = Vec::new();
    for world in worlds {
        for operation in world.operations() {
            match all.iter_mut().find(|known| known.name == operation.name) {
                Some(known) => known.ways.extend(operation.ways),
                None => all.push(operation),
            }
        }
    }
    all
}

async fn batched(worlds: &[World], pdp: &Pdp, options: &Options) -> Vec<(&'static str, batching::Batched)> {
    let mut rows = Vec::new();
    for world in worlds {
        let pages = if options.wants("batching") { batching::pages(world, pdp).await } else { Vec::new() };
        let events = if options.wants("fan-out") { batching::fan_out(world, pdp).await } else { Vec::new() };
        rows.extend(pages.into_iter().chain(events).map(|row| (world.database(), row)));
    }
    rows
}

async fn remembered(worlds: &[World], options: &Options) -> Vec<memory::Resident> {
    let mut rows = Vec::new();
    for world in worlds {
        if options.wants("memory") {
            rows.extend(memory::after_requests(world, options).await);
        }
        if options.wants("idle") {
            rows.extend(memory::idle(world, options).await);
        }
    }
    rows
}
