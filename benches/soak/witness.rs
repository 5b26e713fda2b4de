//! Stands between the server and Permit, passes everything on, and notes in the timeline what the writes change. The
//! faults are in front of it, so what it passes on is carried out, whole and once, whether or not the server still waits.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use taskgate::sandbox::{Service, permit::API_KEY};
use tokio::{net::TcpStream, sync::Mutex};

use super::timeline::{Fact, Timeline};

/// More than any body of Permit.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// What a run with a hole in it tells the server instead of every tenth denial.
const HOLE: u64 = 10;

/// One side of Permit, seen through the witness.
#[derive(Debug, Clone)]
pub(crate) struct Witness(Arc<Passage>);

#[derive(Debug)]
struct Passage {
    upstream: SocketAddr,
    timeline: Arc<Timeline>,
    /// Writes take turns on both sides, so that the order in the timeline is theirs.
    turn: Arc<Mutex<()>>,
    /// Turns denials into allows.
    lies: bool,
}

/// What a request is about to change.
enum Change {
    Begins(Vec<Fact>),
    Ends(Vec<Fact>),
}

impl Witness {
    pub(crate) fn new(upstream: &Service, timeline: Arc<Timeline>, turn: Arc<Mutex<()>>, lies: bool) -> Self {
        let upstream = upstream.url().trim_start_matches("http://").parse().expect("an address");
        Self(Arc::new(Passage { upstream, timeline, turn, lies }))
    }

    /// A service on a free port, with the fault switches of the sandbox.
    pub(crate) async fn serve(&self) -> Service {
        let router = Router::new().fallback(pass).with_state(self.clone());
        Service::start(0, |_| router).await.expect("a free port")
    }

    /// Asks Permit past all faults, as an operator in the office would.
    pub(crate) async fn asks(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let headers = HeaderMap::from_iter([
            (header::AUTHORIZATION, format!("Bearer {API_KEY}").parse().expect("a header value")),
            (header::CONTENT_TYPE, "application/json".parse().expect("a header value")),
        ]);
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let response = self.forward(method, path.parse().expect("a path"), headers, body).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), MAX_BODY).await.expect("a whole answer");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn forward(&self, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let passage = &self.0;
        let Some(change) = passage.change(&method, uri.path(), &body) else {
            return passage.send(method, uri, headers, body).await;
        };
        let _turn = passage.turn.lock().await;
        let (Change::Begins(facts) | Change::Ends(facts)) = &change;
        let before = passage.timeline.lasting(|fact| facts.contains(fact));
        for fact in facts {
            match change {
                Change::Begins(_) => passage.timeline.may_begin(fact.clone()),
                Change::Ends(_) => passage.timeline.may_end(fact),
            }
        }
        let response = passage.send(method, uri, headers, body).await;
        let status = response.status();
        for fact in facts {
            match change {
                Change::Begins(_) if status.is_success() || status == StatusCode::CONFLICT => {
                    passage.timeline.begins(fact.clone());
                }
                Change::Begins(_) if !before.contains(fact) => passage.timeline.ends(fact),
                Change::Ends(_) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    passage.timeline.ends(fact);
                }
                _ => {}
            }
        }
        response
    }
}

async fn pass(State(witness): State<Witness>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::BAD_REQUEST.into_response() };
    // A server that gives up waiting does not undo what it asked for.
    let passed =
        tokio::spawn(async move { witness.forward(parts.method, parts.uri, parts.headers, body).await });
    passed.await.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

impl Passage {
    async fn send(&self, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let is_decision = uri.path().starts_with("/allowed");
        let mut request = hyper::Request::new(Body::from(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        request.headers_mut().insert(header::HOST, "127.0.0.1".parse().expect("a header value"));
        let stream = TcpStream::connect(self.upstream).await.expect("the sandbox listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("the sandbox speaks HTTP");
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.expect("the sandbox answers");
        let (mut parts, body) = answer.into_parts();
        let bytes = to_bytes(Body::new(body), MAX_BODY).await.expect("a whole answer");
        parts.headers.remove(header::TRANSFER_ENCODING);
        let bytes = if self.lies && is_decision { lie(&bytes) } else { bytes };
        parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        Response::from_parts(parts, Body::from(bytes))
    }

    /// The writes of facts and of roles' permissions; nobody in a soak changes anything else that decides.
    fn change(&self, method: &Method, path: &str, body: &[u8]) -> Option<Change> {
        let segments: Vec<&str> = path.split('/').collect();
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        let gone = |concerns: &dyn Fn(&str, &str) -> bool| {
            let facts = self
                .timeline
                .lasting(|fact| matches!(fact, Fact::Holds { user, tenant, .. } if concerns(user, tenant)));
            Some(Change::Ends(facts))
        };
        match (method.as_str(), &segments[..]) {
            ("POST" | "DELETE", [.., "role_assignments"]) => {
                let holds = Fact::Holds { user: text("user"), tenant: text("tenant"), role: text("role") };
                Some(Change::of(method, vec![holds]))
            }
            ("POST" | "DELETE", [.., "roles", role, "permissions"]) => {
                let listed = told["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let grant = |permission: &str| Fact::Grants {
                    role: (*role).to_owned(),
                    permission: permission.to_owned(),
                };
                Some(Change::of(method, listed.map(grant).collect()))
            }
            ("DELETE", [.., "tenants", tenant, "users", user]) => {
                gone(&|who, place| who == decoded(user) && place == *tenant)
            }
            ("DELETE", [.., "users", user]) => gone(&|who, _| who == decoded(user)),
            _ => None,
        }
    }
}

impl Change {
    fn of(method: &Method, facts: Vec<Fact>) -> Self {
        if *method == Method::POST { Self::Begins(facts) } else { Self::Ends(facts) }
    }
}

fn decoded(segment: &str) -> String {
    segment.replace("%7C", "|").replace("%7c", "|")
}

/// Some denials of an answer as allows.
fn lie(answer: &Bytes) -> Bytes {
    let Ok(mut told) = serde_json::from_slice::<Value>(answer) else { return answer.clone() };
    let turn = |decision: &mut Value| {
        if decision["allow"] == false && fastrand::u64(..HOLE) == 0 {
            decision["allow"] = json!(true);
            decision["result"] = json!(true);
        }
    };
    match told.get_mut("allow").and_then(Value::as_array_mut) {
        Some(decisions) => decisions.iter_mut().for_each(turn),
        None => turn(&mut told),
    }
    told.to_string().into()
}
