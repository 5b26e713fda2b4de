//! `POST /permissions`, as Permit's front-end SDK asks.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Persona, World};

async fn asks(world: &World, persona: &Persona<'_>, query: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/permissions{query}", world.url);
    let request = world.client.post(url).bearer_auth(persona.token()).json(body);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

fn pair(action: &str, resource: &str) -> Value {
    // As the SDK writes it.
    json!({"action": action, "resource": resource, "userAttributes": {}, "resourceAttributes": {}})
}

#[tokio::test]
async fn a_list_is_answered_in_order_by_one_call() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = format!("task:{}", manager.creates_task("t").await);
    let pdp = world.sandbox.pdp.url();
    let before = world.count(&pdp, "POST /allowed").await;
    let body = json!({"resourcesAndActions":
        [pair("create", "task"), pair("delete", "task"), pair("update", &task), pair("fly", "task")]});

    let (status, answer) = asks(&world, &manager, "?user=auth0|sandbox-manager", &body).await;

    assert_eq!((status, &answer["permittedList"]), (StatusCode::OK, &json!([true, false, true, false])));
    assert_eq!(world.count(&pdp, "POST /allowed").await - before, 1);
}

#[tokio::test]
async fn a_single_pair_is_answered_alone() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    for (action, expected) in [("get", true), ("delete", false)] {
        let told = asks(&world, &viewer, "", &pair(action, "task")).await;
        assert_eq!(told, (StatusCode::OK, json!({"permitted": expected})));
    }
}

#[tokio::test]
async fn nobody_asks_for_somebody_else_or_brings_attributes() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    let plain = json!({"resourcesAndActions": [pair("delete", "task")]});
    let with = |name: &str| {
        let mut pair = pair("delete", "task");
        pair[name] = json!({"role": "admin"});
        json!({"resourcesAndActions": [pair]})
    };

    for (query, body) in [
        ("?user=auth0|sandbox-admin", &plain),
        ("?user=auth0|sandbox-viewer&user=auth0|sandbox-admin", &plain),
        ("", &with("userAttributes")),
        ("", &with("resourceAttributes")),
        ("", &json!({"resourcesAndActions": [pair("get", "task:nonsense")]})),
        ("", &json!({"resourcesAndActions": vec![pair("get", "task"); 201]})),
        ("", &json!({"resourcesAndActions": [{"action": "get"}]})),
        ("", &json!([pair("get", "task")])),
    ] {
        let (status, answer) = asks(&world, &viewer, query, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query} {answer}");
        assert!(answer["errors"][0]["message"].is_string(), "{answer}");
        assert!(answer.get("permittedList").is_none());
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_told_and_without_a_pdp_nothing_is_allowed() {
    let world = World::start().await;
    let body = json!({"resourcesAndActions": [pair("get", "task")]});
    let url = format!("{}/permissions", world.url);
    let got = world.client.get(&url).send().await.unwrap();
    assert_eq!(
        (got.status(), &got.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
    );
    let anonymous = world.client.post(url).json(&body).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);

    let viewer = world.signed_in("viewer").await;
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "status", "status": 500})).await;
    let (status, answer) = asks(&world, &viewer, "", &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "AUTHZ_UNAVAILABLE");
}

#[tokio::test]
async fn somebody_who_was_removed_is_told_nothing() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let remove = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";
    admin.asks_with(remove, json!({"id": viewer.user_id().await})).await.data();

    let (status, _) = asks(&world, &viewer, "", &pair("get", "task")).await;

    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
