//! A PDP that allows everything, counts its calls, and takes as long as it is told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::post};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use tokio::net::TcpListener;
use url::Url;

/// The running stub.
pub(crate) struct Pdp {
    pub(crate) url: Url,
    calls: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Stub {
    calls: Arc<AtomicU64>,
    delay: Duration,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Verdict {
    allow: bool,
}

#[derive(Serialize)]
struct Verdicts {
    allow: Vec<Verdict>,
}

impl Stub {
    async fn count(&self) {
        self.calls.fetch_add(1, Relaxed);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }
}

impl Pdp {
    pub(crate) async fn start(delay: Duration) -> Self {
        let calls = Arc::new(AtomicU64::new(0));
        let routes = Router::new()
            .route("/allowed", post(allowed))
            .route("/allowed/bulk", post(bulk))
            .with_state(Stub { calls: calls.clone(), delay });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}").parse().expect("a URL"), calls }
    }

    /// Calls since the start.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }
}

async fn allowed(State(stub): State<Stub>, Json(_): Json<IgnoredAny>) -> Json<Verdict> {
    stub.count().await;
    Json(Verdict { allow: true })
}

async fn bulk(State(stub): State<Stub>, Json(checks): Json<Vec<IgnoredAny>>) -> Json<Verdicts> {
    stub.count().await;
    Json(Verdicts { allow: vec![Verdict { allow: true }; checks.len()] })
}
