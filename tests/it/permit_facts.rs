//! The stand-in for Permit: users, tenants and role assignments, and what the PDP tells about them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;

use crate::support::World;

/// The id of an object, without and with dashes.
async fn spellings(world: &World, path: &str) -> [String; 2] {
    let id = world.rest_get(path).await["id"].as_str().unwrap().to_owned();
    let dashes = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    [id, dashes]
}

fn users_of(assignments: &Value) -> Vec<&str> {
    assignments.as_array().unwrap().iter().map(|held| held["user"].as_str().unwrap()).collect()
}

fn keys(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn filters_take_keys_and_ids_in_both_spellings() {
    let world = World::start().await;
    world.holder("ann", "viewer").await;
    world.holder("bob", "manager").await;
    let [user, user_dashed] = spellings(&world, "facts/users/ann").await;
    let [role, role_dashed] = spellings(&world, "schema/roles/viewer").await;
    let [tenant, tenant_dashed] = spellings(&world, "facts/tenants/default").await;

    for query in [
        "user=ann&role=viewer&tenant=default".to_owned(),
        format!("user={user}&role={role}&tenant={tenant}"),
        format!("user={user_dashed}&role={role_dashed}&tenant={tenant_dashed}"),
    ] {
        let listed = world.rest_get(&format!("facts/role_assignments?{query}")).await;
        assert_eq!(users_of(&listed), ["ann"], "{query}");
    }
    for role in ["viewer", &role, &role_dashed] {
        assert_eq!(keys(&world.rest_get(&format!("facts/users?role={role}")).await), ["ann"], "{role}");
    }
}

#[tokio::test]
async fn the_users_of_a_tenant_are_searched_and_filtered_and_nobody_is_there_twice() {
    let world = World::start().await;
    world.holder("ann", "viewer").await;
    world.holder("bob", "manager").await;
    let elsewhere = json!({"user": "bob", "role": "viewer", "tenant": "org_outside"});
    world.rest_ok(Method::POST, "facts/role_assignments", elsewhere).await;
    let found = async |query: &str| {
        let page = world.rest_get(&format!("facts/tenants/default/users{query}")).await;
        keys(&page).join(" ")
    };
    assert_eq!(found("").await, "ann bob");
    assert_eq!(found("?search=AN").await, "ann");
    assert_eq!(found("?role=viewer").await, "ann", "a role counts where it is held");
    let [viewer, _] = spellings(&world, "schema/roles/viewer").await;
    assert_eq!(found(&format!("?role={viewer}")).await, "ann");

    let [ann, _] = spellings(&world, "facts/users/ann").await;
    let member = world.rest_ok(Method::POST, "facts/tenants/org_outside/users", json!({"key": ann})).await;
    assert_eq!(member["key"], "ann");
    assert_eq!(keys(&world.rest_get("facts/users").await), ["ann", "bob"]);
}

#[tokio::test]
async fn a_bulk_assignment_does_with_missing_users_as_it_is_told() {
    let world = World::start().await;
    world.holder("ann", "viewer").await;
    let assignments = json!([
        {"user": "ann", "role": "manager", "tenant": "default"},
        {"user": "new", "role": "viewer", "tenant": "default"},
    ]);
    let assign = |policy: &str| {
        let path = format!("facts/role_assignments/bulk{policy}");
        let (world, assignments) = (&world, assignments.clone());
        async move { world.rest(Method::POST, &path, assignments).await }
    };
    assert_eq!(assign("").await.0, StatusCode::NOT_FOUND);
    assert_eq!(assign("?missing_user_policy=fail").await.0, StatusCode::NOT_FOUND);
    assert_eq!(assign("?missing_user_policy=perhaps").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(assign("?missing_user_policy=ignore").await.1, json!({"assignments_created": 1}));
    assert_eq!(assign("?missing_user_policy=create").await.1, json!({"assignments_created": 1}));
    assert!(world.allows("new", "task:get").await);
}

#[tokio::test]
async fn who_is_authorized_is_told_with_the_assignments_that_grant_it() {
    let world = World::start().await;
    world.holder("ann", "viewer").await;
    world.holder("ann", "manager").await;
    let query = json!({"action": "delete", "resource": {"type": "task", "key": "7"}});
    let nobody = json!({"resource": "task:7", "tenant": "default", "users": {}});
    assert_eq!(world.pdp("/authorized_users", query).await, nobody);

    let query = json!({"action": "create", "resource": {"type": "task"}});
    let grant =
        json!({"user": "ann", "tenant": "default", "resource": "__tenant:default", "role": "manager"});
    let answer = json!({"resource": "task:*", "tenant": "default", "users": {"ann": [grant]}});
    assert_eq!(world.pdp("/authorized_users", query).await, answer);
}

#[tokio::test]
async fn roles_on_instances_are_listed_by_resource_and_by_instance() {
    let world = World::start().await;
    world.holder("ann", "viewer").await;
    let held = json!({"user": "ann", "role": "manager", "tenant": "default", "resource_instance": "task:7"});
    let assigned = world.rest_ok(Method::POST, "facts/role_assignments", held).await;
    let id = assigned["resource_instance_id"].as_str().unwrap();

    let detailed = world.rest_get("facts/role_assignments/detailed?resource=task").await;
    let instance = json!({"id": id, "key": "7", "resource": "task", "attributes": {}});
    assert_eq!(
        (detailed["data"].as_array().unwrap().len(), &detailed["data"][0]["resource_instance"]),
        (1, &instance)
    );
    let whole = world.rest_get("facts/role_assignments/detailed?role=viewer").await;
    assert_eq!(whole["data"][0]["resource_instance"], Value::Null);

    for query in ["resource=task", "resource_instance=task:7", &format!("resource_instance={id}")] {
        let url = format!("{}/local/role_assignments?{query}", world.sandbox.pdp.url());
        let answer = world.client.get(url).bearer_auth(API_KEY).send().await.unwrap();
        let listed: Value = answer.json().await.unwrap();
        assert_eq!(
            listed,
            json!([{"user": "ann", "role": "manager", "tenant": "default", "resource_instance": "task:7"}]),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_conflict_says_what_exists() {
    let world = World::start().await;
    world.rest_ok(Method::PUT, "facts/users/ann", json!({"key": "ann", "email": "ann@example.com"})).await;
    world.holder("ann", "viewer").await;
    for (path, body, title, message) in [
        (
            "facts/users",
            json!({"key": "ann"}),
            "This user already exists",
            "A user with key 'ann' already exists",
        ),
        (
            "facts/users",
            json!({"key": "eve", "email": "ann@example.com"}),
            "This user already exists",
            "A user with email 'ann@example.com' already exists",
        ),
        (
            "facts/role_assignments",
            json!({"user": "ann", "role": "viewer", "tenant": "default"}),
            "This role assignment already exists",
            "The user 'ann' has the role 'viewer' in the tenant 'default' already",
        ),
    ] {
        let (status, answer) = world.rest(Method::POST, path, body).await;
        assert_eq!((status, &answer["error_code"]), (StatusCode::CONFLICT, &json!("DUPLICATE_ENTITY")));
        assert_eq!(answer["title"], title);
        assert!(answer["message"].as_str().unwrap().starts_with(message), "{answer}");
    }
}

#[tokio::test]
async fn the_pdp_asks_for_the_key_before_it_says_what_it_has() {
    let world = World::start().await;
    let get = |path: &str| world.client.get(format!("{}{path}", world.sandbox.pdp.url()));
    for path in ["/nothing", "/allowed", "/facts/users"] {
        assert_eq!(get(path).send().await.unwrap().status(), 401, "{path}");
        for wrong in [API_KEY, "Bearer other", "Basic abc"] {
            let answer = get(path).header("authorization", wrong).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{path} with {wrong}");
        }
    }
    let unknown = get("/nothing").bearer_auth(API_KEY).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json::<Value>().await.unwrap(), json!({"detail": "Not Found"}));
}
