//! The whole policy: read in all the shapes that it comes in, and changed object by object.

use serde_json::{Value, json};

use super::*;
use crate::permit::{
    Flaw,
    policy::{Action, Attribute, ConditionSet, Metadata, ResourceType, Role, Rule, Side},
};

/// What the API lists, by the last word of the path.
fn lists(asked: &Asked) -> Value {
    let what = asked.target.split('?').next().unwrap().rsplit('/').next().unwrap();
    match what {
        "resources" => json!([
            {"id": "0A-0b", "key": "task", "actions": {"get": {"attributes": {"managed_by": "us"}}, "put": {}},
                "attributes": {"owner": {"type": "string", "description": null}}, "type_attributes": null},
            {"id": "1", "key": "__user", "actions": null},
        ]),
        "roles" => json!({"data": [
            {"key": "viewer", "permissions": ["task:get"], "extends": ["guest"], "attributes": {"a": 1}},
            {"key": "guest", "permissions": null, "extends": null, "attributes": null},
        ]}),
        "condition_sets" => json!([
            {"key": "all", "type": "userset", "conditions": {"x": 1}, "description": "d"},
            {"key": "own", "type": "resourceset", "resource_id": "0a0B", "conditions": null},
            {"key": "other", "type": "resourceset", "resource_id": "9", "resource": {"key": "doc"}},
            {"key": "__autogen_viewer", "type": "userset"},
        ]),
        "set_rules" => json!([
            {"user_set": "all", "permission": "task:get", "resource_set": "own"},
            {"user_set": "__autogen_viewer", "permission": "task:put", "resource_set": "__autogen_task"},
        ]),
        _ => json!({}),
    }
}

#[tokio::test]
async fn the_policy_is_read_from_four_lists() {
    let (server, facts) = api(|asked| Reply::Json(200, lists(asked))).await;

    let state = facts.policy().await.unwrap();

    let task = &state.resources["task"];
    assert_eq!(task.actions["get"].metadata["managed_by"], "us");
    assert_eq!((task.actions.len(), task.attributes["owner"].kind.as_str()), (2, "string"));
    assert_eq!(state.resources.len(), 1, "what is built in is left out");
    assert_eq!((state.roles["viewer"].extends.len(), &state.roles["guest"]), (1, &Role::default()));
    let resource = |key: &str| state.sets[key].resource.as_deref();
    assert_eq!([resource("all"), resource("own"), resource("other")], [None, Some("task"), Some("doc")]);
    assert_eq!(state.sets.len(), 3);
    let sides: Vec<_> = state.rules.iter().map(|rule| (rule.users.clone(), rule.resources.clone())).collect();
    assert_eq!(
        sides,
        [
            (Side::Set("all".into()), Side::Set("own".into())),
            (Side::All("viewer".into()), Side::All("task".into())),
        ]
    );
    assert_eq!(server.lines().last().unwrap(), "GET /v2/facts/p1/e1/set_rules?page=1&per_page=100");
}

#[tokio::test]
async fn a_policy_that_is_not_read_to_its_end_is_an_error() {
    let (_server, facts) = api(|_| {
        let full: Vec<Value> = (0..100).map(|n| json!({"key": format!("r{n}")})).collect();
        Reply::Json(200, full.into())
    })
    .await;

    assert!(matches!(facts.policy().await, Err(PermitError::BadAnswer(Flaw::TooLarge))));
    assert_eq!(facts.roles().await.unwrap().len(), 2_000, "names are cut off instead");
}

/// What the server was told after the scope, below the environment.
fn told(server: &Server) -> Vec<(String, Value)> {
    let asked = server.asked().into_iter().skip(1);
    asked
        .map(|asked| {
            (asked.line().replace("/v2/schema/p1/e1/", "").replace("/v2/facts/p1/e1/", "facts:"), asked.body)
        })
        .collect()
}

/// One request and its body.
fn call(line: &str, body: Value) -> (String, Value) {
    (line.to_owned(), body)
}

fn mark() -> Metadata {
    Metadata::from_iter([("m".to_owned(), json!(1))])
}

#[tokio::test]
async fn resources_are_created_whole_and_changed_part_by_part() {
    let (server, facts) = answering(200).await;
    let action = Action { metadata: mark() };
    let attribute = Attribute { kind: "string".into(), description: Some("d".into()) };
    let resource = ResourceType {
        actions: BTreeMap::from([("get".to_owned(), action.clone())]),
        attributes: BTreeMap::from([("owner".to_owned(), attribute.clone())]),
        metadata: mark(),
    };

    facts.create_resource("t", &resource).await.unwrap();
    facts.create_action("t", "read-notes", &action).await.unwrap();
    facts.create_attribute("t", "owner", &attribute).await.unwrap();
    facts.change_attribute("t", "owner", "number").await.unwrap();

    let whole = json!({"key": "t", "name": "T", "actions": {"get": {"name": "Get", "attributes": {"m": 1}}},
        "attributes": {"owner": {"type": "string", "description": "d"}}, "type_attributes": {"m": 1}});
    let action = json!({"name": "Read notes", "attributes": {"m": 1}, "key": "read-notes"});
    let attribute = json!({"key": "owner", "type": "string", "description": "d"});
    assert_eq!(
        told(&server),
        [
            call("POST resources", whole),
            call("POST resources/t/actions", action),
            call("POST resources/t/attributes", attribute),
            call("PATCH resources/t/attributes/owner", json!({"type": "number"})),
        ]
    );
}

#[tokio::test]
async fn roles_get_and_lose_permissions_without_a_word_about_the_others() {
    let (server, facts) = answering(200).await;
    let permissions = BTreeSet::from(["t:get".to_owned()]);
    let role = Role { permissions: permissions.clone(), metadata: mark(), ..Role::default() };

    facts.create_role("v", &role).await.unwrap();
    facts.change_role("v", &mark()).await.unwrap();
    facts.grant("v", &permissions).await.unwrap();
    facts.revoke("v", &permissions).await.unwrap();

    let listed = json!({"permissions": ["t:get"]});
    assert_eq!(
        told(&server),
        [
            call(
                "POST roles",
                json!({"key": "v", "name": "V", "permissions": ["t:get"], "attributes": {"m": 1}})
            ),
            call("PATCH roles/v", json!({"attributes": {"m": 1}})),
            call("POST roles/v/permissions", listed.clone()),
            call("DELETE roles/v/permissions", listed),
        ]
    );
}

#[tokio::test]
async fn sets_keep_their_kind_and_rules_say_what_stands_for_a_set() {
    let (server, facts) = answering(200).await;
    let set = ConditionSet { resource: Some("t".into()), conditions: json!({"x": 1}), description: None };
    let rule = Rule {
        users: Side::All("v".into()),
        permission: "t:get".into(),
        resources: Side::Set("own_t".into()),
    };

    facts.create_condition_set("own_t", &set).await.unwrap();
    facts.change_condition_set("own_t", &json!({})).await.unwrap();
    facts.create_set_rule(&rule).await.unwrap();
    facts.delete_set_rule(&rule).await.unwrap();

    let set = json!({"key": "own_t", "name": "Own t", "type": "resourceset", "conditions": {"x": 1},
        "resource_id": "t"});
    let rule = json!({"user_set": "v", "permission": "t:get", "resource_set": "own_t", "is_role": true,
        "is_resource": false});
    assert_eq!(
        told(&server),
        [
            call("POST condition_sets", set),
            call("PATCH condition_sets/own_t", json!({"conditions": {}})),
            call("POST facts:set_rules", rule.clone()),
            call("DELETE facts:set_rules", rule),
        ]
    );
}

#[tokio::test]
async fn what_is_there_or_gone_already_is_success() {
    let (_server, facts) = answering(409).await;
    facts.create_role("v", &Role::default()).await.unwrap();
    facts.create_action("t", "get", &Action::default()).await.unwrap();
    assert!(matches!(facts.change_role("v", &Metadata::new()).await, Err(PermitError::Conflict)));

    let (server, facts) = answering(404).await;
    facts.delete_role("v").await.unwrap();
    facts.delete_resource("t").await.unwrap();
    facts.delete_action("t", "get").await.unwrap();
    facts.delete_attribute("t", "owner").await.unwrap();
    facts.delete_condition_set("own_t").await.unwrap();
    facts.revoke("v", &BTreeSet::new()).await.unwrap();
    assert_eq!(facts.role("v").await.unwrap(), None);
    assert!(matches!(facts.grant("v", &BTreeSet::new()).await, Err(PermitError::NotFound)));
    assert_eq!(server.lines()[3], "DELETE /v2/schema/p1/e1/resources/t/actions/get");
}

#[tokio::test]
async fn who_holds_what_is_read_by_key_and_without_roles_on_instances() {
    let (server, facts) = api(|_| {
        let held = |user: &str, instance: Value| {
            json!({"user": {"key": user, "email": "a@x.io"}, "role": {"key": "viewer"}, "resource_instance": instance})
        };
        Reply::Json(200, json!({"data": [held("auth0|a", json!(null)), held("enc-YS9i", json!(null)),
            held("b", json!({"id": "1"}))], "total_count": 3}))
    })
    .await;

    let page = facts.role_assignments("org 1", 2).await.unwrap();

    let viewer = |user: &str| (user.to_owned(), "viewer".to_owned());
    assert_eq!((page.held, page.is_last), (vec![viewer("auth0|a"), viewer("a/b")], true));
    let tenant = "enc-b3JnIDE";
    assert_eq!(
        only_call(&server).line(),
        format!("GET /v2/facts/p1/e1/role_assignments/detailed?tenant={tenant}&page=2&per_page=100")
    );
}
