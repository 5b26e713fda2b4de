//! graphql-transport-ws, message by message and close code by close code.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Line, World};

/// A subscription that says nothing by itself.
const QUIET: &str = "subscription { viewerPermissionsChanged { permissions } }";
const QUERY: &str = "{ apiInfo { name } }";

fn subscribe(id: &str, query: &str) -> Value {
    json!({"type": "subscribe", "id": id, "payload": {"query": query}})
}

async fn manager(world: &World) -> Line {
    let token = world.persona("manager").await.token();
    Line::initialised(&world.url, json!({"authorization": format!("Bearer {token}")})).await
}

#[tokio::test]
async fn queries_and_mutations_are_answered_once_and_completed() {
    let world = World::start().await;
    let socket = world.signed_in("manager").await.connects().await;

    let create = "mutation { createTask(input: {title: \"By socket\"}) { task { title } } }";
    let mut created = socket.subscribes(create).await;
    assert_eq!(created.next().await["data"]["createTask"]["task"]["title"], "By socket");
    created.completes().await;

    let mut listed = socket.subscribes("{ tasks(first: 1) { nodes { title } } }").await;
    let answer = listed.next().await;
    assert_eq!(answer["data"]["tasks"]["nodes"][0]["title"], "By socket");
    assert_eq!(answer["extensions"]["authz"]["remoteCalls"], 1);
    listed.completes().await;
}

#[tokio::test]
async fn a_request_that_is_not_executed_is_one_error_with_a_code_and_the_socket_goes_on() {
    let world = World::start().await;
    let socket = world.persona("manager").await.connects().await;
    let checks: Vec<_> = (0..2_001).map(|n| format!("{{resource:\"{n}\",action:\"a\"}}")).collect();
    let many_checks = format!("{{ permissions(checks: [{}]) {{ allowed }} }}", checks.join(" "));
    for (document, code) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ apiInfo { name }", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Task { ...F } { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "BAD_REQUEST"),
        ("query($n: Int!) { tasks(first: $n) { totalCount } }", "BAD_USER_INPUT"),
        (&format!("{{ {} }}", "apiInfo { name } ".repeat(21)), "QUERY_TOO_COMPLEX"),
        (&many_checks, "TOO_MANY_CHECKS"),
    ] {
        let errors = socket.subscribes(document).await.refusal().await;

        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
        assert_eq!(errors[0]["extensions"]["code"], code, "{document:.60}");
        assert!(errors[0]["message"].is_string() && errors[0]["extensions"]["requestId"].is_string());
    }
    let mut good = socket.subscribes(QUERY).await;
    assert_eq!(good.next().await["data"]["apiInfo"]["name"], "taskgate");
}

#[tokio::test]
async fn a_refused_field_is_an_answer_and_no_error_message() {
    let world = World::start().await;
    let socket = world.nobody().connects().await;

    let mut asked = socket.subscribes("{ apiInfo { name } viewer { subject } }").await;

    let answer = asked.next().await;
    assert_eq!(answer["data"], json!({"apiInfo": {"name": "taskgate"}, "viewer": null}));
    assert_eq!(answer["errors"][0]["extensions"]["reason"], "MISSING_TOKEN");
    asked.completes().await;
}

#[tokio::test]
async fn whatever_is_no_message_of_the_protocol_closes_with_4400() {
    let world = World::start().await;
    let payload = |payload: Value| json!({"type": "subscribe", "id": "1", "payload": payload}).to_string();
    for text in [
        String::new(),
        "nonsense".into(),
        "[]".into(),
        "7".into(),
        "{}".into(),
        r#"{"type":7}"#.into(),
        r#"{"type":"start","id":"1","payload":{"query":"{ __typename }"}}"#.into(),
        r#"{"type":"ping","type":"ping"}"#.into(),
        r#"{"type":"connection_ack"}"#.into(),
        r#"{"type":"next","id":"1","payload":{}}"#.into(),
        r#"{"type":"error","id":"1","payload":[]}"#.into(),
        r#"{"type":"ping","payload":7}"#.into(),
        r#"{"type":"pong","payload":[]}"#.into(),
        r#"{"type":"complete"}"#.into(),
        r#"{"type":"complete","id":7}"#.into(),
        r#"{"type":"complete","id":""}"#.into(),
        r#"{"type":"subscribe","payload":{"query":"{ __typename }"}}"#.into(),
        r#"{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}"#.into(),
        r#"{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}"#.into(),
        r#"{"type":"subscribe","id":"1"}"#.into(),
        r#"{"type":"subscribe","id":"1","payload":null}"#.into(),
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","query":"{b}"}}"#.into(),
        payload(json!("{ __typename }")),
        payload(json!([])),
        payload(json!({})),
        payload(json!({"query": 7})),
        payload(json!({"query": "{ __typename }", "variables": []})),
        payload(json!({"query": "{ __typename }", "operationName": 7})),
        payload(json!({"query": "{ __typename }", "extensions": "x"})),
        payload(json!(["{ __typename }", null, null, null])),
        r#"["ping", null, null]"#.into(),
        r#"{"type":"ping""#.into(),
    ] {
        let mut line = Line::initialised(&world.url, json!({})).await;

        line.sends(Message::text(text.clone())).await;

        let (code, reason) = line.closes().await;
        assert_eq!(code, 4400, "{text}");
        assert!(!reason.is_empty() && !reason.contains("__typename"), "{text}: {reason}");
    }
    let mut line = Line::initialised(&world.url, json!({})).await;
    line.sends(Message::binary(r#"{"type":"ping"}"#)).await;
    assert_eq!(line.closes().await, (4400, "Invalid message: binary".into()));
    let mut line = Line::open(&world.url).await;
    line.says(&json!({"type": "connection_init", "payload": []})).await;
    assert_eq!(line.closes().await.0, 4400);
}

#[tokio::test]
async fn nothing_is_executed_before_the_acknowledgement() {
    let world = World::start().await;
    let mut line = Line::open(&world.url).await;
    line.says(&subscribe("1", QUERY)).await;
    assert_eq!(line.closes().await, (4401, "Unauthorized".into()));
}

#[tokio::test]
async fn a_ping_is_answered_at_any_time_and_a_pong_never() {
    let world = World::start().await;
    let mut line = Line::open(&world.url).await;
    line.says(&json!({"type": "pong"})).await;
    line.says(&json!({"type": "complete", "id": "none"})).await;
    line.says(&json!({"type": "ping"})).await;
    assert_eq!(line.hears().await, json!({"type": "pong"}));

    line.says(&json!({"type": "connection_init", "payload": null})).await;
    assert_eq!(line.hears().await, json!({"type": "connection_ack"}));
    line.says(&json!({"type": "pong", "payload": {"a": 1}})).await;
    line.says(&json!({"type": "ping", "payload": {"sent": 17}})).await;
    assert_eq!(line.hears().await, json!({"type": "pong", "payload": {"sent": 17}}));
}

#[tokio::test]
async fn a_second_initialisation_closes_with_4429_and_none_in_time_with_4408() {
    let world = World::with(|config| config.http.ws_init_timeout = Duration::from_millis(300)).await;
    let mut twice = Line::initialised(&world.url, json!({})).await;
    twice.says(&json!({"type": "connection_init"})).await;
    assert_eq!(twice.closes().await, (4429, "Too many initialisation requests".into()));

    let mut late = Line::open(&world.url).await;
    late.says(&json!({"type": "ping"})).await;
    assert_eq!(late.closes().await, (4408, "Connection initialisation timeout".into()));

    let mut soon = Line::initialised(&world.url, json!({})).await;
    let mut other = Line::open(&world.url).await;
    other.closes().await;
    soon.says(&subscribe("1", QUERY)).await;
    assert_eq!(soon.hears().await["type"], "next", "the time is over for those who have not begun");
}

#[tokio::test]
async fn an_id_belongs_to_one_operation_at_a_time() {
    let world = World::start().await;
    let mut line = manager(&world).await;
    for _ in 0..2 {
        line.says(&subscribe("same", QUERY)).await;
        assert_eq!(line.hears().await["type"], "next");
        assert_eq!(line.hears().await, json!({"type": "complete", "id": "same"}));
    }
    line.says(&subscribe("same", QUIET)).await;
    line.says(&subscribe("other", QUIET)).await;
    line.says(&subscribe("same", QUERY)).await;
    assert_eq!(line.closes().await, (4409, "Subscriber for same already exists".into()));
}

#[tokio::test]
async fn a_client_that_completes_hears_nothing_more_and_may_use_the_id_again() {
    let world = World::start().await;
    let mut line = manager(&world).await;
    line.says(&subscribe("1", QUIET)).await;
    line.says(&json!({"type": "complete", "id": "1"})).await;
    line.says(&json!({"type": "ping"})).await;
    assert_eq!(line.hears().await, json!({"type": "pong"}), "no complete comes back");

    line.says(&subscribe("1", QUERY)).await;
    assert_eq!(line.hears().await["payload"]["data"]["apiInfo"]["name"], "taskgate");
}

#[tokio::test]
async fn one_operation_too_many_is_refused_and_the_others_go_on() {
    let world = World::with(|config| config.http.max_subscriptions_per_socket = 2).await;
    let socket = world.persona("manager").await.connects().await;
    let (first, _second) = (socket.subscribes(QUIET).await, socket.subscribes(QUIET).await);

    let errors = socket.subscribes(QUERY).await.refusal().await;
    let told = &errors[0]["extensions"];
    assert_eq!((&told["code"], &told["limit"]), (&json!("TOO_MANY_SUBSCRIPTIONS"), &json!(2)));

    first.stops().await;
    assert_eq!(socket.subscribes(QUERY).await.next().await["data"]["apiInfo"]["name"], "taskgate");
}

#[tokio::test]
async fn every_operation_has_a_request_id_that_begins_with_that_of_the_socket() {
    let world = World::start().await;
    let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("x-request-id", "mine")];
    let mut line = Line::with(&world.url, &headers).await.unwrap();
    line.says(&json!({"type": "connection_init"})).await;
    line.hears().await;

    line.says(&subscribe("a", QUERY)).await;
    assert_eq!(line.hears().await["payload"]["extensions"]["requestId"], "mine.1");
    line.hears().await;
    line.says(&subscribe("b", "{ nothing }")).await;
    assert_eq!(line.hears().await["payload"][0]["extensions"]["requestId"], "mine.2");
    line.says(&subscribe("c", "{")).await;
    assert_eq!(line.hears().await["payload"][0]["extensions"]["requestId"], "mine.3");
}
