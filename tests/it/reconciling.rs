//! Logins that reconcile: what a token, Permit and the ledger make of a user's roles, through the real API.

use futures_util::future::join_all;
use serde_json::{Value, json};
use taskgate::{permit::ProxyUse, sync::RolePolicy};

use crate::support::{Persona, World};

const LOGIN: &str = "mutation { login { ready created changed warnings
    roleOutcomes { role outcome source detail } viewer { roles { role source } } } }";
const ROLES: &str = "https://taskgate.example/roles";

/// Somebody whose token names these roles.
async fn person<'a>(world: &'a World, subject: &str, roles: &[&str]) -> Persona<'a> {
    world.bearer(world.token(json!({"claims": {"sub": subject, ROLES: roles}})).await)
}

async fn logs_in(persona: &Persona<'_>) -> Value {
    persona.asks(LOGIN).await.data()["login"].clone()
}

fn outcome(login: &Value, role: &str) -> String {
    let outcomes = login["roleOutcomes"].as_array().unwrap();
    let found = outcomes.iter().find(|outcome| outcome["role"] == role);
    found.map_or_else(|| "NONE".to_owned(), |outcome| outcome["outcome"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_a_token_gave_follows_the_token() {
    let world = World::start().await;
    let first = logs_in(&person(&world, "auth0|ada", &["manager", "viewer"]).await).await;
    assert_eq!(
        (outcome(&first, "manager"), outcome(&first, "viewer")),
        ("ASSIGNED".into(), "ASSIGNED".into())
    );

    let second = logs_in(&person(&world, "auth0|ada", &["viewer"]).await).await;

    assert_eq!((outcome(&second, "manager"), outcome(&second, "viewer")), ("REMOVED".into(), "KEPT".into()));
    assert_eq!(second["ready"], true);
    assert_eq!(second["viewer"]["roles"], json!([{"role": "viewer", "source": "IDP"}]));
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["viewer"]);
}

#[tokio::test]
async fn a_role_revoked_by_hand_stays_away_until_it_left_the_token_and_came_back() {
    let world = World::start().await;
    logs_in(&person(&world, "auth0|ada", &["manager", "viewer"]).await).await;
    world.revokes_in_permit("auth0|ada", "manager").await;

    for roles in [&["manager"][..], &["manager", "viewer"], &["manager", "admin"]] {
        let login = logs_in(&person(&world, "auth0|ada", roles).await).await;
        assert_eq!(outcome(&login, "manager"), "SKIPPED_BY_POLICY", "{roles:?}");
        assert_eq!(login["ready"], true);
    }
    logs_in(&person(&world, "auth0|ada", &["viewer"]).await).await;
    let back = logs_in(&person(&world, "auth0|ada", &["manager"]).await).await;
    assert_eq!(outcome(&back, "manager"), "ASSIGNED");
}

#[tokio::test]
async fn a_role_given_by_hand_stays_whatever_the_token_says() {
    let world = World::start().await;
    logs_in(&person(&world, "auth0|ada", &["viewer"]).await).await;
    world.grants_in_permit("auth0|ada", "manager").await;

    for roles in [&["viewer", "manager"][..], &[], &["viewer"]] {
        let login = logs_in(&person(&world, "auth0|ada", roles).await).await;
        let shown = login["viewer"]["roles"].as_array().unwrap();
        assert!(shown.contains(&json!({"role": "manager", "source": "MANUAL"})), "{roles:?}: {login}");
    }
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["manager", "viewer"]);
}

#[tokio::test]
async fn each_setting_decides_what_a_hand_and_a_token_may_do() {
    // Roles after: the token loses `viewer`; `manager` was revoked by hand and `admin` given by hand.
    let expected = [
        (RolePolicy::IdpWins, &["manager"][..]),
        (RolePolicy::PermitWins, &["admin", "viewer"]),
        (RolePolicy::Merge, &["admin"]),
        (RolePolicy::FirstLoginOnly, &["admin", "viewer"]),
    ];
    for (policy, roles) in expected {
        let world = World::with(|config| config.sync.policy = policy).await;
        logs_in(&person(&world, "auth0|ada", &["manager", "viewer"]).await).await;
        world.revokes_in_permit("auth0|ada", "manager").await;
        world.grants_in_permit("auth0|ada", "admin").await;

        let login = logs_in(&person(&world, "auth0|ada", &["manager"]).await).await;

        assert_eq!(login["ready"], true, "{policy:?}: {login}");
        assert_eq!(world.roles_in_permit("auth0|ada").await, roles, "{policy:?}");
    }
}

#[tokio::test]
async fn an_unchanged_login_calls_permit_only_when_the_token_is_the_whole_truth() {
    for policy in RolePolicy::ALL {
        let world = World::with(|config| config.sync.policy = policy).await;
        let ada = person(&world, "auth0|ada", &["viewer"]).await;
        logs_in(&ada).await;
        let api = world.sandbox.permit_api.url();
        world.forgets_counts(&api).await;

        let again = logs_in(&ada).await;

        assert_eq!((&again["ready"], &again["changed"]), (&json!(true), &json!(false)), "{policy:?}");
        assert_eq!(outcome(&again, "viewer"), "KEPT", "{policy:?}");
        let calls = world.count(&api, "").await;
        assert_eq!(calls, u64::from(policy == RolePolicy::IdpWins), "{policy:?}");
        assert_eq!(world.count(&api, "GET ").await, calls, "nothing was written");
    }
}

#[tokio::test]
async fn many_logins_of_one_person_on_two_nodes_end_in_one_user_and_equal_answers() {
    let world = World::start().await;
    let other = world.another_node().await;
    let token = world.token(json!({"claims": {"sub": "auth0|ada", ROLES: ["manager", "viewer"]}})).await;
    let on_both = |token: &String| [world.bearer(token.clone()), other.bearer(token.clone())];
    let personas: Vec<Persona<'_>> = (0..10).flat_map(|_| on_both(&token)).collect();

    let logins = join_all(personas.iter().map(logs_in)).await;

    for login in &logins {
        assert_eq!((&login["ready"], &login["viewer"]), (&logins[0]["ready"], &logins[0]["viewer"]));
        assert_eq!(login["ready"], true);
    }
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["manager", "viewer"]);
    let counts = world.counts(&world.sandbox.pdp.url()).await;
    let assigned = counts.iter().filter(|(name, _)| name.starts_with("POST /v2/facts/"));
    let assigned = assigned.filter(|(name, _)| name.ends_with("/role_assignments"));
    let calls: u64 = assigned.filter_map(|(_, count)| count.as_u64()).sum();
    assert_eq!(calls, 2, "one for each role, through the PDP: {counts:?}");
}

#[tokio::test]
async fn ready_means_that_the_very_next_request_is_decided_on_the_new_roles() {
    let world = World::start().await;
    world.delays_propagation(300).await;
    let ada = person(&world, "auth0|ada", &["viewer"]).await;

    let login = logs_in(&ada).await;

    assert_eq!(login["ready"], true);
    assert_eq!(ada.asks("{ tasks { totalCount } }").await.codes(), [""; 0]);
}

#[tokio::test]
async fn a_login_that_outlives_its_deadline_is_not_ready_and_the_next_one_is() {
    let world = World::with(|config| {
        config.sync.deadline = std::time::Duration::from_millis(300);
    })
    .await;
    world.delays_propagation(3_600_000).await;
    let ada = person(&world, "auth0|ada", &["viewer"]).await;

    for _ in 0..2 {
        assert_eq!(logs_in(&ada).await["ready"], false, "the PDP does not know it yet");
    }
    world.delays_propagation(0).await;
    assert_eq!(logs_in(&ada).await["ready"], true);
}

#[tokio::test]
async fn sync_tells_how_far_permit_is_in_step() {
    let world = World::start().await;
    let status = "{ viewer { sync { state lagMs lastSyncedAt } } }";
    let ada = person(&world, "auth0|ada", &["viewer"]).await;
    let sync = async || ada.asks(status).await.data()["viewer"]["sync"].clone();
    assert_eq!(sync().await, json!({"state": "NEVER", "lagMs": null, "lastSyncedAt": null}));

    let api = world.sandbox.permit_api.url();
    world.break_it(&api, json!({"kind": "status", "status": 500})).await;
    assert_eq!(outcome(&logs_in(&ada).await, "viewer"), "QUEUED");
    assert_eq!(sync().await["state"], "PENDING");

    world.mend(&api).await;
    assert_eq!(logs_in(&ada).await["ready"], true);
    let done = sync().await;
    assert_eq!((&done["state"], &done["lagMs"]), (&json!("IN_SYNC"), &json!(null)));
    assert!(done["lastSyncedAt"].is_string());
}

#[tokio::test]
async fn ready_counts_for_roles_that_are_gone_as_well() {
    for proxy in [ProxyUse::Off, ProxyUse::Auto] {
        let world = World::with(|config| config.permit.facts_proxy = proxy).await;
        world.delays_propagation(300).await;
        assert_eq!(logs_in(&person(&world, "auth0|ada", &["viewer"]).await).await["ready"], true);
        let without = person(&world, "auth0|ada", &[]).await;

        let login = logs_in(&without).await;

        assert_eq!(
            (&login["ready"], outcome(&login, "viewer")),
            (&json!(true), "REMOVED".into()),
            "{proxy:?}"
        );
        assert_eq!(without.asks("{ tasks { totalCount } }").await.codes(), ["FORBIDDEN"], "{proxy:?}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_say_is_not_the_first_one() {
    let world = World::with(|config| config.sync.policy = RolePolicy::FirstLoginOnly).await;
    let silent = world.token(json!({"claims": {"sub": "auth0|ada", ROLES: null}})).await;
    logs_in(&world.bearer(silent)).await;

    let login = logs_in(&person(&world, "auth0|ada", &["viewer"]).await).await;

    assert_eq!(outcome(&login, "viewer"), "ASSIGNED");
}
