//! Traces as a collector gets them: a request and the calls of the decision point, in the trace that the client began.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{Process, World, eventually, sqlite};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

type Exports = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector, and what it gets.
async fn collector() -> (String, Exports) {
    async fn take(State(exports): State<Exports>, body: Bytes) -> StatusCode {
        exports.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
        StatusCode::OK
    }
    let exports = Exports::default();
    let router = Router::new().route("/v1/traces", post(take)).with_state(exports.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, exports)
}

fn spans(exports: &Exports) -> Vec<Span> {
    let exports = exports.lock().unwrap();
    let scopes =
        exports.iter().flat_map(|export| &export.resource_spans).flat_map(|spans| &spans.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

async fn asks(world: &World, server: &Process, token: &str, trace: &str) {
    let request = world.client.post(format!("{}/graphql", server.url)).bearer_auth(token);
    let request = request.header("traceparent", trace).header("content-type", "application/json");
    let answer = request.body("{\"query\": \"{ tasks { totalCount } }\"}").send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_request_and_its_decisions_are_spans_of_the_trace_that_the_client_began() {
    let world = World::start().await;
    let database = sqlite();
    let (url, exports) = collector().await;
    let more = [("--otel-exporter-otlp-endpoint", url.as_str()), ("--otel-service-name", "tasks-of-ours")];
    let server = Process::start(&world.sandbox, &database.url, &more).await;
    let token = world.persona("manager").await.token();
    world.bearer_at(&server.url, token.clone()).asks("mutation { login { ready } }").await.data();

    asks(&world, &server, &token, &format!("00-{TRACE}-{PARENT}-01")).await;
    let traces =
        world.client.get(format!("{}/sandbox/traces", world.sandbox.pdp.url())).send().await.unwrap();
    let traces: Value = traces.json().await.unwrap();
    asks(&world, &server, &token, &format!("00-{}-{PARENT}-00", "1".repeat(32))).await;
    server.is_told_to_stop();

    let found = eventually("the spans of the trace", async || {
        let found: Vec<Span> =
            spans(&exports).into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
        (found.len() >= 2).then_some(found)
    })
    .await;
    let request = found.iter().find(|span| span.name == "request").unwrap();
    assert_eq!(hex(&request.parent_span_id), PARENT);
    let call = found.iter().find(|span| span.name == "pdp").unwrap();
    assert_eq!(call.parent_span_id, request.span_id);
    assert_eq!(
        traces["POST /allowed"],
        format!("00-{TRACE}-{}-01", hex(&call.span_id)),
        "the PDP is told of its span"
    );
    let unrecorded = spans(&exports).iter().any(|span| hex(&span.trace_id) == "1".repeat(32));
    assert!(!unrecorded, "whose sender does not record, is not recorded here");

    let told = format!("{:?}", exports.lock().unwrap());
    assert!(told.contains("tasks-of-ours"));
    for secret in ["sandbox-manager", "manager@", "Sandbox Manager", token.split('.').nth(1).unwrap()] {
        assert!(!told.contains(secret), "a span tells {secret}");
    }
}
