//! Who people turn out to be: addresses, subjects and organizations that are not what one expects.

use serde_json::{Value, json};

use crate::support::{Persona, World};

const LOGIN: &str = "mutation { login { ready warnings roleOutcomes { role outcome detail } } }";
const NAMESPACE: &str = "https://taskgate.example";

fn claims(subject: &str, more: Value) -> Value {
    let mut claims = json!({"sub": subject, format!("{NAMESPACE}/roles"): ["viewer"]});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"claims": claims})
}

async fn person<'a>(world: &'a World, subject: &str, more: Value) -> Persona<'a> {
    world.bearer(world.token(claims(subject, more)).await)
}

fn email(address: &str, verified: bool) -> Value {
    json!({format!("{NAMESPACE}/email"): address, format!("{NAMESPACE}/email_verified"): verified})
}

async fn logs_in(persona: &Persona<'_>) -> Value {
    persona.asks(LOGIN).await.data()["login"].clone()
}

#[tokio::test]
async fn two_connections_of_one_person_are_two_users_and_the_second_keeps_its_address_to_itself() {
    let world = World::start().await;
    let shared = email("ada@example.com", true);
    let first = logs_in(&person(&world, "auth0|ada", shared.clone()).await).await;
    assert_eq!(first["warnings"], json!([]));

    let second = logs_in(&person(&world, "google-oauth2|117", shared).await).await;

    assert_eq!(second["ready"], true);
    assert_eq!(second["warnings"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(world.user_in_permit("google-oauth2|117").await["email"], json!(null));
    assert_eq!(world.user_in_permit("auth0|ada").await["email"], "ada@example.com");
}

#[tokio::test]
async fn an_unverified_or_impossible_address_is_not_copied() {
    let world = World::start().await;
    assert_eq!(logs_in(&person(&world, "auth0|a", email("a@example.com", false)).await).await["ready"], true);
    assert_eq!(world.user_in_permit("auth0|a").await["email"], json!(null));

    let trusting = World::with(|config| config.sync.copy_unverified_email = true).await;
    logs_in(&person(&trusting, "auth0|a", email("a@example.com", false)).await).await;
    assert_eq!(trusting.user_in_permit("auth0|a").await["email"], "a@example.com", "if the setting says so");

    let login = logs_in(&person(&world, "auth0|b", email("no address", true)).await).await;
    assert_eq!((&login["ready"], login["warnings"].as_array().unwrap().len()), (&json!(true), 1), "{login}");
}

#[tokio::test]
async fn subjects_of_every_form_get_a_user_of_their_own() {
    let world = World::start().await;
    let subjects = [
        "samlp|conn|ada@example.com",
        "waad|a b/c",
        "adfs|übung#1",
        "enc-auth0",
        "oidc|a:b=c?d&e",
        "email|%2F",
    ];
    for subject in subjects {
        let ada = person(&world, subject, json!({})).await;
        assert_eq!(logs_in(&ada).await["ready"], true, "{subject}");
        assert_eq!(ada.asks("{ tasks { totalCount } }").await.codes(), [""; 0], "{subject}");
        let viewer = ada.asks("{ viewer { subject user { subject } } }").await.data();
        assert_eq!(viewer["viewer"], json!({"subject": subject, "user": {"subject": subject}}));
    }
}

#[tokio::test]
async fn five_hundred_unknown_roles_are_told_one_by_one_with_the_closest_spelling() {
    let world = World::with(|config| config.sync.deadline = std::time::Duration::from_mins(1)).await;
    let mut roles: Vec<String> = (0..499).map(|n| format!("role-{n}")).collect();
    roles.push("Manger".to_owned());
    let ada = person(&world, "auth0|ada", json!({format!("{NAMESPACE}/roles"): roles})).await;

    let login = logs_in(&ada).await;

    let outcomes = login["roleOutcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 500);
    assert!(outcomes.iter().all(|outcome| outcome["outcome"] != "ASSIGNED"));
    let misspelt = outcomes.iter().find(|outcome| outcome["role"] == "Manger").unwrap();
    assert_eq!(misspelt["detail"], "Permit has no role `Manger`; did you mean `manager`?");
}

#[tokio::test]
async fn a_roles_claim_that_does_not_say_keeps_what_there_is_and_warns() {
    let world = World::start().await;
    logs_in(&person(&world, "auth0|ada", json!({})).await).await;

    for odd in [json!(null), json!({"viewer": true}), json!(7)] {
        let login =
            logs_in(&person(&world, "auth0|ada", json!({format!("{NAMESPACE}/roles"): odd})).await).await;
        assert_eq!(
            (&login["ready"], login["warnings"].as_array().unwrap().len()),
            (&json!(true), 1),
            "{login}"
        );
    }
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["viewer"]);
    logs_in(&person(&world, "auth0|ada", json!({format!("{NAMESPACE}/roles"): []})).await).await;
    assert_eq!(world.roles_in_permit("auth0|ada").await, [""; 0], "an empty list does say");
}

#[tokio::test]
async fn an_unknown_organization_becomes_a_tenant_only_if_the_setting_says_so() {
    let strict = World::start().await;
    let ada = person(&strict, "auth0|ada", json!({"org_id": "org_new"})).await;
    let login = logs_in(&ada).await;
    assert_eq!((&login["ready"], outcome(&login)), (&json!(false), "QUEUED"));
    assert_eq!(strict.user_in_permit("auth0|ada").await, json!(null), "nobody is created for nothing");

    let generous = World::with(|config| config.sync.create_tenants = true).await;
    let ada = person(&generous, "auth0|ada", json!({"org_id": "org_new"})).await;
    let login = logs_in(&ada).await;
    assert_eq!((&login["ready"], outcome(&login)), (&json!(true), "ASSIGNED"));
}

fn outcome(login: &Value) -> &str {
    login["roleOutcomes"][0]["outcome"].as_str().unwrap()
}

#[tokio::test]
async fn a_person_in_two_organizations_holds_in_each_what_its_token_says() {
    let world = World::start().await;
    let here = person(&world, "auth0|ada", json!({format!("{NAMESPACE}/roles"): ["manager"]})).await;
    let there = person(&world, "auth0|ada", json!({"org_id": "org_outside"})).await;
    for ada in [&here, &there] {
        assert_eq!(logs_in(ada).await["ready"], true);
    }
    let create = "mutation { createTask(input: {title: \"t\"}) { task { id } } }";
    assert_eq!(here.asks(create).await.codes(), [""; 0]);
    assert_eq!(there.asks(create).await.codes(), ["FORBIDDEN"]);

    let less = person(&world, "auth0|ada", json!({format!("{NAMESPACE}/roles"): []})).await;
    logs_in(&less).await;
    assert_eq!(there.asks("{ tasks { totalCount } }").await.codes(), [""; 0], "untouched by the other");
}

#[tokio::test]
async fn a_login_that_knows_no_name_keeps_the_one_that_is_known() {
    let world = World::start().await;
    let typed = "mutation { login(input: {name: \"Ada\", email: \"ada@example.com\"}) { changed } }";
    let nameless =
        json!({format!("{NAMESPACE}/name"): null, format!("{NAMESPACE}/email"): null, "scope": ""});
    let ada = person(&world, "auth0|ada", nameless).await;
    ada.asks(typed).await.data();

    let again = ada.asks("mutation { login { changed viewer { user { name email } } } }").await.data();

    assert_eq!(
        again["login"],
        json!({"changed": false, "viewer": {"user": {"name": "Ada", "email": "ada@example.com"}}})
    );
    assert_eq!(world.user_in_permit("auth0|ada").await["first_name"], json!(null), "it is never sent");
}

#[tokio::test]
async fn an_organization_that_permit_does_not_know_holds_up_no_other_one() {
    let world = World::start().await;
    let nowhere = person(&world, "auth0|ada", json!({"org_id": "org_new"})).await;
    assert_eq!(logs_in(&nowhere).await["ready"], false);

    assert_eq!(logs_in(&person(&world, "auth0|ada", json!({})).await).await["ready"], true);
    assert_eq!(world.roles_in_permit("auth0|ada").await, ["viewer"]);
}
