//! graphql-transport-ws, message by message and close code by close code.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Line, World};

fn subscribe(id: &str, query: &str) -> Value {
    json!({"type": "subscribe", "id": id, "payload": {"query": query}})
}

#[tokio::test]
async fn queries_and_mutations_are_answered_once_and_completed() {
    let world = World::start().await;
    let socket = world.signed_in("manager").await.connects().await;

    let mut created =
        socket.subscribes("mutation { createTask(input: {title: \"By socket\"}) { task { title } } }").await;
    assert_eq!(created.next().await["data"]["createTask"]["task"]["title"], "By socket");
    created.completes().await;

    let mut listed = socket.subscribes("{ tasks(first: 1) { nodes { title } } }").await;
    let answer = listed.next().await;
    assert_eq!(answer["data"]["tasks"]["nodes"][0]["title"], "By socket");
    assert_eq!(answer["extensions"]["authz"]["remoteCalls"], 1);
    listed.completes().await;
}
