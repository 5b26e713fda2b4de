//! Refusals that help: the reason and what to do about it, for everybody who is refused something.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Persona, World};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_refusal_says_what_was_asked_where_and_why() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;

    let answer = manager.deletes(&id).await;

    let refusal = answer.refusal();
    assert_eq!(refusal["code"], "FORBIDDEN");
    let told = [&refusal["resource"], &refusal["action"], &refusal["tenant"], &refusal["resourceKey"]];
    assert_eq!(told, [&json!("task"), &json!("delete"), &json!("default"), &json!(id)]);
    assert_eq!(refusal["reason"], "NO_PERMISSION");
    assert!(refusal["hint"].as_str().unwrap().contains("`task:delete`"), "{refusal}");
    let decision: uuid::Uuid = refusal["decisionId"].as_str().unwrap().parse().unwrap();
    assert_eq!(decision.get_version_num(), 7);
}

#[tokio::test]
async fn everybody_is_told_the_reason_that_is_theirs() {
    let world = World::start().await;
    let stranger = world.persona("viewer").await;
    let newcomer = world.signed_in("newcomer").await;
    let machine = world.persona("service").await;
    let lost =
        world.bearer(world.token(json!({"claims": {"sub": "auth0|lost", "org_id": "org_lost"}})).await);
    assert_eq!(lost.asks("mutation { login { ready } }").await.data()["login"]["ready"], false);

    for (persona, reason, advice) in [
        (&stranger, "USER_NOT_SYNCED", "`login`"),
        (&newcomer, "NO_ROLE_IN_TENANT", "administrator"),
        (&lost, "NO_SUCH_TENANT", "organization"),
        (&machine, "UNKNOWN", "`user:get`"),
    ] {
        let answer = persona.asks("{ users { totalCount } }").await;
        let refusal = answer.refusal();
        assert_eq!(refusal["reason"], reason);
        assert!(refusal["hint"].as_str().unwrap().contains(advice), "{refusal}");
    }
}

#[tokio::test]
async fn an_unknown_resource_is_told_apart_from_an_unknown_action() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let can = async |resource: &str, action: &str| {
        let document = "query($resource: String!, $action: String!) {
            viewer { can(resource: $resource, action: $action) { allowed reason hint } } }";
        let data = admin.asks_with(document, json!({"resource": resource, "action": action})).await.data();
        data["viewer"]["can"].clone()
    };
    assert_eq!(can("task", "get").await, json!({"allowed": true, "reason": null, "hint": null}));
    for (resource, action, reason) in [("task", "fly", "NO_SUCH_ACTION"), ("ship", "get", "NO_SUCH_RESOURCE")]
    {
        let answer = can(resource, action).await;
        assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(false), &json!(reason)));
        assert!(answer["hint"].as_str().unwrap().contains("/permissions.json"), "{answer}");
    }
}

#[tokio::test]
async fn the_code_of_the_pdp_is_the_reason_and_its_words_are_not_repeated() {
    let world = World::start().await;
    world.pdp_explains_itself().await;
    let viewer = world.signed_in("viewer").await;
    world.revokes_in_permit("auth0|sandbox-viewer", "viewer").await;

    let answer = viewer.asks("{ users { totalCount } }").await;

    // Our own rows still say that the viewer holds a role.
    assert_eq!(answer.refusal()["reason"], "NO_ROLE_IN_TENANT");
    assert!(!answer.body.to_string().contains("OPA"), "{}", answer.body);
}

#[tokio::test]
async fn a_policy_of_relations_or_attributes_is_told_by_its_own_codes() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    for (debug, reason, advice) in [
        (json!({"rebac": {"code": "no_graph_roles"}}), "NO_RELATION", "No rule gives you `user:get`"),
        (
            json!({"abac": {"code": "no_matching_usersets"}}),
            "NO_MATCHING_RULE",
            "No rule gives you `user:get`",
        ),
        (json!({"abac": {"code": "no_matching_resourcesets"}}), "NO_MATCHING_RULE", "No rule gives you"),
        (
            json!({"rbac": {"code": "disabled"}, "abac": {"code": "no_matching_rules"}}),
            "NO_MATCHING_RULE",
            "No rule",
        ),
        (json!({"code": "cloud_pdp_not_supporting_abac"}), "UNSUPPORTED_BY_PDP", "an operator"),
    ] {
        world.pdp_says_of_denials(debug.clone()).await;

        let refused = viewer.asks("{ users { totalCount } }").await;
        let asked =
            viewer.asks("{ viewer { can(resource: \"user\", action: \"get\") { allowed reason hint } } }");
        let asked = asked.await.data()["viewer"]["can"].clone();

        let refusal = refused.refusal();
        assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("FORBIDDEN"), &json!(reason)), "{debug}");
        assert!(refusal["hint"].as_str().unwrap().contains(advice), "{refusal}");
        assert_eq!(asked, json!({"allowed": false, "reason": reason, "hint": refusal["hint"]}));
    }
}

/// What a refused deletion names, once it is known.
async fn named(persona: &Persona<'_>, id: &str) -> Value {
    let named = async {
        loop {
            let roles = persona.deletes(id).await.refusal()["rolesThatAllow"].clone();
            if !roles.is_null() {
                return roles;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, named).await.expect("the roles are read")
}

#[tokio::test]
async fn roles_that_would_allow_it_are_named_to_whoever_may_be_told_about_the_policy() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;
    world.grant("manager", "policy:explain").await;
    assert_eq!(named(&manager, &id).await, json!(["admin"]));

    let ask = "{ viewer { can(resource: \"user\", action: \"create\") { allowed rolesThatAllow }
        held: can(resource: \"task\", action: \"get\") { allowed rolesThatAllow } } }";
    let data = manager.asks(ask).await.data();
    assert_eq!(data["viewer"]["can"], json!({"allowed": false, "rolesThatAllow": ["admin"]}));
    assert_eq!(data["viewer"]["held"], json!({"allowed": true, "rolesThatAllow": null}));

    let viewer = world.signed_in("viewer").await;
    assert_eq!(viewer.deletes(&id).await.refusal().get("rolesThatAllow"), None);
    let data = viewer.asks(ask).await.data();
    assert_eq!(data["viewer"]["can"], json!({"allowed": false, "rolesThatAllow": null}));
}

#[tokio::test]
async fn a_refusal_costs_one_call_more_and_an_answer_none() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;
    let delete = format!("deleteTask(input: {{id: \"{id}\"}}) {{ deletedTaskId }}");
    for (document, calls) in [
        ("{ tasks { totalCount } users { totalCount } }".to_owned(), 1),
        ("{ viewer { can(resource: \"task\", action: \"delete\") { allowed reason } } }".to_owned(), 1),
        ("{ viewer { can(resource: \"task\", action: \"delete\") { rolesThatAllow } } }".to_owned(), 2),
        (format!("mutation {{ a: {delete} b: {delete} c: {delete} }}"), 4),
    ] {
        assert_eq!(manager.asks(&document).await.remote_calls(), calls, "{document}");
    }
    let viewer = world.signed_in("viewer").await;
    for n in 0..5 {
        manager.creates_task(&format!("Task {n}")).await;
    }
    let page = viewer.asks("{ users { totalCount } tasks { nodes { notes owner { id } } } }").await;
    assert_eq!(page.codes(), ["FORBIDDEN"; 3]);
    assert!(page.remote_calls() <= 3, "the roots, the rows, and at most one for what the viewer may know");
}

#[tokio::test]
async fn no_refusal_waits_for_the_rest_api() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;
    world.grant("manager", "policy:explain").await;
    world.break_it(&world.sandbox.permit_api.url(), json!({"kind": "hang"})).await;

    for _ in 0..3 {
        let answer = manager.deletes(&id).await;
        assert_eq!(answer.refusal()["code"], "FORBIDDEN");
        assert_eq!(answer.refusal().get("rolesThatAllow"), None, "nobody knows");
    }
    world
        .break_it(&world.sandbox.pdp.url(), json!({"kind": "status", "status": 500, "path": "/allowed"}))
        .await;
    let answer = manager.deletes(&id).await;
    assert_eq!(answer.refusal()["code"], "FORBIDDEN", "only the question about the policy failed");
}
