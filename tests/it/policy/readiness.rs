//! `/ready`, while Permit lacks what the schema asks about.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Node, World};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

async fn ready(world: &World, node: &Node) -> (u16, Value) {
    let answer = world.client.get(format!("{}/ready", node.url)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_server_says_by_name_what_permit_lacks_until_it_is_there() {
    let world = World::start().await;
    for action in ["assign", "read-notes"] {
        let path = format!("schema/resources/task/actions/{action}");
        world.rest_ok(Method::DELETE, &path, json!(null)).await;
    }
    let node = world.another_node().await;

    let (status, told) = ready(&world, &node).await;

    assert_eq!((status, &told["status"]), (503, &json!("not ready")));
    assert_eq!(told["policy"], "lacks what the schema asks about");
    assert_eq!(told["missing"], json!(["task:assign", "task:read-notes"]));

    let api = world.sandbox.permit_api.url();
    world.forgets_counts(&api).await;
    for _ in 0..20 {
        ready(&world, &node).await;
    }
    assert!(world.count(&api, "").await <= 5, "nobody who asks for readiness asks Permit");

    for action in ["assign", "read-notes"] {
        let body = json!({"key": action, "name": action});
        world.rest_ok(Method::POST, "schema/resources/task/actions", body).await;
    }
    let mended = async {
        while ready(&world, &node).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, mended).await.expect("it is looked at again");
    let (_, told) = ready(&world, &node).await;
    assert_eq!((&told["policy"], told.get("missing")), (&json!("ok"), None));
}

#[tokio::test]
async fn a_rest_api_that_is_away_is_no_reason_not_to_be_ready() {
    let mut world = World::start().await;
    world.sandbox.permit_api.stop().await;
    let node = world.another_node().await;

    let (status, told) = ready(&world, &node).await;

    assert_eq!((status, &told["status"], &told["policy"]), (200, &json!("ok"), &json!("unknown")));
}

#[tokio::test]
async fn what_was_missing_is_believed_while_permit_is_away() {
    let world = World::start().await;
    world.rest_ok(Method::DELETE, "schema/resources/user", json!(null)).await;
    let node = world.another_node().await;
    let (_, told) = ready(&world, &node).await;
    let users = ["user:assign-role", "user:create", "user:delete", "user:get"];
    assert_eq!(told["missing"], json!(users));

    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 503})).await;
    world.forgets_counts(&api).await;
    let asked_twice = async {
        while world.count(&api, "GET /v2/schema").await < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked_twice).await.expect("it is looked at again");

    assert_eq!(ready(&world, &node).await.1, told);
}
