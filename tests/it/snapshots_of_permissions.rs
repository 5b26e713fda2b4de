//! `PERMIT_DECISION_TTL`: what somebody was found to hold may be used for reads, for a while.

use std::time::{Duration, Instant};

use serde_json::json;
use taskgate::sandbox::ROLES_CLAIM;

use crate::support::{Persona, Process, World, sqlite};

/// Longer than any of these tests.
const LONG: Duration = Duration::from_mins(10);

async fn remembering(ttl: Duration) -> World {
    World::with(|config| config.graphql.decision_ttl = ttl).await
}

const LIST: &str = "{ tasks { nodes { id } } }";

async fn calls(world: &World) -> u64 {
    world.count(&world.sandbox.pdp.url(), "POST /").await
}

fn mode(answer: &crate::support::Answer) -> (&str, u64) {
    let receipt = &answer.body["extensions"]["authz"];
    (receipt["mode"].as_str().unwrap(), receipt["maxAgeMs"].as_u64().unwrap())
}

#[tokio::test]
async fn reads_ask_once_and_not_again() {
    let world = remembering(LONG).await;
    let manager = world.signed_in("manager").await;
    let first = manager.asks(LIST).await;
    let before = calls(&world).await;

    let again = manager.asks(LIST).await;

    assert_eq!(calls(&world).await, before);
    assert_eq!((first.codes(), again.codes()), (vec![], vec![]));
    assert_eq!((mode(&again).0, again.remote_calls()), ("SNAPSHOT", 0));
}

#[tokio::test]
async fn without_the_setting_every_operation_asks() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for _ in 0..3 {
        let answer = manager.asks(LIST).await;
        assert_eq!((mode(&answer), answer.remote_calls()), (("LIVE", 0), 1));
    }
    assert_eq!(world.count(&world.sandbox.pdp.url(), "POST /user-permissions").await, 0);
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_question() {
    let world = remembering(LONG).await;
    let manager = world.signed_in("manager").await;
    let before = world.count(&world.sandbox.pdp.url(), "POST /user-permissions").await;

    let answers = futures_util::future::join_all((0..20).map(|_| manager.asks(LIST))).await;

    assert!(answers.iter().all(|answer| answer.codes().is_empty()));
    assert_eq!(world.count(&world.sandbox.pdp.url(), "POST /user-permissions").await - before, 1);
}

#[tokio::test]
async fn a_write_is_never_decided_by_what_is_remembered() {
    let world = remembering(LONG).await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;
    manager.asks(LIST).await.data();

    world.revokes_in_permit("auth0|sandbox-manager", "manager").await;

    assert_eq!(manager.deletes(&id).await.refusal()["code"], "NOT_FOUND");
    assert_eq!(manager.asks(LIST).await.codes(), [""; 0], "the read is as old as the setting allows");
}

#[tokio::test]
async fn a_grant_holds_on_the_very_next_read() {
    let world = remembering(LONG).await;
    let viewer = world.signed_in("viewer").await;
    assert_eq!(viewer.asks("{ users { totalCount } }").await.codes(), ["FORBIDDEN"]);

    world.grant("viewer", "user:get").await;

    assert_eq!(viewer.asks("{ users { totalCount } }").await.codes(), [""; 0]);
}

#[tokio::test]
async fn a_revocation_holds_when_the_time_is_over_by_the_clock() {
    let ttl = Duration::from_secs(1);
    let world = remembering(ttl).await;
    let manager = world.signed_in("manager").await;
    manager.asks(LIST).await.data();
    world.revokes_in_permit("auth0|sandbox-manager", "manager").await;
    let revoked = Instant::now();

    loop {
        let begun = revoked.elapsed();
        let answer = manager.asks(LIST).await;
        if answer.codes() == ["FORBIDDEN"] {
            return;
        }
        assert!(begun < ttl, "still allowed {begun:?} after the revocation");
        assert!(mode(&answer).1 <= 1_000, "{}", answer.body);
    }
}

/// Whether the caller still reads by what is remembered of them, though Permit took their role away.
async fn is_remembered(persona: &Persona<'_>) -> bool {
    persona.asks(LIST).await.codes().is_empty()
}

#[tokio::test]
async fn a_login_and_another_token_drop_what_is_remembered() {
    let world = remembering(LONG).await;
    let manager = world.signed_in("manager").await;
    assert!(is_remembered(&manager).await);
    world.revokes_in_permit("auth0|sandbox-manager", "manager").await;
    assert!(is_remembered(&manager).await);

    manager.asks("mutation { login { ready } }").await.data();
    assert!(!is_remembered(&manager).await, "a login drops it");

    world.grants_in_permit("auth0|sandbox-manager", "manager").await;
    assert!(is_remembered(&manager).await);
    world.revokes_in_permit("auth0|sandbox-manager", "manager").await;
    let order = json!({"claims": {"sub": "auth0|sandbox-manager", "iat": 1_000_000_000}});
    let other = world.bearer(world.token(order).await);
    assert!(!is_remembered(&other).await, "another `iat` drops it");
}

#[tokio::test]
async fn a_token_with_other_roles_alone_drops_what_is_remembered() {
    let world = remembering(LONG).await;
    world.signed_in("manager").await;
    let with_roles = async |roles: &[&str]| {
        let claims = json!({"sub": "auth0|sandbox-manager", "iat": 1_000_000_000, ROLES_CLAIM: roles});
        world.bearer(world.token(json!({"claims": claims})).await)
    };
    let (before, same) = (with_roles(&["manager"]).await, with_roles(&["manager"]).await);
    assert!(is_remembered(&before).await);
    world.revokes_in_permit("auth0|sandbox-manager", "manager").await;
    assert!(is_remembered(&same).await);

    assert!(!is_remembered(&with_roles(&["manager", "viewer"]).await).await);
}

#[tokio::test]
async fn what_is_remembered_of_somebody_in_one_tenant_says_nothing_of_them_in_another() {
    let world = remembering(LONG).await;
    let sub = "auth0|in-both";
    world.grants_elsewhere_in_permit(sub, "org_outside", "viewer").await;
    world.grants_in_permit(sub, "manager").await;
    let claims = json!({"sub": sub, "iat": 1_000_000_000});
    let here = world.bearer(world.token(json!({"claims": claims})).await);
    let mut claims = claims;
    claims["org_id"] = json!("org_outside");
    let there = world.bearer(world.token(json!({"claims": claims})).await);
    let users = "{ users { totalCount } }";

    for _ in 0..2 {
        assert_eq!(here.asks(users).await.codes(), [""; 0]);
        assert_eq!(there.asks(users).await.codes(), ["FORBIDDEN"]);
        assert!(is_remembered(&there).await);
    }
    // Each of them is remembered, and is not what drops the other.
    for persona in [&here, &there] {
        assert_eq!(mode(&persona.asks(LIST).await).0, "SNAPSHOT");
        assert_eq!(persona.asks(LIST).await.remote_calls(), 0);
    }
}

#[tokio::test]
async fn operators_see_how_old_the_decisions_were_that_were_used() {
    let world = World::start().await;
    let database = sqlite();
    let more = [("--permit-decision-ttl", "600000")];
    let program = Process::start(&world.sandbox, &database.url, &more).await;
    let manager = world.bearer_at(&program.url, world.persona("manager").await.token());
    manager.asks("mutation { login { ready } }").await.data();
    let mut told = 0.0;
    for _ in 0..4 {
        told += f64::from(u32::try_from(mode(&manager.asks(LIST).await).1).unwrap());
    }

    assert_eq!(program.metric("decision_snapshot_age_seconds_count").await, Some(4.0));
    let milliseconds = program.metric("decision_snapshot_age_seconds_sum").await.unwrap() * 1_000.0;
    // Receipts round up.
    assert!((told - 4.0..=told).contains(&milliseconds), "{milliseconds} and not {told}");
}

#[tokio::test]
async fn a_role_that_this_server_takes_is_gone_from_the_next_read() {
    let world = remembering(LONG).await;
    let (admin, manager) = (world.signed_in("admin").await, world.signed_in("manager").await);
    let user = manager.user_id().await;
    assert!(is_remembered(&manager).await);

    let document = "mutation($id: ID!) { unassignRole(input: {userId: $id, role: \"manager\"}) { outcome { outcome } } }";
    let taken = admin.asks_with(document, json!({"id": user})).await.data();
    assert_eq!(taken["unassignRole"]["outcome"]["outcome"], "REMOVED");

    assert!(!is_remembered(&manager).await);
}

#[tokio::test]
async fn a_pdp_that_cannot_tell_everything_is_asked_one_by_one() {
    let world = remembering(LONG).await;
    let manager = world.signed_in("manager").await;
    let fault = json!({"kind": "status", "status": 500, "path": "/user-permissions"});
    world.break_it(&world.sandbox.pdp.url(), fault).await;

    let answer = manager.asks(LIST).await;

    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(mode(&answer).0, "LIVE");
}
