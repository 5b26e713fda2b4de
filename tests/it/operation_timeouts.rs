//! The wall clock: an operation that takes too long is answered in time, and the answer does not lie.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Node, World, eventually};

const LIMIT: u64 = 2_000;

/// A server that gives up before its PDP does, and a manager who signed in at another.
async fn world() -> (World, Node, String) {
    let world = World::start().await;
    let node = world
        .another_node_with(|config| {
            config.permit.answer_timeout = Duration::from_secs(20);
            config.http.operation_timeout = Duration::from_millis(LIMIT);
            config.graphql.operation_timeout = Duration::from_millis(LIMIT);
        })
        .await;
    let token = world.signed_in("manager").await.token();
    (world, node, token)
}

async fn slow_down(world: &World) {
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "delay", "ms": LIMIT + 500})).await;
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_given_up() {
    let (world, node, token) = world().await;
    let manager = node.bearer(token);
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "hang"})).await;
    let started = Instant::now();

    let answer = manager.asks("{ tasks { nodes { id } } }").await;

    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(answer.status, 504);
    assert_eq!(answer.refusal()["code"], "OPERATION_TIMEOUT");
    assert_eq!(answer.refusal()["limitMs"], LIMIT);
    assert_eq!(answer.refusal().get("outcome"), None, "nothing was to be changed");
}

#[tokio::test]
async fn a_mutation_that_takes_too_long_is_not_said_to_have_failed_and_is_done_once() {
    let (world, node, token) = world().await;
    let manager = node.bearer(token);
    slow_down(&world).await;
    let create = "mutation { createTask(input: {title: \"Late\", idempotencyKey: \"k\"}) { task { id } } }";

    let answer = manager.asks(create).await;

    assert_eq!(answer.status, 504);
    assert_eq!(answer.refusal()["code"], "OPERATION_TIMEOUT");
    assert_eq!(answer.refusal()["outcome"], "UNKNOWN");
    world.mend(&world.sandbox.pdp.url()).await;
    let list = "{ tasks(filter: {titleContains: \"Late\"}) { nodes { id } } }";
    let done = eventually("the task", async || {
        let data = manager.asks(list).await.data();
        data["tasks"]["nodes"].as_array().filter(|nodes| !nodes.is_empty()).cloned()
    })
    .await;
    let again = manager.asks(create).await.data();
    assert_eq!(again["createTask"]["task"], done[0], "the key tells what came of it");
    assert_eq!(manager.asks(list).await.data()["tasks"]["nodes"], json!(done), "and it is not done twice");
}

#[tokio::test]
async fn a_subscription_that_cannot_begin_in_time_is_refused() {
    let (world, node, token) = world().await;
    let manager = node.bearer(token);
    let socket = manager.connects().await;
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "hang"})).await;

    let refusal = socket.subscribes("subscription { taskChanged { taskId } }").await.refusal().await;

    assert_eq!(refusal[0]["extensions"]["code"], "OPERATION_TIMEOUT");
    let mut query = socket.subscribes("{ tasks { nodes { id } } }").await;
    assert_eq!(query.refusal().await[0]["extensions"]["code"], "OPERATION_TIMEOUT");
    let mut public = socket.subscribes("{ apiInfo { name } }").await;
    assert!(public.next().await["data"]["apiInfo"]["name"].is_string(), "the socket goes on");
}

#[tokio::test]
async fn an_event_that_takes_too_long_is_one_to_fetch_again_and_the_subscription_goes_on() {
    let (world, node, token) = world().await;
    let manager = node.bearer(token);
    let socket = manager.connects().await;
    let mut changes =
        socket.subscribes("subscription { changed: taskChanged { taskId task { notes } } }").await;
    // It is let in when an event is told.
    while changes.soon().await.is_none() {
        manager.creates_task("First").await;
    }
    while changes.soon().await.is_some() {}
    let id = manager.creates_task("Second").await;
    while changes.soon().await.is_some() {}
    slow_down(&world).await;
    // Its own answer is late too.
    let _ = manager
        .asks_with(
            "mutation($id: ID!) { updateTask(input: {id: $id, title: \"Third\"}) { task { id } } }",
            json!({"id": id}),
        )
        .await;

    let late = changes.next().await;

    let error = &late["errors"][0];
    assert_eq!(error["extensions"]["code"], "OPERATION_TIMEOUT", "{late}");
    assert_eq!((&error["path"], &error["extensions"]["refetch"]), (&json!(["changed"]), &json!(true)));
    world.mend(&world.sandbox.pdp.url()).await;
    manager.creates_task("Fourth").await;
    assert_eq!(changes.next().await["data"]["changed"]["task"]["notes"], "n");
}
