//! `explain(asUser:)`: about somebody else, for those who may, and not without a trace. And what object rules leave
//! undecided.

use serde_json::{Value, json};

use crate::support::{Answer, Persona, World, eventually};

const EXPLAIN: &str = "query($document: String!, $user: ID) { explain(document: $document, asUser: $user) {
    allowed fields { path undecided result { allowed reason hint rolesThatAllow } } } }";

async fn asks(persona: &Persona<'_>, document: &str, user: Value) -> Answer {
    persona.asks_with(EXPLAIN, json!({"document": document, "user": user})).await
}

#[tokio::test]
async fn somebody_else_is_explained_to_whoever_may_know_and_to_nobody_else() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let (id, document) = (viewer.user_id().await, "{ tasks { totalCount } users { totalCount } }");

    let answer = asks(&admin, document, json!(id)).await;

    assert_eq!(answer.remote_calls(), 1);
    let explanation = answer.data()["explain"].clone();
    assert_eq!(explanation["allowed"], false);
    assert_eq!(explanation["fields"][0]["result"]["allowed"], true);
    let denied = &explanation["fields"][1]["result"];
    assert_eq!(denied["reason"], "NO_PERMISSION");
    assert!(denied["hint"].as_str().unwrap().starts_with("None of their roles"), "{denied}");

    let manager = world.signed_in("manager").await;
    let nobody = "VXNlcjowMThmM2E1ZS0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMGE";
    for user in [&id, nobody, &manager.user_id().await] {
        let answer = asks(&manager, document, json!(user)).await;
        let refusal = answer.refusal();
        assert_eq!(refusal["code"], "FORBIDDEN", "{user}");
        assert_eq!((&refusal["resource"], &refusal["action"]), (&json!("policy"), &json!("explain")));
        assert_eq!(answer.body["data"], json!({"explain": null}));
    }
}

#[tokio::test]
async fn who_is_not_in_the_tenant_is_not_found() {
    let world = World::start().await;
    let (admin, outsider) = (world.signed_in("admin").await, world.signed_in("outsider").await);
    for user in ["VXNlcjowMThmM2E1ZS0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMGE", &outsider.user_id().await] {
        let answer = asks(&admin, "{ tasks { totalCount } }", json!(user)).await;
        let refusal = answer.refusal();
        assert_eq!(
            (&refusal["code"], &refusal["type"], &refusal["id"]),
            (&json!("NOT_FOUND"), &json!("User"), &json!(user))
        );
    }
    let task = admin.creates_task("t").await;
    let answer = asks(&admin, "{ tasks { totalCount } }", json!(task)).await;
    assert_eq!(
        (&answer.refusal()["code"], &answer.refusal()["field"]),
        (&json!("BAD_USER_INPUT"), &json!("asUser"))
    );
}

#[tokio::test]
async fn the_log_says_who_asked_about_whom() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);

    let answer = asks(&admin, "{ users { totalCount } }", json!(viewer.user_id().await)).await;

    let request = answer.body["extensions"]["requestId"].clone();
    let rows = eventually("both decisions", async || {
        let rows = admin.decisions(json!({})).await;
        let rows: Vec<Value> = rows.into_iter().filter(|row| row["requestId"] == request).collect();
        (rows.len() == 2).then_some(rows)
    })
    .await;
    let of = |resource: &str| rows.iter().find(|row| row["resource"] == resource).unwrap();
    let about = of("user");
    assert_eq!(
        (&about["subject"], &about["askedBy"]),
        (&json!("auth0|sandbox-viewer"), &json!("auth0|sandbox-admin"))
    );
    assert_eq!((&about["allowed"], &about["reason"]), (&json!(false), &json!("NO_PERMISSION")));
    let own = of("policy");
    assert_eq!((&own["subject"], &own["askedBy"]), (&json!("auth0|sandbox-admin"), &json!(null)));
}

#[tokio::test]
async fn the_reason_is_that_of_the_person_it_is_about() {
    let world = World::start().await;
    let (admin, newcomer) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let explanation = asks(&admin, "{ tasks { totalCount } }", json!(newcomer.user_id().await)).await.data();
    let result = &explanation["explain"]["fields"][0]["result"];
    assert_eq!(result["reason"], "NO_ROLE_IN_TENANT");
    assert!(result["hint"].as_str().unwrap().starts_with("They hold no role"), "{result}");
}

#[tokio::test]
async fn roles_that_would_allow_it_are_part_of_the_explanation_and_of_the_one_call() {
    let world = World::start().await;
    let (admin, viewer) = (world.signed_in("admin").await, world.signed_in("viewer").await);
    let id = viewer.user_id().await;
    let document = "{ users { totalCount } }";
    let roles = eventually("the roles", async || {
        let answer = asks(&admin, document, json!(id)).await;
        assert_eq!(answer.remote_calls(), 1);
        let roles = answer.body["data"]["explain"]["fields"][0]["result"]["rolesThatAllow"].clone();
        (!roles.is_null()).then_some(roles)
    })
    .await;
    assert_eq!(roles, json!(["admin", "manager"]));
    let own = asks(&viewer, document, json!(null)).await;
    assert_eq!(own.remote_calls(), 1);
    assert_eq!(own.data()["explain"]["fields"][0]["result"]["rolesThatAllow"], json!(null));
}

#[tokio::test]
async fn what_an_owner_may_do_is_undecided_as_long_as_the_object_is_not_known() {
    let world = World::with(|config| config.graphql.object_rules = true).await;
    let newcomer = world.signed_in("newcomer").await;
    let task = world.signed_in("admin").await.creates_task("t").await;
    let document = format!(
        "{{ task(id: \"{task}\") {{ notes owner {{ id }} }} tasks {{ totalCount }} users {{ totalCount }} }}"
    );

    let answer = asks(&newcomer, &document, json!(null)).await;

    assert_eq!(answer.remote_calls(), 1);
    let explanation = answer.data()["explain"].clone();
    assert_eq!(explanation["allowed"], false);
    let told: Vec<(&str, bool)> = explanation["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["path"].as_str().unwrap(), field["undecided"].is_string()))
        .collect();
    let expected =
        [("task", true), ("task.notes", true), ("task.owner", false), ("tasks", true), ("users", false)];
    assert_eq!(told, expected);

    let stranger = world.persona("viewer").await;
    let explanation =
        asks(&stranger, "{ tasks { totalCount } }", json!(null)).await.data()["explain"].clone();
    assert_eq!(
        explanation["fields"][0]["result"]["reason"], "USER_NOT_SYNCED",
        "nothing is narrowed for strangers"
    );
}
