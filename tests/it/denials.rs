//! Refusals that help: the reason and what to do about it, for everybody who is refused something.

use serde_json::json;

use crate::support::World;

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
