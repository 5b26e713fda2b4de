//! The stand-in for Permit: condition sets, the rules between them, and what they do to decisions.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;

use crate::support::World;

impl World {
    /// Whether the PDP lets `user` do it to a task with these attributes; asked alone and in bulk.
    async fn allows_on_task(&self, user: &str, action: &str, attributes: Value) -> bool {
        let check = json!({
            "user": {"key": user},
            "action": action,
            "resource": {"type": "task", "key": "t1", "tenant": "default", "attributes": attributes},
        });
        let alone = self.pdp("/allowed", check.clone()).await["allow"].clone();
        let bulk = self.pdp("/allowed/bulk", json!([check, check])).await;
        assert_eq!((&bulk["allow"][0]["allow"], &bulk["allow"][1]["allow"]), (&alone, &alone));
        alone == true
    }

    /// Somebody without a role.
    async fn known(&self, user: &str) {
        self.rest_ok(Method::PUT, &format!("facts/users/{user}"), json!({"key": user})).await;
    }

    async fn rule(&self, method: Method, rule: Value) -> Value {
        self.rest_ok(method, "facts/set_rules", rule).await
    }
}

#[tokio::test]
async fn owners_and_assignees_hold_on_their_task_what_the_table_says() {
    let world = World::start().await;
    world.known("ann").await;
    let actions = ["get", "update", "check", "delete", "assign", "read-notes", "create"];
    for (relation, held) in [
        ("owner", [true, true, true, true, true, true, false]),
        ("assignee", [true, false, true, false, false, true, false]),
    ] {
        for (action, holds) in actions.into_iter().zip(held) {
            let hers = json!({relation: "ann", "title": "x"});
            assert_eq!(world.allows_on_task("ann", action, hers).await, holds, "{relation} {action}");
            let his = json!({relation: "bob"});
            assert!(!world.allows_on_task("ann", action, his).await, "another's {relation} {action}");
        }
    }
}

#[tokio::test]
async fn without_attributes_only_roles_decide() {
    let world = World::start().await;
    world.known("ann").await;
    world.holder("vic", "viewer").await;

    for nothing in [json!({}), json!(null), json!({"owner": null}), json!({"owner": ""})] {
        assert!(!world.allows_on_task("ann", "get", nothing.clone()).await, "{nothing}");
        assert!(world.allows_on_task("vic", "get", nothing.clone()).await, "{nothing}");
        assert!(!world.allows_on_task("vic", "delete", nothing.clone()).await, "{nothing}");
    }
    assert!(world.allows_on_task("vic", "delete", json!({"owner": "vic"})).await);
}

#[tokio::test]
async fn whom_permit_does_not_know_no_rule_knows_either() {
    let world = World::start().await;
    assert!(!world.allows_on_task("ann", "get", json!({"owner": "ann"})).await);

    world.known("ann").await;
    assert!(world.allows_on_task("ann", "get", json!({"owner": "ann"})).await);

    let elsewhere = json!({
        "user": {"key": "ann"}, "action": "get",
        "resource": {"type": "task", "tenant": "nowhere", "attributes": {"owner": "ann"}},
    });
    assert_eq!(world.pdp("/allowed", elsewhere).await["allow"], false);
}

#[tokio::test]
async fn nobody_makes_themselves_another_by_an_attribute_of_their_own() {
    let world = World::start().await;
    world.known("ann").await;
    let check = json!({
        "user": {"key": "ann", "attributes": {"key": "bob", "role": ["admin"]}}, "action": "get",
        "resource": {"type": "task", "attributes": {"owner": "bob", "type": "user"}},
    });

    assert_eq!(world.pdp("/allowed", check).await["allow"], false);
}

#[tokio::test]
async fn a_rule_that_is_taken_away_allows_no_longer() {
    let world = World::start().await;
    world.known("ann").await;
    let mine = json!({"owner": "ann"});
    let rule = json!({"user_set": "everyone", "permission": "task:update", "resource_set": "task_owner"});

    world.rule(Method::DELETE, rule.clone()).await;

    assert!(!world.allows_on_task("ann", "update", mine.clone()).await);
    assert!(world.allows_on_task("ann", "delete", mine.clone()).await, "the other rules stay");
    world.rule(Method::DELETE, rule.clone()).await;
    let given = world.rule(Method::POST, rule.clone()).await;
    assert_eq!(world.rule(Method::POST, rule).await, given, "given twice is given once");
    assert!(world.allows_on_task("ann", "update", mine).await);
}

#[tokio::test]
async fn a_role_and_a_resource_can_stand_for_sets() {
    let world = World::start().await;
    world.holder("vic", "viewer").await;
    world.known("ann").await;
    let rule = json!({
        "user_set": "viewer", "permission": "task:update", "resource_set": "task_assignee", "is_role": true,
    });
    let given = world.rule(Method::POST, rule).await;
    assert_eq!(given[0]["user_set"], "__autogen_viewer");
    assert!(world.allows_on_task("vic", "update", json!({"assignee": "vic"})).await);
    assert!(!world.allows_on_task("vic", "update", json!({"assignee": "ann"})).await);
    assert!(!world.allows_on_task("ann", "update", json!({"assignee": "ann"})).await, "she is no viewer");

    let adults = json!({
        "key": "adults", "name": "Adults", "type": "userset",
        "conditions": {"allOf": [{"user.age": {"greater-than-equals": 18}}]},
    });
    world.rest_ok(Method::POST, "schema/condition_sets", adults).await;
    let rule = json!({
        "user_set": "adults", "permission": "task:create", "resource_set": "task", "is_resource": true,
    });
    assert_eq!(world.rule(Method::POST, rule).await[0]["resource_set"], "__autogen_task");
    assert!(!world.allows("ann", "task:create").await);
    world.rest_ok(Method::PATCH, "facts/users/ann", json!({"attributes": {"age": 18}})).await;
    assert!(world.allows("ann", "task:create").await);
    assert!(!world.allows("ann", "user:create").await);
}

#[tokio::test]
async fn condition_sets_read_as_they_were_written() {
    let world = World::start().await;
    let conditions =
        json!({"anyOf": [{"resource.size": {"less-than": 9}}, {"not": {"resource.owner": {"in": ["a"]}}}]});
    let body = json!({
        "key": "small", "name": "Small", "type": "resourceset", "resource_id": "task", "conditions": conditions,
    });
    let created = world.rest_ok(Method::POST, "schema/condition_sets", body.clone()).await;
    assert_eq!(created["conditions"], conditions);
    assert_eq!((&created["type"], &created["key"]), (&json!("resourceset"), &json!("small")));
    let task = world.rest_get("schema/resources/task").await;
    assert_eq!((&created["resource_id"], &created["resource"]["key"]), (&task["id"], &json!("task")));

    let id = created["id"].as_str().unwrap();
    assert_eq!(world.rest_get(&format!("schema/condition_sets/{id}")).await, created);
    let patch = json!({"description": "Not large", "type": "userset", "resource_id": null});
    let patched = world.rest_ok(Method::PATCH, "schema/condition_sets/small", patch).await;
    assert_eq!(patched["description"], "Not large");
    for settled in ["type", "resource_id", "conditions"] {
        assert_eq!(patched[settled], created[settled], "{settled}");
    }
    let (status, _) = world.rest(Method::POST, "schema/condition_sets", body).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let sets = world.rest_get("schema/condition_sets?type=resourceset").await;
    let keys: Vec<&str> = sets.as_array().unwrap().iter().map(|set| set["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["small", "task_assignee", "task_owner"]);
}

#[tokio::test]
async fn what_a_set_or_a_rule_needs_must_be_there() {
    let world = World::start().await;
    for (body, status) in [
        (json!({"key": "x", "name": "X", "type": "resourceset"}), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({"key": "x", "name": "X", "type": "resourceset", "resource_id": "none"}),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({"key": "x", "name": "X", "conditions": {"tenant.tier": {"equals": 1}}}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (json!({"key": "x", "name": "X", "parent_id": "everyone"}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (answered, answer) = world.rest(Method::POST, "schema/condition_sets", body.clone()).await;
        assert_eq!(answered, status, "{body} {answer}");
    }
    for (users, permission, resources, status) in [
        ("none", "task:get", "task_owner", StatusCode::NOT_FOUND),
        ("everyone", "task:get", "none", StatusCode::NOT_FOUND),
        ("everyone", "task:shred", "task_owner", StatusCode::NOT_FOUND),
        ("everyone", "get", "task_owner", StatusCode::BAD_REQUEST),
        ("task_owner", "task:get", "task_owner", StatusCode::NOT_FOUND),
    ] {
        let rule = json!({"user_set": users, "permission": permission, "resource_set": resources});
        let (answered, answer) = world.rest(Method::POST, "facts/set_rules", rule.clone()).await;
        assert_eq!(answered, status, "{rule} {answer}");
    }
}

#[tokio::test]
async fn rules_are_found_by_their_parts_and_go_with_them() {
    let world = World::start().await;
    let count = async |query: &str| {
        let rules = world.rest_get(&format!("facts/set_rules?per_page=100&{query}")).await;
        rules.as_array().unwrap().len()
    };
    assert_eq!(count("").await, 9);
    assert_eq!(count("resource_set=task_owner").await, 6);
    assert_eq!(count("permission=task:get&user_set=everyone").await, 2);
    assert_eq!(count("user_set=nobody").await, 0);

    world.rest_ok(Method::DELETE, "schema/resources/task/actions/check", json!(null)).await;
    assert_eq!(count("").await, 7, "an action takes its rules along");
    world.rest_ok(Method::DELETE, "schema/condition_sets/task_assignee", json!(null)).await;
    assert_eq!(count("").await, 5, "a set takes its rules along");
    world.rest_ok(Method::DELETE, "schema/resources/task", json!(null)).await;
    assert_eq!(count("").await, 0, "a resource takes its sets along, and they their rules");
    let (status, _) = world.rest(Method::GET, "schema/condition_sets/task_owner", json!(null)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_pdp_without_attribute_rules_says_so_and_decides_by_roles() {
    let world = World::start().await;
    world.holder("vic", "viewer").await;
    let pdp = world.sandbox.pdp.url();
    let switch = |on: bool| {
        let request = world.client.put(format!("{pdp}/sandbox/attribute-rules"));
        request.json(&json!({"supported": on})).send()
    };
    switch(false).await.unwrap().error_for_status().unwrap();

    let with = json!({
        "user": {"key": "vic"}, "action": "get", "resource": {"type": "task", "attributes": {"owner": "vic"}},
    });
    let without =
        json!({"user": {"key": "vic"}, "action": "get", "resource": {"type": "task", "attributes": {}}});
    for (path, body, status) in [
        ("/allowed", with.clone(), StatusCode::NOT_IMPLEMENTED),
        ("/allowed/bulk", json!([without, with]), StatusCode::NOT_IMPLEMENTED),
        ("/allowed/bulk", json!([without, without]), StatusCode::OK),
    ] {
        let request = world.client.post(format!("{pdp}{path}")).bearer_auth(API_KEY).json(&body);
        assert_eq!(request.send().await.unwrap().status(), status, "{path} {body}");
    }
    assert!(world.allows("vic", "task:get").await);

    switch(true).await.unwrap().error_for_status().unwrap();
    assert!(world.allows_on_task("vic", "delete", json!({"owner": "vic"})).await);
}
