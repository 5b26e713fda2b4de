//! What subscribers are told: of which tasks, and what of them.

use serde_json::{Value, json};

use crate::support::{Persona, Subscription, World};

pub(crate) const CHANGES: &str = "subscription { taskChanged { kind taskId task { title } } }";

/// Title of the tasks by which a test finds out that a subscription has begun.
const WARM_UP: &str = "warm-up";

/// Creates tasks until everybody has heard of one.
pub(crate) async fn begun(creator: &Persona<'_>, subscriptions: &mut [Subscription]) {
    for subscription in subscriptions {
        while subscription.soon().await.is_none() {
            creator.creates_task(WARM_UP).await;
        }
    }
}

/// The next answer that is not about a warm-up.
pub(crate) async fn next(subscription: &mut Subscription) -> Value {
    loop {
        let answer = subscription.next().await;
        if answer["data"]["taskChanged"]["task"]["title"] != WARM_UP {
            return answer;
        }
    }
}

/// The same, of which an answer without errors is expected.
pub(crate) async fn change(subscription: &mut Subscription) -> Value {
    let answer = next(subscription).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["taskChanged"].clone()
}

pub(crate) async fn subscribed(
    listener: &Persona<'_>,
    creator: &Persona<'_>,
    document: &str,
) -> Subscription {
    let mut subscription = [listener.connects().await.subscribes(document).await];
    begun(creator, &mut subscription).await;
    let [subscription] = subscription;
    subscription
}

async fn renames(persona: &Persona<'_>, id: &str, title: &str) {
    let document = "mutation($id: ID!, $title: String!) {
        updateTask(input: {id: $id, title: $title}) { userErrors { code } } }";
    persona.asks_with(document, json!({"id": id, "title": title})).await.data();
}

#[tokio::test]
async fn a_viewer_is_told_what_happens_to_the_tasks_of_the_tenant_and_an_outsider_is_not() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let outsider = world.signed_in("outsider").await;
    let mut inside = subscribed(&viewer, &admin, CHANGES).await;
    let mut outside = subscribed(&outsider, &outsider, CHANGES).await;

    let id = admin.creates_task("Ours").await;
    renames(&admin, &id, "Renamed").await;
    admin.deletes(&id).await.data();
    outsider.creates_task("Theirs").await;

    let created = change(&mut inside).await;
    assert_eq!((&created["kind"], &created["taskId"]), (&json!("CREATED"), &json!(id)));
    let updated = change(&mut inside).await;
    assert_eq!((&updated["kind"], &updated["taskId"]), (&json!("UPDATED"), &json!(id)));
    let deleted = change(&mut inside).await;
    assert_eq!(deleted, json!({"kind": "DELETED", "taskId": id, "task": null}));
    assert_eq!(change(&mut outside).await["task"]["title"], "Theirs");
}

#[tokio::test]
async fn a_filter_lets_through_what_enters_stays_and_leaves() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let document =
        "subscription { taskChanged(filter: {titleContains: \"W\"}) { kind task { title version } } }";
    let mut subscription = subscribed(&admin, &admin, document).await;

    let id = admin.creates_task("other").await;
    for title in ["wanted", "Wanted too", "another"] {
        renames(&admin, &id, title).await;
    }
    renames(&admin, &id, "unheard").await;
    admin.creates_task("w").await;

    let mut heard = Vec::new();
    for _ in 0..4 {
        let change = change(&mut subscription).await;
        heard.push((change["kind"].clone(), change["task"]["version"].clone()));
    }
    let kinds: Vec<&Value> = heard.iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["UPDATED", "UPDATED", "UPDATED", "CREATED"]);
}

#[tokio::test]
async fn every_event_is_decided_and_looked_up_anew_and_has_its_own_receipt() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let document = "subscription { taskChanged { kind task { title notes } } }";
    let mut subscription = subscribed(&viewer, &admin, document).await;

    admin.creates_task("Refused").await;
    let refused = next(&mut subscription).await;
    let error = &refused["errors"][0];
    assert_eq!(error["path"], json!(["taskChanged", "task", "notes"]));
    assert_eq!(
        (&error["extensions"]["code"], &error["extensions"]["reason"]),
        (&json!("FORBIDDEN"), &json!("NO_PERMISSION"))
    );
    assert_eq!(refused["data"]["taskChanged"]["task"], json!({"title": "Refused", "notes": null}));

    world.grant("viewer", "task:read-notes").await;
    admin.creates_task("Granted").await;
    let granted = next(&mut subscription).await;
    assert_eq!(granted["data"]["taskChanged"]["task"], json!({"title": "Granted", "notes": "n"}));
    let receipt = &granted["extensions"]["authz"];
    assert_eq!((&receipt["decisions"], &receipt["distinctChecks"]), (&json!(1), &json!(1)));
    assert!(granted["extensions"]["requestId"].is_string());
}

#[tokio::test]
async fn a_subscription_needs_what_its_field_and_its_filter_need() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    let me = viewer.user_id().await;
    let newcomer = world.signed_in("newcomer").await;
    let by_owner = format!("subscription {{ taskChanged(filter: {{ownerId: \"{me}\"}}) {{ kind }} }}");

    for (persona, document, code, resource) in [
        (&world.nobody(), CHANGES, "UNAUTHENTICATED", json!(null)),
        (&world.nobody(), "subscription { viewerPermissionsChanged { at } }", "UNAUTHENTICATED", json!(null)),
        (&newcomer, CHANGES, "FORBIDDEN", json!("task")),
        (&viewer, &by_owner, "FORBIDDEN", json!("user")),
        (
            &viewer,
            "subscription { taskChanged(filter: {ownerId: \"x\"}) { kind } }",
            "BAD_USER_INPUT",
            json!(null),
        ),
    ] {
        let mut subscription = persona.connects().await.subscribes(document).await;
        let answer = subscription.next().await;
        assert_eq!(
            (&answer["data"], answer["errors"].as_array().unwrap().len()),
            (&json!(null), 1),
            "{answer}"
        );
        let error = &answer["errors"][0];
        assert_eq!(
            (&error["extensions"]["code"], &error["extensions"]["resource"]),
            (&json!(code), &resource),
            "{document}"
        );
        assert_eq!(error["path"].as_array().unwrap().len(), 1);
        assert!(error["extensions"]["requestId"].is_string());
        subscription.completes().await;
    }
}

#[tokio::test]
async fn a_subscription_has_exactly_one_field_wherever_it_is_written() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let spread = "subscription { ...Root }
        fragment Root on Subscription { taskChanged { kind } ... on Subscription { taskChanged { ...More } } }
        fragment More on TaskChange { task { title } }";
    let mut subscription = subscribed(&admin, &admin, spread).await;
    admin.creates_task("By fragment").await;
    assert_eq!(change(&mut subscription).await, json!({"kind": "CREATED", "task": {"title": "By fragment"}}));

    for document in [
        "subscription { taskChanged { kind } viewerPermissionsChanged { at } }",
        "subscription { a: taskChanged { kind } b: taskChanged { kind } }",
        "subscription { ...A ...B } fragment A on Subscription { taskChanged { kind } }
            fragment B on Subscription { viewerPermissionsChanged { at } }",
        "subscription($no: Boolean = true) { taskChanged @skip(if: $no) { kind } }",
        "subscription { ... on Subscription @include(if: true) { taskChanged { kind } } }",
        "subscription { ...A } fragment A on Subscription { unknown }",
        "subscription { __typename }",
    ] {
        let refusal = admin.connects().await.subscribes(document).await.refusal().await;
        assert_eq!(refusal[0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{document}: {refusal}");
    }
}

#[tokio::test]
async fn with_object_rules_single_tasks_come_into_sight_and_leave_it() {
    let world = World::with(|config| config.graphql.object_rules = true).await;
    let (admin, newcomer) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let me = json!(newcomer.user_id().await);
    let id = admin.creates_task("Mine for a while").await;
    let mut subscription = newcomer.connects().await.subscribes(CHANGES).await;
    while subscription.soon().await.is_none() {
        admin.assigns(&id, json!(null)).await;
        admin.assigns(&id, me.clone()).await;
    }
    while subscription.soon().await.is_some() {}

    admin.creates_task("Somebody else's").await;
    renames(&admin, &id, "Renamed").await;
    let renamed = change(&mut subscription).await;
    assert_eq!(renamed, json!({"kind": "UPDATED", "taskId": id, "task": {"title": "Renamed"}}));

    admin.assigns(&id, json!(null)).await;
    let left = change(&mut subscription).await;
    assert_eq!(left, json!({"kind": "NO_LONGER_VISIBLE", "taskId": id, "task": null}));

    renames(&admin, &id, "Out of sight").await;
    admin.assigns(&id, me).await;
    let back = change(&mut subscription).await;
    assert_eq!(back, json!({"kind": "UPDATED", "taskId": id, "task": {"title": "Out of sight"}}));

    admin.deletes(&id).await.data();
    let deleted = change(&mut subscription).await;
    assert_eq!(deleted, json!({"kind": "DELETED", "taskId": id, "task": null}));
}

#[tokio::test]
async fn a_filter_tells_nothing_of_a_title_that_the_subscriber_may_not_read() {
    let world = World::with(|config| config.graphql.object_rules = true).await;
    let (admin, newcomer) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let me = json!(newcomer.user_id().await);
    let id = admin.creates_task("hidden").await;
    let document =
        "subscription { taskChanged(filter: {titleContains: \"hidden\"}) { kind task { title } } }";
    let socket = newcomer.connects().await;
    let mut probe = socket.subscribes(document).await;
    let mut witness = socket.subscribes(CHANGES).await;
    let update = "mutation($id: ID!, $title: String!, $to: ID) {
        updateTask(input: {id: $id, title: $title, assigneeId: $to}) { userErrors { code } } }";
    let moves = async |title: &str, to: Value| {
        admin.asks_with(update, json!({"id": id, "title": title, "to": to})).await.data();
    };
    while witness.soon().await.is_none() {
        moves("harmless", me.clone()).await;
        moves("hidden", json!(null)).await;
    }
    // Whoever hears of the other task has heard of all that came before.
    let create = "mutation($to: ID) {
        createTask(input: {title: \"other\", assigneeId: $to}) { userErrors { code } } }";
    admin.asks_with(create, json!({"to": me})).await.data();
    while next(&mut witness).await["data"]["taskChanged"]["kind"] != "CREATED" {}

    // Its title was hidden before it came into sight, and is again when it leaves.
    moves("harmless", me.clone()).await;
    assert_eq!(change(&mut witness).await["kind"], "UPDATED");
    moves("hidden again", json!(null)).await;
    assert_eq!(change(&mut witness).await["kind"], "NO_LONGER_VISIBLE");
    // What they may read matches: the first that the filter lets through.
    moves("no longer hidden", me).await;
    let told = change(&mut probe).await;
    assert_eq!(told, json!({"kind": "UPDATED", "task": {"title": "no longer hidden"}}));
}
