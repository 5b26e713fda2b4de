//! One stand-in on its own loopback port: it can be stopped, restarted, counted and made to misbehave.
//!
//! Everything under `/sandbox/` belongs to the sandbox itself and is neither counted nor disturbed.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{get, put},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tower::ServiceExt as _;

use super::faults::Fault;

/// Requests since the start or the last `DELETE /sandbox/counters`, by `METHOD /path`.
pub type Counts = BTreeMap<String, u64>;

/// What the middleware and the control routes share.
#[derive(Debug, Default)]
struct Switchboard {
    counts: Mutex<Counts>,
    /// The latest `traceparent`, by `METHOD /path`.
    traces: Mutex<BTreeMap<String, String>>,
    faults: Mutex<Vec<Fault>>,
}

/// A running stand-in. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    router: Router,
    running: Option<JoinHandle<()>>,
}

impl Service {
    /// Binds 127.0.0.1 on `port` (0 chooses a free one) and serves what `build` makes of the origin.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16, build: impl FnOnce(&str) -> Router) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let router = controlled(build(&format!("http://{address}")));
        let running = Some(tokio::spawn(serve(listener, router.clone())));
        Ok(Self { address, router, running })
    }

    /// Origin without a trailing slash, for example `http://127.0.0.1:4001`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every open connection at once, as a crash would.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            // The only failure is the cancellation just asked for.
            let _ = running.await;
        }
    }

    /// Serves again on the same port, with the state it had.
    ///
    /// # Errors
    /// Somebody took the port meanwhile.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await?;
        self.running = Some(tokio::spawn(serve(listener, self.router.clone())));
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// Accepts until aborted. Connections live in the same task set, so that an abort ends them too.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(connection(stream, router.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // Small answers on loopback: waiting to fill a packet would add milliseconds to each.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    // A client that goes away in mid-request is no event for a stand-in.
    let _ = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new())
        .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
        .await;
}

/// Puts counting, faults and the control routes around `router`.
fn controlled(router: Router) -> Router {
    let switchboard = Arc::new(Switchboard::default());
    let controls = Router::new()
        .route("/sandbox/counters", get(read_counters).delete(reset_counters))
        .route("/sandbox/traces", get(read_traces))
        .route("/sandbox/faults", put(set_fault).delete(clear_faults))
        .with_state(switchboard.clone());
    router.merge(controls).layer(middleware::from_fn_with_state(switchboard, count_and_disturb))
}

async fn count_and_disturb(
    State(switchboard): State<Arc<Switchboard>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/sandbox/") {
        return next.run(request).await;
    }
    let name = format!("{} {path}", request.method());
    if let Some(trace) = request.headers().get("traceparent").and_then(|value| value.to_str().ok()) {
        lock(&switchboard.traces).insert(name.clone(), trace.to_owned());
    }
    *lock(&switchboard.counts).entry(name).or_default() += 1;
    let fault = Fault::take(&mut lock(&switchboard.faults), request.method(), &path);
    match fault {
        Some(fault) => fault.disturb(request, next).await,
        None => next.run(request).await,
    }
}

async fn read_counters(State(switchboard): State<Arc<Switchboard>>) -> Json<Counts> {
    Json(lock(&switchboard.counts).clone())
}

async fn read_traces(State(switchboard): State<Arc<Switchboard>>) -> Json<BTreeMap<String, String>> {
    Json(lock(&switchboard.traces).clone())
}

async fn reset_counters(State(switchboard): State<Arc<Switchboard>>) -> StatusCode {
    lock(&switchboard.counts).clear();
    StatusCode::NO_CONTENT
}

async fn set_fault(State(switchboard): State<Arc<Switchboard>>, Json(fault): Json<Fault>) -> StatusCode {
    lock(&switchboard.faults).push(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(switchboard): State<Arc<Switchboard>>) -> StatusCode {
    lock(&switchboard.faults).clear();
    StatusCode::NO_CONTENT
}

/// Poisoning cannot matter here: the data are plain counters and switches.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
