//! Resident memory of server processes: after many requests, and with many idle subscriptions.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::net::TcpSocket;

use super::{
    Options,
    batching::{Socket, subscribed},
    client, cpu,
    world::World,
};

/// People who are subscribed; each has several sockets.
const PEOPLE: usize = 500;
/// Sockets of one source address; the ports of each are less than 30,000.
const PER_ADDRESS: usize = 5_000;
/// Sockets that are opened at the same time.
const AT_ONCE: usize = 64;
/// Longer than `PERMISSION_RECHECK_INTERVAL`, so that everybody has been asked about.
const SETTLED: Duration = Duration::from_secs(12);

/// One process, in KiB.
pub(crate) struct Resident {
    pub(crate) what: String,
    pub(crate) served_by: &'static str,
    pub(crate) database: &'static str,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) per_second: Option<f64>,
}

/// What stays after `--requests` queries of one guarded row.
#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below the precision of a double")]
pub(crate) async fn after_requests(world: &World, options: &Options) -> Vec<Resident> {
    let ours = world.process(&[]).await;
    let node = world.node().map(|node| ("Node", node.address, node.id()));
    let mut rows = Vec::new();
    for (served_by, address, process) in node.into_iter().chain([("taskgate", ours.address, ours.id())]) {
        let request = world.one_row(address);
        client::send(&request, options.connections, options.connections).await;
        let Some(before) = cpu::resident(process) else { continue };
        let took = client::send(&request, options.connections, options.requests).await;
        let after = cpu::resident(process).unwrap_or_default();
        let per_second = Some(options.requests as f64 / took.as_secs_f64());
        let what = format!("{} requests", options.requests);
        rows.push(Resident { what, served_by, database: world.database(), before, after, per_second });
    }
    rows
}

/// What sockets with one subscription each take, while nothing happens.
pub(crate) async fn idle(world: &World, options: &Options) -> Vec<Resident> {
    let more = [("--max-connections", (options.sockets + 100).to_string())];
    let ours = world.process(&more).await;
    let mut tokens = Vec::with_capacity(PEOPLE);
    for _ in 0..PEOPLE.min(options.sockets) {
        tokens.push(world.another_token().await);
    }
    let tokens = Arc::new(tokens);
    client::send(&world.one_row(ours.address), options.connections, options.connections).await;
    let Some(before) = cpu::resident(ours.id()) else { return Vec::new() };
    let sockets: Vec<Socket> = stream::iter(0..options.sockets)
        .map(|number| open(number, ours.address, tokens.clone()))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    tokio::time::sleep(SETTLED).await;
    let after = cpu::resident(ours.id()).unwrap_or_default();
    let what = format!("{} idle subscriptions", sockets.len());
    let (served_by, database) = ("taskgate", world.database());
    vec![Resident { what, served_by, database, before, after, per_second: None }]
}

async fn open(number: usize, server: SocketAddr, tokens: Arc<Vec<String>>) -> Socket {
    let source = u8::try_from(1 + number / PER_ADDRESS).expect("an address of this machine");
    let socket = TcpSocket::new_v4().expect("a socket; is `ulimit -n` above --sockets?");
    socket.bind(SocketAddr::from(([127, 0, 0, source], 0))).expect("a free port");
    let stream = socket.connect(server).await.expect("the server listens");
    subscribed(stream, server, &tokens[number % tokens.len()], 1).await
}
