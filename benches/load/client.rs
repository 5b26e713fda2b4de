//! The load client: connections that send one request after the other, on threads of their own.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::http::{self, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use super::{Options, cpu, pdp::Pdp};

/// Requests before the first figure, for connections, caches and the database's pages.
const WARM_UP: Duration = Duration::from_millis(300);

/// One thing that a client wants, and the ways to serve it.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) ways: Vec<Way>,
}

pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// Where its rows are.
    pub(crate) database: &'static str,
    /// Who serves it, if it is not this process.
    pub(crate) process: Option<u32>,
    pub(crate) request: Request,
}

/// A request whose body goes round.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) server: SocketAddr,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) bodies: Vec<Bytes>,
}

/// The figures of one way.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    /// With one connection.
    pub(crate) p50: Duration,
    /// With one connection.
    pub(crate) p99: Duration,
    /// With all connections.
    pub(crate) per_second: f64,
    /// With all connections; none where the system does not tell.
    pub(crate) cpu: Option<Duration>,
    pub(crate) pdp_calls: f64,
}

struct Load {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

/// The median of each way's figures, measured in turns.
pub(crate) async fn compare(operation: &Operation, options: &Options, pdp: &Pdp) -> Vec<Figures> {
    let length = Duration::from_secs_f64(options.seconds);
    for way in &operation.ways {
        load(&way.request, options.connections, WARM_UP).await;
    }
    let mut rounds = vec![Vec::with_capacity(options.rounds); operation.ways.len()];
    for _ in 0..options.rounds {
        for (way, figures) in operation.ways.iter().zip(&mut rounds) {
            figures.push(measure(way, options.connections, length, pdp).await);
        }
    }
    rounds.iter().map(|figures| median(figures)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below the precision of a double")]
async fn measure(way: &Way, connections: usize, length: Duration, pdp: &Pdp) -> Figures {
    let request = &way.request;
    let mut alone = load(request, 1, length).await.latencies;
    alone.sort_unstable();
    let (calls, cpu) = (pdp.calls(), cpu::used(way.process));
    let busy = load(request, connections, length).await;
    let count = busy.latencies.len();
    let used = cpu::used(way.process).zip(cpu).map(|(after, before)| after.saturating_sub(before));
    Figures {
        p50: alone[alone.len() / 2],
        p99: alone[alone.len() * 99 / 100],
        per_second: count as f64 / busy.elapsed.as_secs_f64(),
        cpu: used.map(|used| used.div_f64(count as f64)),
        pdp_calls: (pdp.calls() - calls) as f64 / count as f64,
    }
}

fn median(rounds: &[Figures]) -> Figures {
    fn middle<T: Copy>(
        rounds: &[Figures],
        read: impl Fn(&Figures) -> T,
        less: impl Fn(&T, &T) -> std::cmp::Ordering,
    ) -> T {
        let mut values: Vec<T> = rounds.iter().map(read).collect();
        values.sort_by(less);
        values[values.len() / 2]
    }
    Figures {
        p50: middle(rounds, |round| round.p50, Ord::cmp),
        p99: middle(rounds, |round| round.p99, Ord::cmp),
        per_second: middle(rounds, |round| round.per_second, f64::total_cmp),
        cpu: middle(rounds, |round| round.cpu, Ord::cmp),
        pdp_calls: middle(rounds, |round| round.pdp_calls, f64::total_cmp),
    }
}

/// Sends `count` requests over all connections; how long that took.
pub(crate) async fn send(request: &Request, connections: usize, count: usize) -> Duration {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let until = start + Duration::from_hours(1);
        running.spawn(keep_asking(request.clone(), 0, until, count / connections));
    }
    running.join_all().await;
    start.elapsed()
}

async fn load(request: &Request, connections: usize, length: Duration) -> Load {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for connection in 0..connections {
        // Each begins at a body of its own, so that writers do not queue for one row.
        let first = connection * request.bodies.len() / connections;
        running.spawn(keep_asking(request.clone(), first, start + length, usize::MAX));
    }
    let latencies = running.join_all().await.into_iter().flatten().collect();
    Load { latencies, elapsed: start.elapsed() }
}

async fn keep_asking(request: Request, first: usize, until: Instant, count: usize) -> Vec<Duration> {
    let stream = TcpStream::connect(request.server).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let mut latencies = Vec::with_capacity(10_000);
    for body in request.bodies.iter().cycle().skip(first).take(count) {
        let start = Instant::now();
        if start >= until {
            break;
        }
        let answer = sender.send_request(request.build(body.clone())).await.expect("an answer");
        let status = answer.status();
        let text = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        latencies.push(start.elapsed());
        assert!(status == StatusCode::OK && !text.starts_with(b"{\"errors\""), "{status}: {text:?}");
    }
    latencies
}

impl Request {
    fn build(&self, body: Bytes) -> http::Request<Full<Bytes>> {
        let request = http::Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        request.body(Full::new(body)).expect("a request")
    }
}
