//! graphql-sse in its distinct connections mode: answers as server-sent events, one operation in each request.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Persona, World};

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: &str = "text/event-stream";
/// A subscription that says nothing by itself.
const QUIET: &str = "subscription { viewerPermissionsChanged { permissions } }";
const CREATE: &str = "mutation { createTask(input: {title: \"By stream\"}) { task { title } } }";

fn post(world: &World, document: &str) -> RequestBuilder {
    let request = world.client.post(format!("{}/graphql", world.url)).header("accept", EVENTS);
    request.json(&json!({"query": document}))
}

fn get(world: &World, document: &str) -> RequestBuilder {
    let url = reqwest::Url::parse_with_params(&format!("{}/graphql", world.url), [("query", document)]);
    world.client.get(url.unwrap()).header("accept", EVENTS)
}

/// What a request is answered with when it is a stream.
async fn stream(request: RequestBuilder) -> Events {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    Events { response, text: String::new() }
}

/// A stream of events, read one by one.
struct Events {
    response: Response,
    text: String,
}

/// One event; comments have no name.
type Event = (Option<String>, Option<Value>);

impl Events {
    /// The next event or comment; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        while !self.text.contains("\n\n") {
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let text = std::mem::take(&mut self.text);
        let (event, rest) = text.split_once("\n\n").unwrap();
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let data = field("data:").filter(|data| !data.is_empty());
        let read = (field("event:").map(str::to_owned), data.map(|data| serde_json::from_str(data).unwrap()));
        self.text.push_str(rest);
        Some(read)
    }

    /// The next answer.
    async fn answer(&mut self) -> Value {
        loop {
            match self.next().await.expect("the stream goes on") {
                (None, None) => {}
                (Some(name), Some(data)) if name == "next" => return data,
                other => panic!("no answer but {other:?}"),
            }
        }
    }

    /// Waits for `complete`, and for the end of the stream.
    async fn completes(&mut self) {
        loop {
            match self.next().await.expect("the stream goes on") {
                (None, None) => {}
                event => {
                    assert_eq!(event, (Some("complete".into()), None));
                    break;
                }
            }
        }
        assert_eq!(self.next().await, None);
    }
}

fn by(request: RequestBuilder, persona: &Persona<'_>) -> RequestBuilder {
    request.bearer_auth(persona.token())
}

#[tokio::test]
async fn a_query_and_a_mutation_are_answered_once_and_completed() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;

    let mut created = stream(by(post(&world, CREATE), &manager)).await;
    assert_eq!(created.answer().await["data"]["createTask"]["task"]["title"], "By stream");
    created.completes().await;

    let mut listed = stream(by(get(&world, "{ tasks { nodes { title } } }"), &manager)).await;
    let answer = listed.answer().await;
    assert_eq!(answer["data"]["tasks"]["nodes"][0]["title"], "By stream");
    assert_eq!(answer["extensions"]["authz"]["remoteCalls"], 1);
    listed.completes().await;
}

#[tokio::test]
async fn the_bytes_are_those_that_a_browser_dispatches() {
    let world = World::start().await;
    let request = post(&world, "{ apiInfo { name } }").header("x-request-id", "mine");
    let text = request.send().await.unwrap().text().await.unwrap();
    let part = |name: &str| text.split_once(name).unwrap().1.split_once('}').unwrap().0;
    let (authz, cost) = (part("\"authz\":"), part("\"cost\":"));
    let expected = format!(
        ":\n\nevent: next\ndata: {{\"data\":{{\"apiInfo\":{{\"name\":\"taskgate\"}}}},\
         \"extensions\":{{\"authz\":{authz}}},\"cost\":{cost}}},\"requestId\":\"mine\"}}}}\n\nevent: complete\ndata:\n\n"
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_stream_gets_who_asks_for_one_and_a_subscription_who_can_read_one() {
    let world = World::start().await;
    let manager = world.persona("manager").await;
    for (accept, query, subscription) in [
        ("text/event-stream", true, true),
        ("TEXT/Event-Stream; charset=utf-8", true, true),
        ("text/event-stream, application/json;q=0.9", true, true),
        ("application/json, text/event-stream", false, true),
        ("application/graphql-response+json, text/event-stream;q=0.1", false, true),
        ("text/event-stream, multipart/mixed", true, true),
        ("text/event-stream;q=0, application/json", false, false),
        ("*/*", false, false),
        ("text/*, */*;q=0.1", false, false),
        ("application/json", false, false),
    ] {
        for (document, streams) in [("{ apiInfo { name } }", query), (QUIET, subscription)] {
            let request = world.client.post(format!("{}/graphql", world.url)).header("accept", accept);
            let answer = by(request.json(&json!({"query": document})), &manager).send().await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert_eq!(kind.starts_with(EVENTS), streams, "{accept}: {document}");
            assert_eq!(answer.status(), 200, "{accept}: {document}");
        }
    }
    let refused = world.client.post(format!("{}/graphql", world.url)).header("accept", "text/*");
    assert_eq!(refused.json(&json!({"query": QUIET})).send().await.unwrap().status(), 406);
}

#[tokio::test]
async fn a_subscription_without_a_stream_is_told_what_it_needs() {
    let world = World::start().await;
    for (accept, status) in [("application/json", 200), ("application/graphql-response+json", 400)] {
        let request = world.client.post(format!("{}/graphql", world.url)).header("accept", accept);
        let answer = request.json(&json!({"query": QUIET})).send().await.unwrap();
        assert_eq!(answer.status(), status);
        let body: Value = answer.json().await.unwrap();
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("text/event-stream") && message.contains("graphql-transport-ws"));
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    }
}

#[tokio::test]
async fn a_document_that_is_not_executed_is_told_in_the_stream() {
    let world = World::start().await;
    for (document, code) in [
        ("{ apiInfo { name }", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "BAD_REQUEST"),
        ("query($n: Int!) { tasks(first: $n) { totalCount } }", "BAD_USER_INPUT"),
        (&format!("{{ {} }}", "apiInfo { name } ".repeat(21)), "QUERY_TOO_COMPLEX"),
    ] {
        let mut told = stream(post(&world, document)).await;
        let answer = told.answer().await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{document:.60}");
        assert!(answer["errors"][0]["extensions"]["requestId"].is_string());
        assert!(answer.get("data").is_none());
        told.completes().await;
    }
}

#[tokio::test]
async fn what_comes_before_the_document_is_told_by_the_status() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let viewer = world.signed_in("viewer").await;
    let delete = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";
    admin.asks_with(delete, json!({"id": viewer.user_id().await})).await.data();
    let expired = world.token(json!({"claims": {"exp": 1}})).await;
    for (request, status, code) in [
        (get(&world, CREATE), 405, "BAD_REQUEST"),
        (post(&world, QUIET).body("nonsense"), 400, "BAD_REQUEST"),
        (post(&world, " "), 400, "BAD_REQUEST"),
        (post(&world, QUIET).bearer_auth(expired), 401, "UNAUTHENTICATED"),
        (by(post(&world, QUIET), &viewer), 401, "UNAUTHENTICATED"),
        (by(post(&world, "{"), &viewer), 401, "UNAUTHENTICATED"),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::start().await;
    let exp = time::OffsetDateTime::now_utc().unix_timestamp() + 2;
    let token = world.token(json!({"claims": {"exp": exp}})).await;
    let mut events = stream(post(&world, QUIET).bearer_auth(token)).await;

    let told = events.answer().await["errors"][0]["extensions"].clone();
    assert_eq!((&told["code"], &told["reason"]), (&json!("UNAUTHENTICATED"), &json!("EXPIRED")));
    events.completes().await;
    assert!(time::OffsetDateTime::now_utc().unix_timestamp() >= exp, "not before the token's end");
}

#[tokio::test]
async fn what_a_mutation_did_is_told_even_if_its_token_ends_meanwhile() {
    let world = World::with(|config| config.permit.answer_timeout = Duration::from_secs(10)).await;
    world.signed_in("manager").await;
    let exp = time::OffsetDateTime::now_utc().unix_timestamp() + 1;
    let token = world.token(json!({"claims": {"sub": "auth0|sandbox-manager", "exp": exp}})).await;
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "delay", "ms": 1_500})).await;

    let mut created = stream(post(&world, CREATE).bearer_auth(token)).await;

    assert_eq!(created.answer().await["data"]["createTask"]["task"]["title"], "By stream");
    created.completes().await;
}

#[tokio::test]
async fn a_quiet_stream_shows_signs_of_life() {
    let world = World::with(|config| config.http.ws_keep_alive = Duration::from_millis(50)).await;
    let manager = world.persona("manager").await;
    let mut events = stream(by(post(&world, QUIET), &manager)).await;
    for _ in 0..4 {
        assert_eq!(events.next().await, Some((None, None)));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let world = World::with(|config| config.http.max_connections = 1).await;
    let token = world.persona("manager").await.token();
    // A connection of its own, which dropping the answer closes.
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let request = client.post(format!("{}/graphql", world.url)).header("accept", EVENTS);
    let mut events = stream(request.bearer_auth(token).json(&json!({"query": QUIET}))).await;
    assert_eq!(events.next().await, Some((None, None)));
    drop(events);
    let health = world.client.get(format!("{}/health", world.url)).send();
    assert_eq!(timeout(PATIENCE, health).await.expect("there is a place").unwrap().status(), 200);
}

#[tokio::test]
async fn when_the_server_stops_a_subscription_is_cut_off_and_a_mutation_answered() {
    let mut world = World::start().await;
    let manager = world.signed_in("manager").await;
    let pdp = world.sandbox.pdp.url();
    let before = world.count(&pdp, "POST /allowed").await;
    let mut quiet = stream(by(post(&world, QUIET), &manager)).await;
    // Or its question would be taken for the mutation's.
    while world.count(&pdp, "POST /allowed").await == before {
        tokio::task::yield_now().await;
    }
    world.break_it(&pdp, json!({"kind": "delay", "ms": 400})).await;
    let before = world.count(&pdp, "POST /allowed").await;
    let mut created = stream(by(post(&world, CREATE), &manager)).await;
    while world.count(&pdp, "POST /allowed").await == before {
        tokio::task::yield_now().await;
    }

    let stopped = world.stops();

    assert_eq!(created.answer().await["data"]["createTask"]["task"]["title"], "By stream");
    created.completes().await;
    while let Some(event) = quiet.next().await {
        assert_eq!(event, (None, None), "without a complete, a client connects again");
    }
    timeout(PATIENCE, stopped).await.expect("it stops").unwrap();
}
