//! Persisted and trusted documents, over every transport.

use std::fs::File;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use taskgate::{config::Config, http::Ladder, rate_limit::Rate};
use tempfile::NamedTempFile;

use crate::support::{Process, World};

const PAGE: &str = "query Page($first: Int) { tasks(first: $first) { nodes { title } } }";
const WATCH: &str = "subscription Watch { taskChanged { kind } }";
const CREATE: &str = "mutation Create { createTask(input: {title: \"t\"}) { task { title } } }";
const STRANGE: &str = "{ apiInfo { name } }";

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

fn file(content: &Value) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content.to_string()).unwrap();
    file
}

fn manifest() -> NamedTempFile {
    file(&json!({"page": PAGE, "watch": WATCH, "create": CREATE}))
}

fn trusting(ladder: Ladder, file: &NamedTempFile) -> impl FnOnce(&mut Config) {
    let file = file.path().to_owned();
    move |config| {
        config.http.documents.ladder = ladder;
        config.http.documents.file = Some(file);
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

fn apq(text: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash(text)}})
}

#[tokio::test]
async fn a_document_that_was_sent_with_its_hash_is_known_by_it_from_then_on() {
    let world = World::start().await;
    let nobody = world.nobody();
    let by_hash = json!({"extensions": apq(STRANGE)});
    let first = nobody.sends(&by_hash).await.unwrap();
    assert_eq!((first.status.as_u16(), code(&first.body)), (200, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(first.body["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(first.refusal()["documentId"], hash(STRANGE));

    let with_text = json!({"query": STRANGE, "extensions": apq(STRANGE)});
    nobody.sends(&with_text).await.unwrap().data();

    assert_eq!(nobody.sends(&by_hash).await.unwrap().data()["apiInfo"]["name"], "taskgate");
    let url = format!("{}/graphql", world.url);
    let get = world.client.get(&url).query(&[("extensions", apq(STRANGE).to_string())]);
    assert_eq!(answer(get).await.1["data"]["apiInfo"]["name"], "taskgate");
    let get = world.client.get(&url).query(&[("documentId", format!("sha256:{}", hash(STRANGE)))]);
    assert_eq!(answer(get).await.1["data"]["apiInfo"]["name"], "taskgate");
}

#[tokio::test]
async fn nothing_is_remembered_under_a_wrong_hash_or_above_the_limits() {
    let world = World::start().await;
    let nobody = world.nobody();
    let large = format!("{{ {} }}", "apiInfo { name } ".repeat(21));
    for (body, expected) in [
        (json!({"query": "{ __typename }", "extensions": apq(STRANGE)}), "BAD_REQUEST"),
        (json!({"query": large, "extensions": apq(&large)}), "QUERY_TOO_COMPLEX"),
        (json!({"query": STRANGE, "documentId": "page"}), "BAD_REQUEST"),
        (json!({"documentId": 7}), "BAD_REQUEST"),
        (json!({"documentId": "x".repeat(201)}), "BAD_REQUEST"),
        (
            json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash(STRANGE)}}}),
            "BAD_REQUEST",
        ),
        (json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}}), "BAD_REQUEST"),
        (json!({"documentId": "nobody-knows"}), "PERSISTED_QUERY_NOT_FOUND"),
    ] {
        assert_eq!(code(&nobody.sends(&body).await.unwrap().body), expected, "{body:.80}");
    }
    for text in [STRANGE, &large] {
        let by_hash = nobody.sends(&json!({"extensions": apq(text)})).await.unwrap();
        assert_eq!(code(&by_hash.body), "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn nothing_is_remembered_that_was_not_paid_for() {
    let rate = Rate { points: 12, points_per_second: 1 };
    let world = World::with(|config| config.rate_limit.address = rate).await;
    let nobody = world.nobody();
    let dear = "{ __schema { types { fields { type { fields { name } } } } } }";
    let sent = nobody.sends(&json!({"query": dear, "extensions": apq(dear)})).await.unwrap();
    assert_eq!(code(&sent.body), "RATE_LIMITED");

    let by_hash = nobody.sends(&json!({"extensions": apq(dear)})).await.unwrap();

    assert_eq!(code(&by_hash.body), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn trusted_documents_are_executed_however_they_are_sent() {
    let file = manifest();
    let world = World::with(trusting(Ladder::Enforce, &file)).await;
    let manager = world.persona("manager").await;
    let token = manager.token();
    let by_id = |id: &str| json!({"documentId": id, "variables": {"first": 3}});
    for body in [
        by_id("page"),
        by_id(&format!("sha256:{}", hash(PAGE))),
        json!({"query": PAGE}),
        json!({"extensions": apq(PAGE)}),
        json!({"query": PAGE, "extensions": apq(PAGE)}),
        json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "page"}}}),
    ] {
        let told = manager.sends(&body).await.unwrap();
        assert_eq!(
            told.codes(),
            ["FORBIDDEN"],
            "it is executed before the first login: {body} {}",
            told.body
        );
    }
    let url = format!("{}/graphql", world.url);
    let get = |id: &str| world.client.get(&url).query(&[("documentId", id)]).bearer_auth(&token);
    assert_eq!(code(&answer(get("page")).await.1), "FORBIDDEN");
    assert_eq!(answer(get("create")).await.0, 405);
    let buttons = world.client.post(format!("{}/permissions", world.url)).bearer_auth(&token);
    let pair = json!({"action": "get", "resource": "task"});
    let told = answer(buttons.json(&pair)).await;
    assert_eq!(told, (200, json!({"permitted": false})), "that document is ours");
}

#[tokio::test]
async fn documents_that_are_not_trusted_are_not_executed_however_they_are_sent() {
    let file = manifest();
    let world = World::with(trusting(Ladder::Enforce, &file)).await;
    let manager = world.persona("manager").await;
    for (body, id) in [
        (json!({"query": STRANGE}), format!("sha256:{}", hash(STRANGE))),
        (json!({"query": "{ __schema { queryType { name } } }"}), String::new()),
        (json!({"query": format!("{PAGE} ")}), String::new()),
        (json!({"extensions": apq(STRANGE)}), hash(STRANGE)),
        (json!({"query": STRANGE, "extensions": apq(STRANGE)}), format!("sha256:{}", hash(STRANGE))),
        (json!({"documentId": "other"}), "other".to_owned()),
    ] {
        let told = manager.sends(&body).await.unwrap();
        assert_eq!(code(&told.body), "DOCUMENT_NOT_ALLOWED", "{body}");
        assert!(id.is_empty() || told.refusal()["documentId"] == id, "{}", told.body);
    }
}

#[tokio::test]
async fn over_sockets_and_event_streams_it_is_the_same() {
    let file = manifest();
    let world = World::with(trusting(Ladder::Enforce, &file)).await;
    let manager = world.persona("manager").await;
    let socket = manager.connects().await;
    let mut known = socket.subscribes_to(json!({"documentId": "page"})).await;
    assert_eq!(known.next().await["errors"][0]["extensions"]["code"], "FORBIDDEN", "it is executed");
    let mut strange = socket.subscribes(STRANGE).await;
    assert_eq!(strange.refusal().await[0]["extensions"]["code"], "DOCUMENT_NOT_ALLOWED");
    for (body, expected) in
        [(json!({"documentId": "page"}), "FORBIDDEN"), (json!({"query": STRANGE}), "DOCUMENT_NOT_ALLOWED")]
    {
        let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(manager.token());
        let request = request.header("accept", "text/event-stream").json(&body);
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(text.contains(&format!("\"code\":\"{expected}\"")), "{text}");
        assert!(text.ends_with("event: complete\ndata:\n\n"), "{text}");
    }
}

#[tokio::test]
async fn on_the_middle_rung_everything_is_executed_and_what_is_not_trusted_is_named_once() {
    let world = World::start().await;
    let (file, files) = (manifest(), tempfile::tempdir().unwrap());
    let database = format!("sqlite://{}/log.db?mode=rwc", files.path().display());
    let path = file.path().to_str().unwrap();
    let more = [("--trusted-documents", "log"), ("--trusted-documents-file", path)];
    let log = files.path().join("log");
    let process =
        Process::start_talkative(&world.sandbox, &database, &more, File::create(&log).unwrap()).await;
    let token = world.persona("manager").await.token();
    let somebody = world.bearer_at(&process.url, token);
    for query in [STRANGE, STRANGE, "{ __typename }", PAGE] {
        assert_eq!(somebody.asks(query).await.status, 200);
    }
    let strangers = "{ apiInfo { version } }";
    let request = world.client.post(format!("{}/graphql", process.url)).json(&json!({"query": strangers}));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(process.metric("untrusted_documents_total").await, Some(4.0));
    let named = format!("sha256:{}", hash(STRANGE));
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains(&named)).count(), 1, "{log}");
    assert!(!log.contains(&hash(strangers)), "strangers name nothing: {log}");
    let page = process.metrics().await;
    let of = |name: &str| format!("graphql_requests_total{{operation=\"{name}\",type=\"query\"");
    assert!(page.contains(&of("Page")) && page.contains(&of("other")), "{page}");
}

#[test]
fn everything_that_is_wrong_with_the_file_is_told_at_once_and_the_server_does_not_start() {
    let bad = file(&json!({"a": "query A { nothing }", "b": "query B {", "c": PAGE}));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_taskgate"))
        .args(["--sandbox", "--listen-addr", "127.0.0.1:0", "--sandbox-issuer-port", "0"])
        .args(["--sandbox-permit-api-port", "0", "--sandbox-pdp-port", "0"])
        .args(["--trusted-documents", "enforce", "--trusted-documents-file", bad.path().to_str().unwrap()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("- a:1:11: Unknown field") && told.contains("- b:1:"), "{told}");
    assert!(!told.contains("- c"), "{told}");
}

#[tokio::test]
async fn what_the_documents_of_a_manifest_need_is_told_without_a_server() {
    let world = World::start().await;
    let file = file(&json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        {"id": "p", "name": "Page", "type": "query", "body": PAGE},
        {"id": "c", "name": "Create", "type": "mutation", "body": CREATE}]}));
    let text = world.command(&["schema", "--documents", file.path().to_str().unwrap()]).await;
    assert_eq!(
        text,
        "p:1:1: Page needs task:get; admin, manager, viewer\nc:1:1: Create needs task:create; admin, manager\n"
    );
}
