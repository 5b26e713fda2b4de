//! Auth0 or Permit late, wrong or gone: refused with a typed error, and never allowed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn no_fault_of_the_pdp_is_ever_an_allow() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let pdp = world.sandbox.pdp.url();
    let faults = [
        (json!({"kind": "hang"}), "TIMEOUT"),
        (json!({"kind": "delay", "ms": 2_000}), "TIMEOUT"),
        (json!({"kind": "status", "status": 500}), "BAD_ANSWER"),
        (json!({"kind": "status", "status": 429, "retryAfter": 2}), "RATE_LIMITED"),
        (json!({"kind": "malformed"}), "BAD_ANSWER"),
        (json!({"kind": "truncated"}), "BAD_ANSWER"),
        (json!({"kind": "wrongLength"}), "BAD_ANSWER"),
    ];
    for (fault, cause) in faults {
        world.break_it(&pdp, fault.clone()).await;

        let answer =
            manager.asks("{ apiInfo { name } a: tasks { totalCount } b: users { totalCount } }").await;

        assert_eq!(answer.status, 200);
        assert_eq!(answer.codes(), ["AUTHZ_UNAVAILABLE"; 2], "{fault}");
        assert_eq!(answer.body["errors"][0]["extensions"]["cause"], cause, "{fault}");
        assert!(answer.body["errors"][0]["extensions"]["retryAfterMs"].is_u64(), "{fault}");
        assert_eq!(answer.body["data"], json!({"apiInfo": {"name": "taskgate"}, "a": null, "b": null}));
        world.mend(&pdp).await;
    }
}

#[tokio::test]
async fn nodes_that_cannot_be_decided_are_null_and_their_siblings_answer() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let (task, user) = (admin.creates_task("t").await, admin.user_id().await);
    let document = "query($ids: [ID!]!) { apiInfo { name } nodes(ids: $ids) { id } }";
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "status", "status": 500})).await;

    let answer = admin.asks_with(document, json!({"ids": [task, user, task]})).await;

    let data = json!({"apiInfo": {"name": "taskgate"}, "nodes": [null, null, null]});
    assert_eq!(answer.body["data"], data, "{}", answer.body);
    assert_eq!(answer.codes(), ["AUTHZ_UNAVAILABLE"; 2], "one for each type");
    let (tasks, users) = (&answer.body["errors"][0], &answer.body["errors"][1]);
    assert_eq!((&tasks["path"], &tasks["extensions"]["count"]), (&json!(["nodes", 0]), &json!(2)));
    assert_eq!((&users["path"], users["extensions"].get("count")), (&json!(["nodes", 1]), None));
}

#[tokio::test]
async fn nothing_is_written_while_the_pdp_is_gone_and_the_first_query_after_its_return_succeeds() {
    let mut world = World::start().await;
    let token = world.token(json!({"claims": {}})).await;
    assert_eq!(
        world.bearer(token.clone()).asks("mutation { login { ready } }").await.data()["login"]["ready"],
        true
    );
    world.sandbox.pdp.stop().await;

    let admin = world.bearer(token.clone());
    let refused = admin.asks("mutation { createTask(input: {title: \"lost\"}) { task { id } } }").await;
    assert_eq!(refused.refusal()["code"], "AUTHZ_UNAVAILABLE");
    assert_eq!(refused.refusal()["cause"], "UNREACHABLE");

    world.sandbox.pdp.restart().await.unwrap();
    let list = world.bearer(token).asks("{ tasks { totalCount } }").await.data();
    assert_eq!(list["tasks"]["totalCount"], 0);
}

#[tokio::test]
async fn a_login_without_permit_is_reported_and_succeeds_on_the_next_try() {
    let world = World::start().await;
    let manager = world.persona("manager").await;
    let api = world.sandbox.permit_api.url();
    let login =
        "mutation { login { ready created roleOutcomes { role outcome } warnings viewer { user { id } } } }";
    world.break_it(&api, json!({"kind": "status", "status": 503})).await;

    let failed = manager.asks(login).await.data();
    assert_eq!(failed["login"]["ready"], false);
    assert_eq!(failed["login"]["roleOutcomes"], json!([{"role": "manager", "outcome": "QUEUED"}]));
    assert_eq!(failed["login"]["warnings"].as_array().unwrap().len(), 1);
    assert!(failed["login"]["viewer"]["user"]["id"].is_string(), "the row stays");

    world.mend(&api).await;
    let done = manager.asks(login).await.data();
    assert_eq!(done["login"]["ready"], true);
    assert_eq!(done["login"]["roleOutcomes"], json!([{"role": "manager", "outcome": "ASSIGNED"}]));
}

#[tokio::test]
async fn known_tokens_go_on_working_without_the_issuer_and_unknown_keys_do_not_hammer_it() {
    let mut world = World::start().await;
    let token = world.token(json!({})).await;
    let foreign = world.token(json!({"header": {"kid": "never-published"}})).await;
    assert_eq!(world.bearer(token.clone()).asks("{ viewer { subject } }").await.status, 200);
    let issuer = world.sandbox.issuer.url();
    let before = world.count(&issuer, "GET /.well-known").await;

    for _ in 0..200 {
        let refused = world.bearer(foreign.clone()).asks("{ apiInfo { name } }").await;
        assert_eq!(refused.refusal()["reason"], "UNKNOWN_KEY");
    }
    assert!(world.count(&issuer, "GET /.well-known").await - before <= 2);

    world.sandbox.issuer.stop().await;
    assert_eq!(world.bearer(token).asks("{ viewer { subject } }").await.status, 200);
    assert_eq!(world.bearer(foreign).asks("{ apiInfo { name } }").await.status, 401);
}

#[tokio::test]
async fn without_any_signing_keys_tokens_are_503_and_not_401() {
    let mut world = World::start().await;
    let token = world.token(json!({})).await;
    world.sandbox.issuer.stop().await;

    let answer = world.bearer(token).asks("{ apiInfo { name } }").await;

    assert_eq!(answer.status, 503);
    assert_eq!(answer.refusal()["code"], "AUTHN_UNAVAILABLE");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(world.nobody().asks("{ apiInfo { name } }").await.status, 200);
}

#[tokio::test]
async fn requests_share_the_wait_for_an_issuer_that_hangs() {
    let world = World::start().await;
    let issuer = world.sandbox.issuer.url();
    let token = world.token(json!({})).await;
    world.break_it(&issuer, json!({"kind": "hang"})).await;
    let started = Instant::now();

    let answers = (0..6_u64).map(async |after| {
        tokio::time::sleep(Duration::from_millis(after * 800)).await;
        // A token of its own: equal ones are verified once anyway.
        let persona = world.bearer(format!("{token}{after}"));
        persona.asks("{ apiInfo { name } }").await.status
    });
    let statuses = futures_util::future::join_all(answers).await;

    assert_eq!(statuses, [503; 6]);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(world.count(&issuer, "GET /.well-known").await, 1);
}
