//! A trace goes through: what a request says it is part of, the decision point is told.

use serde_json::{Value, json};

use crate::{
    subscriptions::CHANGES,
    support::{Line, World, eventually},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The headers that the decision point got last.
async fn traces(world: &World) -> Value {
    let url = format!("{}/sandbox/traces", world.sandbox.pdp.url());
    world.client.get(url).send().await.unwrap().json().await.unwrap()
}

/// The parts of the one with `call`.
async fn heard(world: &World, call: &str) -> Vec<String> {
    let traces = traces(world).await;
    let header = traces[call].as_str().unwrap_or_else(|| panic!("no trace with {call}: {traces}"));
    header.split('-').map(str::to_owned).collect()
}

async fn asks(world: &World, token: &str, trace: Option<String>) {
    let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(token);
    let request = match trace {
        Some(trace) => request.header("traceparent", trace),
        None => request,
    };
    let request = request.body("{\"query\": \"{ tasks { totalCount } }\"}");
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_decision_point_is_told_the_trace_of_a_request_and_another_parent() {
    let world = World::start().await;
    let token = world.signed_in("manager").await.token();
    asks(&world, &token, Some(format!("00-{TRACE}-{PARENT}-01"))).await;
    let first = heard(&world, "POST /allowed").await;
    assert_eq!((&*first[0], &*first[1], &*first[3]), ("00", TRACE, "01"));
    assert_ne!(first[2], PARENT);

    asks(&world, &token, Some(format!("00-{TRACE}-{PARENT}-00"))).await;
    let second = heard(&world, "POST /allowed").await;
    assert_eq!((&*second[1], &*second[3]), (TRACE, "00"));
    assert_ne!(second[2], first[2], "each call is a piece of work of its own");
}

#[tokio::test]
async fn what_the_outbox_tells_permit_is_part_of_no_trace() {
    let world = World::start().await;
    let token = world.persona("manager").await.token();
    let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(token);
    let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    let request = request.json(&json!({"query": "mutation { login { ready } }"}));
    let login: Value = request.send().await.unwrap().json().await.unwrap();

    assert_eq!(login["data"]["login"]["ready"], true);
    let calls = world.counts(&world.sandbox.pdp.url()).await;
    assert!(
        calls.keys().any(|call| call.contains("/facts/")),
        "it goes through the decision point: {calls:?}"
    );
    let traces = traces(&world).await.to_string();
    assert!(!traces.contains("/facts/"), "{traces}");
}

#[tokio::test]
async fn a_request_without_a_trace_gets_one() {
    let world = World::start().await;
    let token = world.signed_in("manager").await.token();
    asks(&world, &token, None).await;
    let first = heard(&world, "POST /allowed").await;
    asks(&world, &token, None).await;
    let second = heard(&world, "POST /allowed").await;
    assert_eq!((first[1].len(), first[2].len(), &*first[3]), (32, 16, "00"));
    assert_ne!(first[1], second[1]);
}

#[tokio::test]
async fn what_is_remembered_and_what_subscribers_need_is_asked_within_a_trace_too() {
    let world = World::with(|config| config.graphql.decision_ttl = std::time::Duration::from_mins(1)).await;
    let viewer = world.signed_in("viewer").await;
    asks(&world, &viewer.token(), Some(format!("00-{TRACE}-{PARENT}-01"))).await;
    assert_eq!(heard(&world, "POST /user-permissions").await[1], TRACE);

    let opening = [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("traceparent", "00-11111111111111111111111111111111-2222222222222222-00"),
    ];
    let mut line = Line::with(&world.url, &opening).await.unwrap();
    let bearer = format!("Bearer {}", viewer.token());
    line.says(&json!({"type": "connection_init", "payload": {"authorization": bearer}})).await;
    assert_eq!(line.hears().await["type"], "connection_ack");
    let payload = json!({"query": CHANGES});
    line.says(&json!({"type": "subscribe", "id": "1", "payload": payload})).await;
    eventually("the check of the subscription", async || {
        traces(&world).await.to_string().contains(&"1".repeat(32)).then_some(())
    })
    .await;
}
