//! The policy as the REST API shows it, and what the API key opens.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_role_is_looked_up_in_the_policy_as_it_is_spelled() {
    let (server, facts) = answering(200).await;

    assert!(facts.role_exists("enc-Admin").await.unwrap());

    assert_eq!(only_call(&server).line(), "GET /v2/schema/p1/e1/roles/enc-Admin");
}

#[tokio::test]
async fn roles_are_read_page_by_page_in_both_forms() {
    let (server, facts) = api(|asked| {
        let full: Vec<Value> = (0..100).map(|n| json!({"key": format!("role{n}")})).collect();
        let last = json!({"data": [{"key": "last", "name": "Last"}], "total_count": 101});
        Reply::Json(200, if asked.target.contains("page=1&") { full.into() } else { last })
    })
    .await;

    let roles = facts.roles().await.unwrap();

    assert_eq!((roles.len(), roles[100].as_str()), (101, "last"));
    assert_eq!(server.lines()[2], "GET /v2/schema/p1/e1/roles?page=2&per_page=100");
}

#[tokio::test]
async fn resources_are_read_with_their_actions_and_roles_with_their_permissions() {
    let (server, facts) = api(|asked| {
        let resources = json!([
            {"key": "task", "actions": {"get": {"id": "1", "name": "get"}, "delete": {}}},
            {"key": "bare", "actions": null},
        ]);
        let roles = json!([
            {"key": "viewer", "permissions": ["task:get"], "extends": []},
            {"key": "nobody", "permissions": null},
        ]);
        Reply::Json(200, if asked.target.contains("/resources") { resources } else { roles })
    })
    .await;

    let resources = facts.resources().await.unwrap();
    let roles = facts.role_permissions().await.unwrap();

    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(
        resources,
        BTreeMap::from([("task".to_owned(), set(&["get", "delete"])), ("bare".to_owned(), set(&[]))])
    );
    assert_eq!(
        roles,
        BTreeMap::from([("viewer".to_owned(), set(&["task:get"])), ("nobody".to_owned(), set(&[]))])
    );
    assert_eq!(server.lines()[1], "GET /v2/schema/p1/e1/resources?page=1&per_page=100");
}

#[tokio::test]
async fn the_scope_of_the_key_is_told_as_it_is_now() {
    let (server, facts) = answering(200).await;

    let scope = facts.scope().await.unwrap();
    facts.scope().await.unwrap();

    assert_eq!(scope, Scope { project: "p1".into(), environment: "e1".into() });
    assert_eq!(server.lines(), [SCOPE, SCOPE]);
}
