//! Who gets tokens from the sandbox's Auth0: only a client that it knows, for itself, and for an API that it knows.

use serde_json::{Value, json};

use crate::support::{World, token};

const AUDIENCE: (&str, &str) = ("audience", "https://taskgate.example/api");
const BROWSER: [(&str, &str); 1] = [("client_id", "sandbox-spa")];
const MACHINE: [(&str, &str); 2] = [("client_id", "sandbox-m2m"), ("client_secret", "sandbox-secret")];
const GUESSED: [(&str, &str); 2] = [("client_id", "sandbox-m2m"), ("client_secret", "guessed")];

async fn signs_in(world: &World, client: &[(&str, &str)]) -> (u16, Value) {
    let person = [
        ("grant_type", "password"),
        ("username", "manager"),
        ("password", "manager"),
        ("scope", "openid offline_access"),
        AUDIENCE,
    ];
    token(world, &[&person, client].concat()).await
}

async fn refreshes(world: &World, refresh_token: &Value, client: &[(&str, &str)]) -> (u16, Value) {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str().unwrap())];
    token(world, &[&grant, client].concat()).await
}

#[tokio::test]
async fn a_refresh_token_is_good_only_for_the_client_that_got_it() {
    let world = World::start().await;
    let (_, tokens) = signs_in(&world, &BROWSER).await;
    let refresh_token = &tokens["refresh_token"];

    for (client, status, error) in [
        (&MACHINE[..], 403, "invalid_grant"),
        (&GUESSED, 401, "access_denied"),
        (&[("client_id", "unknown")], 401, "access_denied"),
        (&[], 401, "access_denied"),
    ] {
        let (got, refusal) = refreshes(&world, refresh_token, client).await;
        assert_eq!((got, &refusal["error"]), (status, &json!(error)), "{client:?}");
    }
    // Nor may a stranger end the sign-in.
    let url = format!("{}/oauth/revoke", world.sandbox.issuer.url());
    let theft = [&MACHINE[..], &[("token", refresh_token.as_str().unwrap())]].concat();
    world.client.post(&url).form(&theft).send().await.unwrap();
    let (status, next) = refreshes(&world, refresh_token, &BROWSER).await;
    assert_eq!(status, 200, "the strangers used nothing up");

    let own = [&BROWSER[..], &[("token", next["refresh_token"].as_str().unwrap())]].concat();
    assert_eq!(world.client.post(url).form(&own).send().await.unwrap().status(), 200);
    assert_eq!(refreshes(&world, &next["refresh_token"], &BROWSER).await.0, 403);
}

#[tokio::test]
async fn a_password_is_taken_from_known_clients_only() {
    let world = World::start().await;
    assert_eq!(signs_in(&world, &BROWSER).await.0, 200);
    assert_eq!(signs_in(&world, &MACHINE).await.0, 200);

    for client in [&GUESSED[..], &[("client_id", "unknown")], &[]] {
        let (status, refusal) = signs_in(&world, client).await;
        assert_eq!((status, &refusal["error"]), (401, &json!("access_denied")), "{client:?}");
    }
}

#[tokio::test]
async fn a_machine_says_for_which_api_and_a_browser_is_none() {
    let world = World::start().await;
    let asks = async |client: &[(&str, &str)], audience: &[(&str, &str)]| {
        token(&world, &[&[("grant_type", "client_credentials")], client, audience].concat()).await
    };

    assert_eq!(asks(&MACHINE, &[AUDIENCE]).await.0, 200);
    let none = "No audience parameter was provided, and no default audience has been configured";
    let not_allowed = "Grant type 'client_credentials' not allowed for the client.";
    for (client, audience, error, description) in [
        (&MACHINE[..], &[][..], "access_denied", none),
        (
            &MACHINE,
            &[("audience", "https://x.example")],
            "access_denied",
            "Service not found: https://x.example",
        ),
        (&BROWSER, &[AUDIENCE], "unauthorized_client", not_allowed),
    ] {
        let refusal = json!({"error": error, "error_description": description});
        assert_eq!(asks(client, audience).await, (403, refusal));
    }
}

#[tokio::test]
async fn no_answer_with_or_about_tokens_is_stored() {
    let world = World::start().await;
    let url = format!("{}/oauth/token", world.sandbox.issuer.url());
    let good = [&MACHINE[..], &[("grant_type", "client_credentials"), AUDIENCE]].concat();
    for (fields, status) in [(good, 200), (MACHINE.to_vec(), 403)] {
        let response = world.client.post(&url).form(&fields).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
