//! What subscribers are told while nobody can decide what they may hear of.

use serde_json::json;

use crate::{
    subscriptions::{CHANGES, change, next, subscribed},
    support::{Persona, Subscription, World},
};

/// Somebody without a role who hears of their own tasks.
async fn narrowed(creator: &Persona<'_>, person: &Persona<'_>) -> Subscription {
    let me = json!(person.user_id().await);
    let id = creator.creates_task("Mine for a while").await;
    let mut subscription = person.connects().await.subscribes(CHANGES).await;
    while subscription.soon().await.is_none() {
        creator.assigns(&id, json!(null)).await;
        creator.assigns(&id, me.clone()).await;
    }
    subscription
}

#[tokio::test]
async fn nobody_is_told_what_could_not_be_decided_and_everybody_is_told_to_fetch() {
    let world = World::start().await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let mut subscription = subscribed(&viewer, &manager, CHANGES).await;
    // The one question about the event; what a mutation needs is asked in bulk.
    world
        .break_it(&world.sandbox.pdp.url(), json!({"kind": "status", "status": 500, "path": "/allowed"}))
        .await;

    manager.creates_task("Undecided").await;

    let told = next(&mut subscription).await;
    assert_eq!(told["data"], json!(null));
    let error = &told["errors"][0]["extensions"];
    assert_eq!((&error["code"], &error["cause"]), (&json!("AUTHZ_UNAVAILABLE"), &json!("BAD_ANSWER")));
    assert_eq!((&error["refetch"], error["retryAfterMs"].is_u64()), (&json!(true), true));

    world.mend(&world.sandbox.pdp.url()).await;
    manager.creates_task("Decided").await;
    assert_eq!(change(&mut subscription).await["task"]["title"], "Decided");
}

#[tokio::test]
async fn with_object_rules_an_outage_is_told_to_everybody_of_the_tenant_and_tells_nothing_of_the_task() {
    let world = World::with(|config| config.graphql.object_rules = true).await;
    let (manager, viewer) = (world.signed_in("manager").await, world.signed_in("viewer").await);
    let (newcomer, outsider) = (world.signed_in("newcomer").await, world.signed_in("outsider").await);
    let elsewhere = "subscription { taskChanged(filter: {titleContains: \"warm-up\"}) {
        kind task { title } } }";
    let mut told = vec![
        subscribed(&viewer, &manager, CHANGES).await,
        // It would not hear of the task, if it could be decided.
        subscribed(&viewer, &manager, elsewhere).await,
        // Nor would somebody who may read single tasks only, and not this one.
        narrowed(&manager, &newcomer).await,
    ];
    let mut apart = subscribed(&outsider, &outsider, CHANGES).await;
    for subscription in told.iter_mut().chain([&mut apart]) {
        while subscription.soon().await.is_some() {}
    }
    let pdp = world.sandbox.pdp.url();
    // After the question that the mutation asks.
    world.break_it(&pdp, json!({"kind": "status", "status": 500, "after": 1})).await;

    manager.creates_task("Undecided").await;

    let mut answers = Vec::new();
    for subscription in &mut told {
        let mut answer = subscription.next().await;
        let extensions = answer["errors"][0]["extensions"].as_object_mut().unwrap();
        assert_eq!(
            (&extensions["code"], &extensions["refetch"]),
            (&json!("AUTHZ_UNAVAILABLE"), &json!(true))
        );
        extensions.remove("requestId");
        answers.push((answer["data"].clone(), answer["errors"].clone()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.mend(&pdp).await;
    outsider.creates_task("Theirs").await;
    assert_eq!(change(&mut apart).await["task"]["title"], "Theirs");
}
