//! GraphQL over HTTP, to the letter: media types, methods, statuses and the shape of every refusal.

use std::time::Instant;

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::{World, eventually};

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn post(world: &World) -> RequestBuilder {
    world.client.post(format!("{}/graphql", world.url)).header("content-type", JSON)
}

fn ok_body() -> String {
    json!({"query": "{ apiInfo { name } }"}).to_string()
}

async fn send(request: RequestBuilder) -> (StatusCode, String, Value) {
    let response = request.send().await.unwrap();
    let media = response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status(), media, response.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_media_type_is_the_one_that_the_client_likes_best() {
    let world = World::start().await;
    for (accept, status, media) in [
        (None, 200, JSON),
        (Some("*/*"), 200, JSON),
        (Some("application/*"), 200, JSON),
        (Some(JSON), 200, JSON),
        (Some(GRAPHQL), 200, GRAPHQL),
        (Some("application/graphql-response+json, application/json;q=0.9"), 200, GRAPHQL),
        (Some("application/graphql-response+json;q=0.5, application/json"), 200, JSON),
        (Some("application/json; charset=utf-8"), 200, JSON),
        (Some("application/json; charset=utf-16"), 406, JSON),
        (Some("application/json;q=0"), 406, JSON),
        (Some("text/html"), 406, JSON),
        (Some("image/png"), 406, JSON),
    ] {
        let mut request = post(&world).body(ok_body());
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let (got, kind, body) = send(request).await;
        assert_eq!(got, status, "{accept:?}");
        assert!(kind.starts_with(media), "{accept:?}: {kind}");
        assert_eq!(body["data"].is_object(), status == 200, "{accept:?}");
    }
}

#[tokio::test]
async fn a_document_that_is_not_executed_is_400_or_200_by_media_type_and_has_no_data() {
    let world = World::start().await;
    for (body, code) in [
        (json!({"query": "{ apiInfo { name }"}), "GRAPHQL_PARSE_FAILED"),
        (json!({"query": "secret text $$$"}), "GRAPHQL_PARSE_FAILED"),
        (json!({"query": "{ nothing }"}), "GRAPHQL_VALIDATION_FAILED"),
        (json!({"query": "query A { apiInfo { name } } query B { apiInfo { name } }"}), "BAD_REQUEST"),
        (json!({"query": "query A { apiInfo { name } }", "operationName": "C"}), "BAD_REQUEST"),
    ] {
        for (accept, status) in [(GRAPHQL, 400), (JSON, 200)] {
            let (got, _, answer) = send(post(&world).header("accept", accept).body(body.to_string())).await;
            assert_eq!(got, status, "{body} as {accept}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{body}");
            assert!(answer["errors"][0]["extensions"]["requestId"].is_string(), "{body}");
            assert!(answer.get("data").is_none(), "{body}");
            assert!(!answer.to_string().contains("secret text"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_in_the_shape_of_graphql() {
    let world = World::start().await;
    let deep = format!("{{\"query\":\"{{a}}\",\"variables\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (body, status) in [
        ("", 400),
        ("nonsense", 400),
        ("\u{0}", 400),
        ("[]", 400),
        (r#"[{"query":"{ apiInfo { name } }"}]"#, 400),
        ("{}", 400),
        (r#"{"query":1}"#, 400),
        (r#"{"query":null}"#, 400),
        (r#"{"query":""}"#, 400),
        (r#"{"query":"{a}","query":"{b}"}"#, 400),
        (r#"{"query":"{a}","variables":[]}"#, 400),
        (r#"{"query":"{a}","variables":"x"}"#, 400),
        (r#"{"query":"{a}","operationName":7}"#, 400),
        (r#"{"query":"{a}","extensions":7}"#, 400),
        (deep.as_str(), 400),
    ] {
        for accept in [GRAPHQL, JSON] {
            let (got, kind, answer) = send(post(&world).header("accept", accept).body(body.to_owned())).await;
            assert_eq!(got, status, "{body:.60}");
            assert!(kind.starts_with(accept), "{kind}");
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{body:.60}");
        }
    }
    let bytes = post(&world).body(vec![0xFF, 0xFE, 0x80]);
    assert_eq!(send(bytes).await.0, 400);
    let large = json!({"query": format!("# {}\n{{ apiInfo {{ name }} }}", "x".repeat(1024 * 1024))});
    assert_eq!(send(post(&world).body(large.to_string())).await.0, 413);
}

#[tokio::test]
async fn only_json_is_read_so_that_no_foreign_page_can_post_without_asking() {
    let world = World::start().await;
    let url = format!("{}/graphql", world.url);
    for (kind, status) in [
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("multipart/form-data"), 415),
        (Some("application/json; charset=latin1"), 415),
        (Some("application/json; charset=UTF-8"), 200),
        (Some("APPLICATION/JSON"), 200),
        (None, 415),
    ] {
        let mut request = world.client.post(&url).body(ok_body());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_eq!(send(request).await.0, status, "{kind:?}");
    }
    assert_eq!(send(post(&world).header("content-encoding", "gzip").body(ok_body())).await.0, 415);
}

#[tokio::test]
async fn get_runs_queries_and_nothing_else() {
    let world = World::start().await;
    let get = |parameters: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params(&format!("{}/graphql", world.url), parameters).unwrap();
        world.client.get(url)
    };
    let (status, _, answer) = send(get(&[
        (
            "query",
            "query A { __typename } query B($i: Boolean!) { apiInfo { name version @include(if: $i) } }",
        ),
        ("operationName", "B"),
        ("variables", r#"{"i": false}"#),
    ]))
    .await;
    assert_eq!((status, &answer["data"]), (StatusCode::OK, &json!({"apiInfo": {"name": "taskgate"}})));

    let mutation = get(&[("query", "mutation { login { ready } }")]).send().await.unwrap();
    assert_eq!(mutation.status(), 405);
    assert_eq!(mutation.headers()["allow"], "POST");
    assert_eq!(send(get(&[])).await.0, 400);
    assert_eq!(send(get(&[("query", "{ __typename }"), ("variables", "[]")])).await.0, 400);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = world.client.request(method, format!("{}/graphql", world.url)).send().await.unwrap();
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["allow"], "GET, POST");
    }
    let (status, _, answer) = send(world.client.get(format!("{}/nowhere", world.url))).await;
    assert_eq!(status, 404);
    assert!(answer["errors"][0]["message"].is_string());
}

/// Apollo Client and urql send the hash first, and the document when they learn that the hash is of no use.
#[tokio::test]
async fn a_hash_instead_of_a_document_is_refused_in_words_that_make_clients_send_the_document() {
    let world = World::with(|config| config.http.documents.persisted_bytes = 0).await;
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": "ab".repeat(32)}});
    let (status, _, posted) = send(post(&world).body(json!({"extensions": extensions}).to_string())).await;
    assert_eq!(status, 200);
    let url = format!("{}/graphql", world.url);
    let accept = ("accept", "application/graphql-response+json");
    let get =
        world.client.get(url).query(&[("extensions", extensions.to_string())]).header(accept.0, accept.1);
    let (status, _, got) = send(get).await;
    assert_eq!(status, 400);
    for answer in [posted, got] {
        assert_eq!(answer["errors"][0]["message"], "PersistedQueryNotSupported");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_SUPPORTED");
    }
    let (_, _, other) = send(post(&world).body(r#"{"extensions": {"persistedQuery": null}}"#)).await;
    assert_eq!(other["errors"][0]["message"], "`query` is missing.");
}

#[tokio::test]
async fn limits_are_told_with_their_numbers_and_variables_of_the_wrong_type_too() {
    let world = World::start().await;
    let fields = "apiInfo { name } ".repeat(21);
    let (status, _, answer) =
        send(post(&world).body(json!({"query": format!("{{ {fields} }}")}).to_string())).await;
    assert_eq!(status, 400);
    let told = &answer["errors"][0]["extensions"];
    assert_eq!(told["code"], "QUERY_TOO_COMPLEX");
    assert_eq!(
        (&told["what"], &told["limit"], &told["actual"]),
        (&json!("root fields"), &json!(20), &json!(21))
    );

    let wrong =
        json!({"query": "query($n: Int) { tasks(first: $n) { totalCount } }", "variables": {"n": "many"}});
    let (status, _, answer) = send(post(&world).header("accept", GRAPHQL).body(wrong.to_string())).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer.get("data").is_none());
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_400_before_anything_else() {
    let world = World::start().await;
    for value in ["Bearer", "Basic YTpi", "Bearer a b"] {
        let (status, _, answer) = send(post(&world).header("authorization", value).body("nonsense")).await;
        assert_eq!(status, 400, "{value}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("Bearer"), "{answer}");
    }
    let twice = post(&world).header("authorization", "Bearer a.b.c").header("authorization", "Bearer d.e.f");
    assert_eq!(send(twice.body(ok_body())).await.0, 400);
}

#[tokio::test]
async fn every_answer_is_named_and_protected() {
    let world = World::start().await;
    let named = post(&world).header("x-request-id", "mine-1").body(ok_body()).send().await.unwrap();
    assert_eq!(named.headers()["x-request-id"], "mine-1");
    assert_eq!(named.headers()["x-content-type-options"], "nosniff");
    assert_eq!(named.headers()["cache-control"], "no-store");
    assert_eq!(named.json::<Value>().await.unwrap()["extensions"]["requestId"], "mine-1");
    let odd = post(&world).header("x-request-id", "not {sane}").body(ok_body()).send().await.unwrap();
    assert_ne!(odd.headers()["x-request-id"], "not {sane}");
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let world = World::with(|config| config.http.cors_origins = vec!["https://app.example".into()]).await;
    for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
        let preflight = world
            .client
            .request(Method::OPTIONS, format!("{}/graphql", world.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = preflight.send().await.unwrap();
        let granted =
            answer.headers().get("access-control-allow-origin").is_some_and(|value| value == origin);
        assert_eq!(granted, allowed, "{origin}");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
}

/// Apollo Client names the application, tracing libraries the trace: a browser asks first whether that is allowed.
#[tokio::test]
async fn a_listed_origin_may_send_whatever_headers_its_libraries_add() {
    let world = World::with(|config| config.http.cors_origins = vec!["https://app.example".into()]).await;
    let wanted = "apollographql-client-name,authorization,content-type,traceparent";
    let preflight = world
        .client
        .request(Method::OPTIONS, format!("{}/graphql", world.url))
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", wanted);
    let answer = preflight.send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-headers"], wanted);
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let mut world = World::start().await;
    let ready = format!("{}/ready", world.url);
    assert_eq!(send(world.client.get(&ready)).await.0, 200);

    world.sandbox.pdp.stop().await;
    let answer = eventually("another look", async || {
        let (status, _, answer) = send(world.client.get(&ready)).await;
        (status == 503).then_some(answer)
    })
    .await;
    assert_eq!((&answer["database"], &answer["keys"]), (&json!("ok"), &json!("ok")));
    assert_eq!(answer["pdp"], "does not answer");
    assert_eq!(send(world.client.get(format!("{}/health", world.url))).await.0, 200);
}

#[tokio::test]
async fn whoever_asks_for_readiness_within_a_moment_shares_one_look() {
    let world = World::start().await;
    let (pdp, ready) = (world.sandbox.pdp.url(), format!("{}/ready", world.url));
    world.forgets_counts(&pdp).await;
    let began = Instant::now();

    let answers = join_all((0..100).map(|_| send(world.client.get(&ready)))).await;

    assert!(answers.iter().all(|(status, ..)| *status == 200));
    let looks = world.count(&pdp, "").await;
    assert!((1..=1 + began.elapsed().as_secs()).contains(&looks), "{looks} looks");
}
