//! A PDP that counts its calls and takes as long as it is told to. It allows everything, or, when it decides by object,
//! reading in general and anything on one object.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Json, Router, body::Bytes, extract::State, routing::post};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use tokio::net::TcpListener;
use url::Url;

/// The running stub.
pub(crate) struct Pdp {
    pub(crate) url: Url,
    calls: Arc<AtomicU64>,
    by_object: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Stub {
    calls: Arc<AtomicU64>,
    by_object: Arc<AtomicBool>,
    delay: Duration,
}

#[derive(Deserialize)]
struct Question {
    action: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    key: Option<String>,
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
        let by_object = Arc::new(AtomicBool::new(false));
        let routes = Router::new()
            .route("/allowed", post(allowed))
            .route("/allowed/bulk", post(bulk))
            .with_state(Stub { calls: calls.clone(), by_object: by_object.clone(), delay });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}").parse().expect("a URL"), calls, by_object }
    }

    /// From now on, what changes something is allowed on single objects only.
    pub(crate) fn decides_by_object(&self, by_object: bool) {
        self.by_object.store(by_object, Relaxed);
    }

    /// Calls since the start.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }
}

impl Stub {
    /// One verdict for each element of `body`, which is only looked into when it makes a difference.
    fn decide(&self, body: &[u8]) -> Vec<Verdict> {
        if !self.by_object.load(Relaxed) {
            let checks: Vec<IgnoredAny> = serde_json::from_slice(body).expect("a list");
            return vec![Verdict { allow: true }; checks.len()];
        }
        let questions: Vec<Question> = serde_json::from_slice(body).expect("questions");
        let allow = |question: &Question| question.action == "get" || question.resource.key.is_some();
        questions.iter().map(|question| Verdict { allow: allow(question) }).collect()
    }
}

async fn allowed(State(stub): State<Stub>, Json(_): Json<IgnoredAny>) -> Json<Verdict> {
    stub.count().await;
    Json(Verdict { allow: true })
}

async fn bulk(State(stub): State<Stub>, body: Bytes) -> Json<Verdicts> {
    stub.count().await;
    Json(Verdicts { allow: stub.decide(&body) })
}
