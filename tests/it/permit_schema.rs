//! The stand-in for Permit: resources, actions and roles, and what a change of them does to decisions.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::World;

/// A world with a resource `doc` of three actions, a role that holds them all, and somebody who has it.
async fn with_docs() -> World {
    let world = World::start().await;
    let doc = json!({"key": "doc", "name": "Document", "actions": {"read": {}, "write": {}, "shred": {}}});
    world.rest_ok(Method::POST, "schema/resources", doc).await;
    let permissions = ["doc:read", "doc:write", "doc:shred"];
    let role = json!({"key": "clerk", "name": "Clerk", "permissions": permissions});
    world.rest_ok(Method::POST, "schema/roles", role).await;
    world.holder("ann", "clerk").await;
    assert!(world.allows("ann", "doc:shred").await);
    world
}

#[tokio::test]
async fn an_action_that_is_dropped_is_revoked_everywhere_and_the_others_stay_the_same() {
    let without_shred = json!({"name": "Document", "actions": {"read": {}, "write": {}}});
    for (method, path, body) in [
        (Method::PATCH, "schema/resources/doc", json!({"actions": {"read": {}, "write": {}}})),
        (Method::PUT, "schema/resources/doc", without_shred),
        (Method::DELETE, "schema/resources/doc/actions/shred", json!(null)),
    ] {
        let world = with_docs().await;
        let before = world.rest_get("schema/resources/doc/actions").await;

        world.rest_ok(method.clone(), path, body).await;

        assert!(!world.allows("ann", "doc:shred").await, "{method}");
        assert!(world.allows("ann", "doc:write").await, "{method}");
        let role = world.rest_get("schema/roles/clerk").await;
        assert_eq!(role["permissions"], json!(["doc:read", "doc:write"]), "{method}");
        let after = world.rest_get("schema/resources/doc/actions").await;
        assert_eq!(after, json!([before[0], before[2]]), "{method}: ids and times are kept");

        let shred = json!({"key": "shred", "name": "Shred"});
        world.rest_ok(Method::POST, "schema/resources/doc/actions", shred).await;
        assert!(!world.allows("ann", "doc:shred").await, "{method}: it does not come back by name");
        world.rest_ok(Method::PATCH, "schema/roles/clerk", json!({"name": "Scribe"})).await;
    }
}

#[tokio::test]
async fn a_resource_is_replaced_but_for_its_key_and_its_id() {
    let world = with_docs().await;
    let path = "schema/resources/doc";
    let before = world.rest_ok(Method::PATCH, path, json!({"description": "Paper", "urn": "prn:doc"})).await;
    assert_eq!(before["description"], "Paper");

    let after = world.rest_ok(Method::PUT, path, json!({"name": "Doc", "actions": {"read": {}}})).await;

    assert_eq!((&after["key"], &after["id"]), (&before["key"], &before["id"]));
    assert_eq!(
        (&after["name"], &after["description"], &after["urn"]),
        (&json!("Doc"), &json!(null), &json!(null))
    );
    assert_eq!(after["actions"]["read"]["id"], before["actions"]["read"]["id"]);
    let (status, _) = world.rest(Method::PUT, path, json!({"name": "Doc"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "actions are required");
    let (status, _) =
        world.rest(Method::PUT, "schema/resources/none", json!({"name": "", "actions": {}})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_action_is_updated_by_key_or_by_id_and_shows_when() {
    let world = with_docs().await;
    let actions = "schema/resources/doc/actions";
    let read = world.rest_get(&format!("{actions}/read")).await;
    let id = read["id"].as_str().unwrap();

    let updated =
        world.rest_ok(Method::PATCH, &format!("{actions}/{id}"), json!({"description": "Look"})).await;

    assert_eq!(
        (&updated["key"], &updated["id"], &updated["name"]),
        (&json!("read"), &json!(id), &json!("read"))
    );
    assert_eq!(updated["description"], "Look");
    assert_eq!(updated["created_at"], read["created_at"]);
    assert_eq!(world.rest_get(&format!("{actions}/read")).await, updated, "a read changes nothing");
    let (status, _) = world.rest(Method::PATCH, &format!("{actions}/none"), json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn attributes_read_as_objects_with_key_and_id() {
    let world = World::start().await;
    let attributes =
        json!({"private": {"type": "bool", "description": "Not for all"}, "size": {"type": "number"}});
    let body = json!({"key": "file", "name": "File", "actions": {}, "attributes": attributes});
    let created = world.rest_ok(Method::POST, "schema/resources", body).await;

    let private = &created["attributes"]["private"];
    assert_eq!((&private["key"], &private["type"]), (&json!("private"), &json!("bool")));
    assert_eq!(private["description"], "Not for all");
    assert_eq!(private["id"].as_str().map(str::len), Some(32));
    let listed = world.rest_get("schema/resources").await;
    let file = listed.as_array().unwrap().iter().find(|resource| resource["key"] == "file").unwrap();
    assert_eq!(file["attributes"], created["attributes"]);

    // What was read may be sent back.
    let patched = world.rest_ok(Method::PATCH, "schema/resources/file", file.clone()).await;
    assert_eq!(patched["attributes"], created["attributes"]);

    let unknown = json!({"attributes": {"private": {"type": "boolean"}}});
    let (status, _) = world.rest(Method::PATCH, "schema/resources/file", unknown).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn attributes_are_added_changed_and_removed_one_by_one() {
    let world = World::start().await;
    let path = "schema/resources/task/attributes";
    let body = json!({"key": "size", "type": "number", "description": "In lines"});
    let size = world.rest_ok(Method::POST, path, body.clone()).await;
    assert_eq!(
        (&size["key"], &size["type"], &size["resource_key"]),
        (&json!("size"), &json!("number"), &json!("task"))
    );
    let (status, _) = world.rest(Method::POST, path, body).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let changed = world.rest_ok(Method::PATCH, &format!("{path}/size"), json!({"type": "string"})).await;
    assert_eq!(
        (&changed["id"], &changed["type"], &changed["description"]),
        (&size["id"], &json!("string"), &json!("In lines"))
    );

    world.rest_ok(Method::DELETE, &format!("{path}/size"), json!(null)).await;
    let left = world.rest_get(path).await;
    let keys: Vec<&Value> = left.as_array().unwrap().iter().map(|attribute| &attribute["key"]).collect();
    assert_eq!(keys, ["assignee", "owner"]);
}

#[tokio::test]
async fn what_is_not_imitated_is_refused_and_not_dropped() {
    let world = World::start().await;
    for (member, value) in
        [("roles", json!({"editor": {"name": "Editor"}})), ("relations", json!({"parent": "folder"}))]
    {
        let mut body = json!({"key": "folder", "name": "Folder", "actions": {}});
        body[member] = value;
        let (status, answer) = world.rest(Method::POST, "schema/resources", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{member}");
        assert!(answer["detail"][0]["msg"].as_str().unwrap().contains("does not imitate"), "{answer}");
    }
    let body = json!({"key": "folder", "name": "Folder", "actions": {}, "roles": {}, "relations": null});
    world.rest_ok(Method::POST, "schema/resources", body).await;
}

#[tokio::test]
async fn permissions_and_parents_that_are_named_by_id_take_part_in_decisions() {
    let world = with_docs().await;
    let doc = world.rest_get("schema/resources/doc").await;
    let clerk = world.rest_get("schema/roles/clerk").await;
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let read = format!("{}:{}", id(&doc), id(&doc["actions"]["read"]));
    world
        .rest_ok(
            Method::POST,
            "schema/roles",
            json!({"key": "reader", "name": "Reader", "permissions": [read]}),
        )
        .await;
    world
        .rest_ok(
            Method::POST,
            "schema/roles",
            json!({"key": "heir", "name": "Heir", "extends": [id(&clerk)]}),
        )
        .await;
    world.holder("ron", "reader").await;
    world.holder("hal", "heir").await;

    assert!(world.allows("ron", "doc:read").await);
    assert!(world.allows("hal", "doc:shred").await);
    assert_eq!(world.rest_get("schema/roles/heir").await["extends"], json!(["clerk"]));

    let path = "schema/roles/reader/permissions";
    let left = world.rest_ok(Method::DELETE, path, json!({"permissions": [read]})).await;
    assert_eq!(left["permissions"], json!([]));
}

#[tokio::test]
async fn a_method_that_is_not_there_is_answered_in_json() {
    let world = World::start().await;
    for path in
        ["schema/resources", "schema/roles/viewer/permissions", "facts/users", "facts/role_assignments"]
    {
        let (status, answer) = world.rest(Method::PATCH, path, json!({})).await;
        assert_eq!(
            (status, answer),
            (StatusCode::METHOD_NOT_ALLOWED, json!({"detail": "Method Not Allowed"})),
            "{path}"
        );
    }
}
