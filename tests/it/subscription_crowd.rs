//! What many subscribers cost, and what becomes of one who does not keep up.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    subscriptions::{CHANGES, begun, change, next},
    support::{Line, Process, Socket, Subscription, World, sqlite},
};

/// A busy machine is no outage.
const PATIENCE: Duration = Duration::from_mins(1);
/// With somebody who may read single tasks only, they are five hundred.
const PEOPLE: usize = 499;
/// More than a mailbox holds.
const TASKS: usize = 300;

/// Somebody with the role of a viewer, whom only Permit knows.
async fn viewer(world: &World, name: usize) -> Socket {
    let subject = format!("auth0|crowd-{name}");
    world.grants_elsewhere_in_permit(&subject, "default", "viewer").await;
    let token = world.token(json!({"claims": {"sub": subject}})).await;
    world.bearer(token).connects().await
}

/// Different people, each with a socket and a subscription.
async fn crowd(world: &World, document: &str) -> (Vec<Socket>, Vec<Subscription>) {
    world.sets_limits(json!({"requestsPerMinute": 100_000, "writesPerMinute": 100_000})).await;
    let subscribing = (0..PEOPLE).map(async |name| {
        let socket = viewer(world, name).await;
        let subscription = socket.subscribes(document).await;
        (socket, subscription)
    });
    stream::iter(subscribing).buffered(16).unzip().await
}

#[tokio::test]
async fn one_event_for_five_hundred_people_is_at_most_two_calls() {
    let world = World::with(|config| {
        config.graphql.object_rules = true;
        config.permit.answer_timeout = PATIENCE;
        // Asking again would be counted too.
        config.graphql.permission_recheck_interval = Duration::from_hours(1);
    })
    .await;
    let (manager, newcomer) = (world.signed_in("manager").await, world.signed_in("newcomer").await);
    let me = newcomer.user_id().await;
    let (_sockets, mut subscriptions) = crowd(&world, CHANGES).await;
    begun(&manager, &mut subscriptions).await;
    // Somebody who may read single tasks only, about which one more question is needed.
    let mut narrowed = newcomer.connects().await.subscribes(CHANGES).await;
    let create = "mutation($title: String!, $who: ID!) {
        createTask(input: {title: $title, assigneeId: $who}) { task { id } } }";
    while narrowed.soon().await.is_none() {
        manager.asks_with(create, json!({"title": "warm-up", "who": me})).await.data();
    }
    subscriptions.push(narrowed);
    let pdp = world.sandbox.pdp.url();

    let mut calls = 0;
    // When the first has been heard by everybody, nothing is left to be decided of what was before it.
    for title in ["First", "Second"] {
        let before = world.count(&pdp, "POST /allowed").await;
        let created = manager.asks_with(create, json!({"title": title, "who": me})).await;
        for subscription in &mut subscriptions {
            assert_eq!(next(subscription).await["data"]["taskChanged"]["task"]["title"], title);
        }
        calls = world.count(&pdp, "POST /allowed").await - before - created.remote_calls();
    }
    assert!((1..=2).contains(&calls), "{calls} calls");
}

#[tokio::test]
async fn guarded_fields_of_an_event_are_asked_about_together() {
    let world = World::with(|config| config.permit.answer_timeout = PATIENCE).await;
    let manager = world.signed_in("manager").await;
    let document = "subscription { taskChanged { kind task { title notes owner { id } } } }";
    let (_sockets, mut subscriptions) = crowd(&world, document).await;
    begun(&manager, &mut subscriptions).await;
    let pdp = world.sandbox.pdp.url();
    // While one question is out, the others come together.
    world.break_it(&pdp, json!({"kind": "delay", "ms": 200})).await;
    let before = world.count(&pdp, "POST /allowed").await;

    manager.creates_task("For everybody").await;
    for subscription in &mut subscriptions {
        let told = next(subscription).await;
        assert_eq!(
            told["data"]["taskChanged"]["task"],
            json!({"title": "For everybody", "notes": null, "owner": null})
        );
        assert_eq!(told["errors"].as_array().unwrap().len(), 2);
    }

    let calls = world.count(&pdp, "POST /allowed").await - before;
    assert!(calls <= 20, "{calls} calls for {PEOPLE} subscribers");
}

#[tokio::test]
async fn a_removal_of_somebody_with_many_tasks_costs_nobody_who_reads_their_subscription() {
    // The program has threads of its own: what is heard is read while it decides.
    let (world, database) = (World::start().await, sqlite());
    let more = [("--permit-answer-timeout-ms", "20000")];
    let server = Process::start(&world.sandbox, &database.url, &more).await;
    let signed_in = async |name| {
        let persona = world.bearer_at(&server.url, world.persona(name).await.token());
        assert_eq!(persona.asks("mutation { login { ready } }").await.data()["login"]["ready"], true);
        persona
    };
    let (admin, manager, viewer) =
        (signed_in("admin").await, signed_in("manager").await, signed_in("viewer").await);
    let creating = (0..TASKS).map(|_| manager.creates_task("Theirs"));
    stream::iter(creating).buffered(16).collect::<Vec<_>>().await;
    let mut subscriptions = Vec::new();
    for _ in 0..3 {
        subscriptions.push(viewer.connects().await.subscribes(CHANGES).await);
    }
    begun(&admin, &mut subscriptions).await;

    let remove = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";
    admin.asks_with(remove, json!({"id": manager.user_id().await})).await.data();

    for subscription in &mut subscriptions {
        for _ in 0..TASKS {
            assert_eq!(change(subscription).await["kind"], "UPDATED");
        }
    }
}

/// What a line hears within a moment.
async fn soon(line: &mut Line) -> Option<Value> {
    timeout(Duration::from_millis(50), line.hears()).await.ok()
}

#[tokio::test]
async fn who_does_not_read_is_told_to_fetch_and_holds_up_nobody() {
    // Nor is somebody slow who waits for a busy machine.
    let world = World::with(|config| config.http.send_timeout = PATIENCE).await;
    let manager = world.signed_in("manager").await;
    let create =
        "mutation($notes: String!) { createTask(input: {title: \"Long\", notes: $notes}) { task { id } } }";
    let long = manager.asks_with(create, json!({"notes": "€".repeat(10_000)})).await.data();
    let id = long["createTask"]["task"]["id"].clone();
    let copies: Vec<String> = (0..40).map(|n| format!("n{n}: notes")).collect();
    let document = format!("subscription {{ taskChanged {{ task {{ title {} }} }} }}", copies.join(" "));
    let credentials = json!({"authorization": format!("Bearer {}", manager.token())});
    let mut line = Line::initialised(&world.url, credentials).await;
    line.says(&json!({"type": "subscribe", "id": "1", "payload": {"query": document}})).await;
    let mut others = [manager.connects().await.subscribes(CHANGES).await];
    begun(&manager, &mut others).await;
    let mut tries = 0;
    while soon(&mut line).await.is_none() {
        manager.creates_task("warm-up").await;
        tries += 1;
        assert!(tries < 500, "nothing is heard");
    }

    // More than a mailbox and the buffers of a connection hold.
    let tick = "mutation($id: ID!, $done: Boolean!) {
        setTaskCompleted(input: {id: $id, completed: $done}) { userErrors { code } } }";
    for n in 0..320 {
        manager.asks_with(tick, json!({"id": id, "done": n % 2 == 0})).await.data();
        assert_eq!(next(&mut others[0]).await["data"]["taskChanged"]["kind"], "UPDATED");
    }

    let missed = loop {
        let message = line.hears().await;
        assert_eq!(message["type"], "next", "{message}");
        if message["payload"]["data"].is_null() {
            break message["payload"]["errors"][0]["extensions"].clone();
        }
    };
    assert_eq!((&missed["code"], &missed["cause"]), (&json!("EVENTS_MISSED"), &json!("SLOW_CONSUMER")));
    assert_eq!(missed["refetch"], true);
    assert_eq!(line.hears().await, json!({"type": "complete", "id": "1"}));
}
