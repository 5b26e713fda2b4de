//! Users who are removed: here, in Permit and at Auth0, and what stays of them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Persona, World};

const DELETE: &str = "mutation($input: DeleteUserInput!) { deleteUser(input: $input) {
    deletedUserId systems { system state detail } userErrors { code field } } }";
const LOGIN: &str = "mutation { login { ready created roleOutcomes { role outcome } } }";

async fn removes(admin: &Persona<'_>, input: Value) -> Value {
    admin.asks_with(DELETE, json!({"input": input})).await.data()["deleteUser"].clone()
}

fn state(removal: &Value, system: &str) -> String {
    let systems = removal["systems"].as_array().unwrap();
    let found = systems.iter().find(|outcome| outcome["system"] == system).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_removed_persons_token_is_refused_everywhere_and_no_login_brings_them_back() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let viewer = world.signed_in("viewer").await;
    let id = viewer.user_id().await;
    removes(&admin, json!({"id": id})).await;

    for document in [LOGIN, "{ apiInfo { name } }", "{ __typename }"] {
        let refused = viewer.asks(document).await;
        assert_eq!((refused.status.as_u16(), &refused.refusal()["reason"]), (401, &json!("USER_REMOVED")));
    }
    assert_eq!(world.user_in_permit("auth0|sandbox-viewer").await, json!(null));
    assert_eq!(admin.asks("{ users { totalCount } }").await.data()["users"]["totalCount"], 1);
}

#[tokio::test]
async fn logins_that_race_with_a_removal_do_not_bring_anybody_back() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    for round in 0..5 {
        let subject = format!("auth0|racer-{round}");
        let token = world.token(json!({"claims": {"sub": subject}})).await;
        let racer = world.bearer(token);
        racer.asks(LOGIN).await.data();
        let id = racer.user_id().await;

        let logins = join_all((0..8).map(|_| racer.asks(LOGIN)));
        let (removal, _) = tokio::join!(removes(&admin, json!({"id": id})), logins);

        assert_eq!(removal["deletedUserId"], id.as_str());
        assert_eq!(racer.asks(LOGIN).await.status, 401);
        assert_eq!(world.user_in_permit(&subject).await, json!(null), "round {round}: {removal}");
    }
}

#[tokio::test]
async fn an_administrator_may_bring_somebody_back() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let viewer = world.signed_in("viewer").await;
    removes(&admin, json!({"id": viewer.user_id().await})).await;

    let create = "mutation { createUser(input: {subject: \"auth0|sandbox-viewer\", roles: [\"manager\"]}) {
        userErrors { code } } }";
    assert_eq!(admin.asks(create).await.data()["createUser"]["userErrors"], json!([]));

    let login = viewer.asks(LOGIN).await.data();
    assert_eq!((&login["login"]["ready"], &login["login"]["created"]), (&json!(true), &json!(false)));
    assert_eq!(world.roles_in_permit("auth0|sandbox-viewer").await, ["manager", "viewer"]);
}

#[tokio::test]
async fn tasks_stay_without_an_owner_or_go_to_whoever_is_named() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let heir = admin.user_id().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Inherit me").await;
    let id = manager.user_id().await;
    let read = "query($id: ID!) { task(id: $id) { version owner { id } } }";

    let nobody = world.token(json!({"claims": {"sub": "auth0|stranger", "org_id": "org_outside"}})).await;
    let stranger = world.bearer(nobody);
    stranger.asks(LOGIN).await.data();
    let wrong = [
        (json!({"id": id, "tasks": "REASSIGN"}), "INVALID"),
        (json!({"id": id, "reassignTo": heir}), "INVALID"),
        (json!({"id": id, "tasks": "REASSIGN", "reassignTo": id}), "NOT_FOUND"),
        (json!({"id": id, "tasks": "REASSIGN", "reassignTo": stranger.user_id().await}), "NOT_FOUND"),
    ];
    for (input, code) in wrong {
        let refused = removes(&admin, input.clone()).await;
        assert_eq!(
            refused["userErrors"],
            json!([{"code": code, "field": ["input", "reassignTo"]}]),
            "{input}"
        );
        assert_eq!(refused["deletedUserId"], json!(null));
    }
    assert!(manager.sees(&task).await, "nothing was done");

    let done = removes(&admin, json!({"id": id, "tasks": "REASSIGN", "reassignTo": heir})).await;

    assert_eq!(done["deletedUserId"], id.as_str());
    let left = admin.asks_with(read, json!({"id": task})).await.data();
    assert_eq!(left["task"], json!({"version": 2, "owner": {"id": heir}}));
}

#[tokio::test]
async fn somebody_whom_permit_knows_from_another_tenant_is_kept_there() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    world.grants_elsewhere_in_permit("auth0|elsewhere", "org_outside", "manager").await;
    let create =
        "mutation { createUser(input: {subject: \"auth0|elsewhere\", roles: [\"viewer\"]}) { user { id } } }";
    let created = admin.asks(create).await.data();
    let id = created["createUser"]["user"]["id"].clone();

    let removal = removes(&admin, json!({"id": id})).await;

    assert_eq!(state(&removal, "PERMIT"), "KEPT_ELSEWHERE");
    let left = world.user_in_permit("auth0|elsewhere").await;
    assert_eq!(left["roles"], json!([{"role": "manager", "tenant": "org_outside"}]));
}

#[tokio::test]
async fn an_auth0_that_fails_after_permit_is_seen_and_finished_by_a_replay() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = world.signed_in("viewer").await.user_id().await;
    let issuer = world.sandbox.issuer.url();
    let fault = json!({"kind": "status", "status": 429, "method": "DELETE", "pathPrefix": "/api/v2/users/"});
    world.break_it(&issuer, fault).await;

    let removal = removes(&admin, json!({"id": id})).await;

    assert_eq!((state(&removal, "PERMIT"), state(&removal, "AUTH0")), ("DONE".into(), "FAILED".into()));
    let outbox = world.outbox().await;
    assert_eq!((&outbox["pending"], &outbox["items"][0]["kind"]), (&json!(1), &json!("ACCOUNT")));
    assert_eq!(outbox["items"][0]["cause"], "RATE_LIMITED");

    world.mend(&issuer).await;
    world.replays().await;
    world.until_the_outbox_is_empty().await;
    let token = world.client.get(format!("{}/viewer", world.sandbox.token_url())).send().await.unwrap();
    assert!(!token.status().is_success(), "the account is gone");
}

#[tokio::test]
async fn a_permit_that_fails_keeps_auth0_waiting_and_both_are_finished_by_a_replay() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = world.signed_in("viewer").await.user_id().await;
    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 500})).await;

    let removal = removes(&admin, json!({"id": id})).await;

    assert_eq!((state(&removal, "PERMIT"), state(&removal, "AUTH0")), ("FAILED".into(), "PENDING".into()));
    assert_eq!(removal["deletedUserId"], id.as_str(), "gone here all the same");
    assert_eq!(world.outbox().await["pending"], 2);

    world.mend(&api).await;
    world.replays().await;
    world.until_the_outbox_is_empty().await;
    assert_eq!(world.user_in_permit("auth0|sandbox-viewer").await, json!(null));
}

#[tokio::test]
async fn without_access_to_auth0_the_account_stays_and_the_answer_says_so() {
    let world = World::with(|config| config.auth0_admin = None).await;
    let admin = world.signed_in("admin").await;
    let id = world.signed_in("viewer").await.user_id().await;

    let removal = removes(&admin, json!({"id": id})).await;

    assert_eq!(
        (state(&removal, "PERMIT"), state(&removal, "AUTH0")),
        ("DONE".into(), "NOT_CONFIGURED".into())
    );
    world.persona("viewer").await;
}

#[tokio::test]
async fn a_removal_that_was_given_up_takes_old_roles_and_not_who_came_back() {
    let world = World::with(|config| config.sync.give_up_after = std::time::Duration::ZERO).await;
    let admin = world.signed_in("admin").await;
    let id = world.signed_in("viewer").await.user_id().await;
    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 500, "method": "DELETE"})).await;
    removes(&admin, json!({"id": id})).await;
    assert_eq!(world.outbox().await["dead"], 1);
    world.mend(&api).await;

    let create = "mutation { createUser(input: {subject: \"auth0|sandbox-viewer\", roles: [\"manager\"]}) {
        roleOutcomes { outcome } userErrors { code } } }";
    let created = admin.asks(create).await.data();

    assert_eq!(created["createUser"]["roleOutcomes"], json!([{"outcome": "ASSIGNED"}]));
    world.until_the_outbox_is_empty().await;
    world.command(&["sync", "replay", "--dead"]).await;
    world.until_the_outbox_is_empty().await;
    assert_eq!(world.roles_in_permit("auth0|sandbox-viewer").await, ["manager"]);
}
