//! What somebody who may read the audit sees of a task's past.

use serde_json::{Value, json};

use crate::support::{Persona, World};

const HISTORY: &str = "query($id: ID!, $first: Int, $after: String) { task(id: $id) {
    title history(first: $first, after: $after) {
        edges { cursor } nodes { id kind by at version } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";

async fn ticks(persona: &Persona<'_>, id: &str, done: bool) {
    let document = "mutation($id: ID!, $done: Boolean!) {
        setTaskCompleted(input: {id: $id, completed: $done}) { task { id } } }";
    persona.asks_with(document, json!({"id": id, "done": done})).await.data();
}

#[tokio::test]
async fn an_admin_sees_who_did_what_newest_first() {
    let world = World::start().await;
    let (admin, manager) = (world.signed_in("admin").await, world.signed_in("manager").await);
    let id = manager.creates_task("Task").await;
    ticks(&world.signed_in("viewer").await, &id, true).await;
    ticks(&manager, &id, true).await;

    let read = admin.asks_with(HISTORY, json!({"id": id})).await.data();

    let history = &read["task"]["history"];
    let lines: Vec<Value> = history["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| json!([event["kind"], event["by"], event["version"]]))
        .collect();
    assert_eq!(
        json!(lines),
        json!([["UPDATED", "auth0|sandbox-viewer", 2], ["CREATED", "auth0|sandbox-manager", 1]]),
        "ticking off what is ticked off is no event"
    );
    assert!(history["nodes"][0]["at"].is_string());
    assert_ne!(history["nodes"][0]["id"], history["nodes"][1]["id"]);
}

#[tokio::test]
async fn a_manager_is_refused_the_history_and_nothing_else_in_one_error() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for n in 0..3 {
        manager.creates_task(&format!("Task {n}")).await;
    }

    let answer = manager.asks("{ tasks { nodes { title notes history { nodes { kind } } } } }").await;

    let refusal = answer.refusal();
    assert_eq!((&refusal["code"], &refusal["count"]), (&json!("FORBIDDEN"), &json!(3)));
    assert_eq!((&refusal["resource"], &refusal["action"]), (&json!("audit"), &json!("get")));
    assert_eq!(answer.body["errors"][0]["path"], json!(["tasks", "nodes", 0, "history"]));
    let row = &answer.body["data"]["tasks"]["nodes"][2];
    assert_eq!(row, &json!({"title": "Task 0", "notes": "n", "history": null}));
}

#[tokio::test]
async fn the_pages_of_a_history_joined_are_the_history() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = admin.creates_task("Task").await;
    for n in 0..6 {
        ticks(&admin, &id, n % 2 == 0).await;
    }

    let (mut versions, mut after) = (Vec::new(), json!(null));
    loop {
        let asked = json!({"id": id, "first": 3, "after": after});
        let page = admin.asks_with(HISTORY, asked).await.data()["task"]["history"].clone();
        assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
        versions
            .extend(page["nodes"].as_array().unwrap().iter().map(|event| event["version"].as_i64().unwrap()));
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(after, page["edges"].as_array().unwrap().last().unwrap()["cursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(versions, [7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_cursor_is_good_for_the_history_of_its_own_task_alone() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let (one, other) = (admin.creates_task("One").await, admin.creates_task("Other").await);
    let read = admin.asks_with(HISTORY, json!({"id": one})).await.data();
    let cursor = &read["task"]["history"]["edges"][0]["cursor"];
    let list = admin.asks("{ tasks { pageInfo { endCursor } } }").await.data();

    for (after, first) in
        [(cursor, 1), (&list["tasks"]["pageInfo"]["endCursor"], 1), (&json!("x"), 1), (&json!(null), 101)]
    {
        let answer = admin.asks_with(HISTORY, json!({"id": other, "after": after, "first": first})).await;
        assert_eq!(answer.refusal()["code"], "BAD_USER_INPUT", "{}", answer.body);
        assert_eq!(answer.body["data"]["task"], json!({"title": "Other", "history": null}));
    }
}

#[tokio::test]
async fn the_payload_of_a_change_shows_the_change_in_its_history() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = admin.creates_task("Task").await;
    let document = "mutation($id: ID!) {
        a: updateTask(input: {id: $id, title: \"A\"}) { task { history { nodes { version } } } }
        b: updateTask(input: {id: $id, title: \"B\"}) { task { history { nodes { version } } } } }";

    let data = admin.asks_with(document, json!({"id": id})).await.data();

    assert_eq!(data["a"]["task"]["history"]["nodes"], json!([{"version": 2}, {"version": 1}]));
    assert_eq!(
        data["b"]["task"]["history"]["nodes"],
        json!([{"version": 3}, {"version": 2}, {"version": 1}])
    );
}
