//! How a connection becomes a WebSocket, and who is not let in.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::support::{Line, World};

const OURS: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

/// The answer to a handshake that is refused.
async fn refusal(world: &World, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    match Line::with(&world.url, headers).await {
        Err(Error::Http(response)) => {
            (response.status(), serde_json::from_slice(response.body().as_deref().unwrap()).unwrap())
        }
        Err(other) => panic!("no answer but {other}"),
        Ok(_) => panic!("{headers:?} is not refused"),
    }
}

#[tokio::test]
async fn another_subprotocol_or_none_closes_with_4406() {
    let world = World::start().await;
    for headers in [
        vec![],
        vec![("sec-websocket-protocol", "graphql-ws")],
        vec![("sec-websocket-protocol", "graphql-transport-ws-2, soap")],
    ] {
        let mut line = Line::with(&world.url, &headers).await.unwrap();
        assert_eq!(line.closes().await, (4406, "Subprotocol not acceptable".into()), "{headers:?}");
    }
    let several = [("sec-websocket-protocol", "graphql-ws, graphql-transport-ws")];
    let mut line = Line::with(&world.url, &several).await.unwrap();
    line.says(&json!({"type": "connection_init"})).await;
    assert_eq!(line.hears().await["type"], "connection_ack");
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_in_the_shape_of_graphql() {
    let world = World::start().await;
    let url = format!("{}/graphql", world.url);
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (method, key, version, connection, status) in [
        (Method::GET, Some("c2hvcnQ="), "13", "upgrade", 400),
        (Method::GET, Some("no base64!"), "13", "upgrade", 400),
        (Method::GET, None, "13", "upgrade", 400),
        (Method::GET, Some(key), "13", "keep-alive", 400),
        (Method::GET, Some(key), "8", "upgrade", 426),
        (Method::POST, Some(key), "13", "upgrade", 405),
    ] {
        let mut request = world.client.request(method, &url).header("upgrade", "websocket");
        request = request.header("connection", connection).header("sec-websocket-version", version);
        if let Some(key) = key {
            request = request.header("sec-websocket-key", key);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let wants = answer.headers().get("sec-websocket-version").cloned();
        assert_eq!(wants.is_some_and(|version| version == "13"), status == 426);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST");
        assert!(body["errors"][0]["extensions"]["requestId"].is_string());
    }
}

#[tokio::test]
async fn pages_of_foreign_origins_may_not_open_a_socket() {
    let world = World::with(|config| config.http.cors_origins = vec!["https://app.example".into()]).await;
    let own = world.url.clone();
    let port = own.rsplit(':').next().unwrap();
    for origin in [
        "https://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "https://app.example:444",
        "https://app.example.evil.example",
        &format!("http://127.0.0.1:{port}0"),
        &format!("http://evil.example/{own}"),
    ] {
        let (status, body) = refusal(&world, &[OURS, ("origin", origin)]).await;
        assert_eq!(status, 403, "{origin}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "ORIGIN_NOT_ALLOWED", "{origin}");
    }
    let twice = [OURS, ("origin", "https://app.example"), ("origin", "https://evil.example")];
    assert_eq!(refusal(&world, &twice).await.0, 403);
    for origin in [own.as_str(), "https://app.example", &own.replace("http:", "https:")] {
        Line::with(&world.url, &[OURS, ("origin", origin)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_bad_token_in_the_header_is_refused_like_that_of_any_request() {
    let world = World::start().await;
    for (value, status, code) in [
        ("Bearer a.b.c", 401, "UNAUTHENTICATED"),
        ("Basic YTpi", 400, "BAD_REQUEST"),
        ("Bearer", 400, "BAD_REQUEST"),
    ] {
        let (got, body) = refusal(&world, &[OURS, ("authorization", value)]).await;
        assert_eq!((got.as_u16(), &body["errors"][0]["extensions"]["code"]), (status, &json!(code)));
    }
}
