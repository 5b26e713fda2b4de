//! What is still to be told: seen by operators, told in order, and again when asked for.

use serde_json::json;
use taskgate::permit::ProxyUse;

use crate::support::World;

const LOGIN: &str = "mutation { login { ready roleOutcomes { outcome } } }";
const ROLES: &str = "https://taskgate.example/roles";

#[tokio::test]
async fn an_operator_sees_what_waits_and_has_it_told_at_once() {
    let world = World::with(|config| config.sync.give_up_after = std::time::Duration::ZERO).await;
    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 503})).await;
    let ada = world.bearer(world.token(json!({"claims": {"sub": "auth0|ada", ROLES: ["viewer"]}})).await);

    let login = ada.asks(LOGIN).await.data();
    assert_eq!(login["login"]["ready"], false);
    let sync = ada.asks("{ viewer { sync { state } } }").await.data();
    assert_eq!(sync["viewer"]["sync"]["state"], "FAILED", "given up");

    let status = world.outbox().await;
    assert_eq!((&status["pending"], &status["dead"]), (&json!(0), &json!(1)));
    let item = &status["items"][0];
    assert_eq!(
        (&item["kind"], &item["subject"], &item["cause"]),
        (&json!("SYNC"), &json!("auth0|ada"), &json!("BAD_ANSWER"))
    );
    let table = world.command(&["sync", "status"]).await;
    assert!(table.contains("0 pending, 1 dead") && table.contains("auth0|ada"), "{table}");

    world.mend(&api).await;
    assert_eq!(world.command(&["sync", "replay", "--json"]).await.trim(), r#"{"replayed":0}"#);
    assert_eq!(world.command(&["sync", "replay", "--dead", "--json"]).await.trim(), r#"{"replayed":1}"#);
    world.until_the_outbox_is_empty().await;
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["viewer"]);
    assert_eq!(ada.asks(LOGIN).await.data()["login"]["ready"], true);
}

#[tokio::test]
async fn changes_of_one_user_are_told_in_order_after_an_outage() {
    let world = World::with(|config| config.permit.facts_proxy = ProxyUse::Off).await;
    let admin = world.signed_in("admin").await;
    let newcomer = world.signed_in("newcomer").await;
    let id = newcomer.user_id().await;
    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 500})).await;

    let change = async |mutation: &str, role: &str| {
        let document = format!(
            "mutation {{ {mutation}(input: {{userId: \"{id}\", role: \"{role}\"}}) {{ outcome {{ outcome }} }} }}"
        );
        admin.asks(&document).await.data()[mutation]["outcome"]["outcome"].clone()
    };
    for (mutation, role) in [
        ("assignRole", "viewer"),
        ("assignRole", "manager"),
        ("unassignRole", "viewer"),
        ("unassignRole", "manager"),
        ("assignRole", "viewer"),
    ] {
        assert_eq!(change(mutation, role).await, "QUEUED", "{mutation} {role}");
    }
    world.mend(&api).await;
    world.replays().await;
    world.until_the_outbox_is_empty().await;

    assert_eq!(world.roles_in_permit("auth0|sandbox-newcomer").await, ["viewer"]);
}
