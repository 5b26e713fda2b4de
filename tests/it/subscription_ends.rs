//! Who loses what a subscription needs is told so, and the subscription ends; who asked for it is told of permissions.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    subscriptions::{CHANGES, begun},
    support::{Persona, Subscription, World},
};

/// Longer than any test: what happens within it is not the work of the clock.
const NEVER: Duration = Duration::from_hours(1);
const OFTEN: Duration = Duration::from_millis(100);
const PERMISSIONS: &str = "subscription { viewerPermissionsChanged { permissions at } }";

async fn asked_again_every(interval: Duration) -> World {
    World::with(|config| config.graphql.permission_recheck_interval = interval).await
}

/// The extensions of the error that is the last thing a subscriber hears.
pub(crate) async fn last_word(subscription: &mut Subscription) -> Value {
    loop {
        let answer = subscription.next().await;
        if answer["data"].is_null() {
            subscription.completes().await;
            return answer["errors"][0]["extensions"].clone();
        }
    }
}

async fn subscribed(listener: &Persona<'_>, creator: &Persona<'_>) -> Subscription {
    let mut subscription = [listener.connects().await.subscribes(CHANGES).await];
    begun(creator, &mut subscription).await;
    let [subscription] = subscription;
    subscription
}

async fn takes_role(admin: &Persona<'_>, user: &str, role: &str) {
    let document = "mutation($user: ID!, $role: String!) {
        unassignRole(input: {userId: $user, role: $role}) { outcome { outcome } userErrors { code } } }";
    let data = admin.asks_with(document, json!({"user": user, "role": role})).await.data();
    assert_eq!(data["unassignRole"]["outcome"]["outcome"], "REMOVED", "{data}");
}

async fn removes(admin: &Persona<'_>, user: &str) {
    let document = "mutation($user: ID!) { deleteUser(input: {id: $user}) { deletedUserId } }";
    admin.asks_with(document, json!({"user": user})).await.data();
}

#[tokio::test]
async fn a_permission_that_is_revoked_in_permit_ends_subscriptions_when_it_is_asked_again() {
    let world = asked_again_every(OFTEN).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &manager).await;

    world.revoke("viewer", "task:get").await;

    let refusal = last_word(&mut subscription).await;
    assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("FORBIDDEN"), &json!("NO_PERMISSION")));
    assert_eq!((&refusal["resource"], &refusal["action"]), (&json!("task"), &json!("get")));
    assert!(
        refusal["hint"].is_string() && refusal["decisionId"].is_string() && refusal["requestId"].is_string()
    );

    let logged = world.signed_in("admin").await.finds_decision(&refusal["decisionId"]).await;
    assert_eq!(
        (&logged["subject"], &logged["reason"]),
        (&json!("auth0|sandbox-viewer"), &json!("NO_PERMISSION"))
    );
    assert_eq!(logged["requestId"], refusal["requestId"]);

    world.grant("viewer", "task:get").await;
    subscribed(&viewer, &manager).await;
}

#[tokio::test]
async fn a_role_that_is_taken_in_permit_ends_subscriptions_by_the_clock_alone() {
    let interval = Duration::from_secs(1);
    // What a busy machine may take on top.
    let slack = Duration::from_secs(10);
    let world = World::with(|config| {
        config.graphql.permission_recheck_interval = interval;
        // A busy machine is no outage.
        config.permit.answer_timeout = slack;
    })
    .await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &manager).await;
    while subscription.soon().await.is_some() {}

    let begun = Instant::now();
    world.revokes_in_permit("auth0|sandbox-viewer", "viewer").await;
    let answer = subscription.next().await;
    let elapsed = begun.elapsed();

    // No event was sent that could have found it out.
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert!(answer["data"].is_null(), "{answer}");
    assert!(!elapsed.is_zero() && elapsed < interval + slack, "{elapsed:?} after the revocation");
    subscription.completes().await;
}

#[tokio::test]
async fn an_event_finds_out_what_the_clock_has_not_found_yet() {
    let world = asked_again_every(NEVER).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &manager).await;

    world.revoke("viewer", "task:get").await;
    manager.creates_task("Secret").await;

    assert_eq!(last_word(&mut subscription).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_role_that_is_taken_through_this_node_ends_subscriptions_at_once() {
    let world = asked_again_every(NEVER).await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &admin).await;

    takes_role(&admin, &viewer.user_id().await, "viewer").await;

    let refusal = last_word(&mut subscription).await;
    assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("FORBIDDEN"), &json!("NO_ROLE_IN_TENANT")));
}

#[tokio::test]
async fn somebody_who_is_removed_hears_of_no_task_any_more() {
    let world = asked_again_every(NEVER).await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &admin).await;

    removes(&admin, &viewer.user_id().await).await;

    let refusal = last_word(&mut subscription).await;
    assert_eq!((&refusal["code"], &refusal["reason"]), (&json!("UNAUTHENTICATED"), &json!("USER_REMOVED")));
}

#[tokio::test]
async fn somebody_who_is_removed_hears_of_no_permission_any_more() {
    let world = asked_again_every(OFTEN).await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let mut subscription = viewer.connects().await.subscribes(PERMISSIONS).await;
    told_permissions(&world, &mut subscription).await;

    removes(&admin, &viewer.user_id().await).await;

    assert_eq!(last_word(&mut subscription).await["reason"], "USER_REMOVED");
}

#[tokio::test]
async fn a_removal_through_another_node_ends_subscriptions_when_it_is_asked_again() {
    let world = asked_again_every(OFTEN).await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let user = viewer.user_id().await;
    let mut subscription = subscribed(&viewer, &admin).await;

    let elsewhere = world.another_node().await;
    removes(&elsewhere.bearer(admin.token()), &user).await;

    assert_eq!(last_word(&mut subscription).await["reason"], "USER_REMOVED");
}

#[tokio::test]
async fn while_the_pdp_is_down_subscriptions_stay_open() {
    let world = asked_again_every(OFTEN).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &manager).await;
    while subscription.soon().await.is_some() {}
    let pdp = world.sandbox.pdp.url();
    let asked = world.count(&pdp, "POST /allowed").await;
    world.break_it(&pdp, json!({"kind": "status", "status": 500})).await;

    while world.count(&pdp, "POST /allowed").await < asked + 3 {
        assert_eq!(subscription.soon().await, None);
    }

    world.mend(&pdp).await;
    manager.creates_task("Afterwards").await;
    assert_eq!(subscription.next().await["data"]["taskChanged"]["task"]["title"], "Afterwards");
}

/// What somebody is told whose permissions change until they hear of it.
async fn told_permissions(world: &World, subscription: &mut Subscription) -> Value {
    world.sets_limits(json!({"schemaWritesPerMinute": 100_000})).await;
    loop {
        for held in [true, false] {
            if held {
                world.grant("viewer", "task:delete").await;
            } else {
                world.revoke("viewer", "task:delete").await;
            }
            if let Some(answer) = subscription.soon().await {
                return answer;
            }
        }
    }
}

#[tokio::test]
async fn somebody_who_wants_to_know_is_told_of_every_change_of_their_permissions() {
    let world = asked_again_every(OFTEN).await;
    let viewer = world.signed_in("viewer").await;
    let mut subscription = viewer.connects().await.subscribes(PERMISSIONS).await;
    told_permissions(&world, &mut subscription).await;
    while subscription.soon().await.is_some() {}
    world.grant("viewer", "task:delete").await;
    world.grant("viewer", "task:create").await;

    let expected = json!(["task:check", "task:create", "task:delete", "task:get"]);
    loop {
        let told = subscription.next().await["data"]["viewerPermissionsChanged"].clone();
        assert!(told["at"].is_string());
        if told["permissions"] == expected {
            break;
        }
    }
    let asked = viewer.asks("{ viewer { permissions } }").await.data();
    assert_eq!(asked["viewer"]["permissions"], expected);
    assert_eq!(subscription.soon().await, None, "nothing is told that is no change");
}

#[tokio::test]
async fn a_role_that_is_given_through_this_node_is_told_at_once() {
    let world = asked_again_every(NEVER).await;
    let (admin, newcomer) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let user = newcomer.user_id().await;
    let mut subscription = newcomer.connects().await.subscribes(PERMISSIONS).await;
    let give = "mutation($user: ID!) { assignRole(input: {userId: $user, role: \"viewer\"}) { outcome { outcome } } }";

    // The first one may come before the subscription has begun.
    let told = loop {
        admin.asks_with(give, json!({"user": user})).await.data();
        if let Some(answer) = subscription.soon().await {
            break answer;
        }
        takes_role(&admin, &user, "viewer").await;
    };

    let permissions = &told["data"]["viewerPermissionsChanged"]["permissions"];
    assert!(*permissions == json!(["task:check", "task:get"]) || *permissions == json!([]), "{told}");
}
