//! Whoever has signed in at the sandbox's Auth0 is known there in the same browser, until they sign out.

use reqwest::{
    Method, Response,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::json;

use crate::{
    authorization_code::{VERIFIER, authorization, browser, exchanges_code, parameter, with},
    support::{Administrator, World},
};

type Fields = [(&'static str, String)];

/// Presses the button of a persona, and answers the cookie that the browser keeps.
async fn signs_in(world: &World, persona: &str) -> String {
    let url = format!("{}/authorize", world.sandbox.issuer.url());
    let response = browser().post(url).form(&authorization(persona)).send().await.unwrap();
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    pair.to_owned()
}

/// The browser comes to an address of the issuer with its cookie.
async fn comes(world: &World, path: &str, cookie: &str, fields: &Fields) -> Response {
    let url = format!("{}{path}", world.sandbox.issuer.url());
    browser().get(url).query(fields).header(COOKIE, cookie).send().await.unwrap()
}

/// The parameters that the application is sent back with, if nobody had to choose.
async fn returns(world: &World, cookie: &str, fields: &Fields) -> Option<reqwest::Url> {
    let response = comes(world, "/authorize", cookie, fields).await;
    response.headers().get("location").map(|target| target.to_str().unwrap().parse().unwrap())
}

/// What an application is told that asks without anybody seeing it.
async fn is_refused(world: &World, cookie: &str) -> String {
    let target = returns(world, cookie, &with("", "prompt", "none")).await.unwrap();
    parameter(&target, "error").unwrap()
}

#[tokio::test]
async fn whoever_has_signed_in_is_not_asked_again() {
    let world = World::start().await;
    let cookie = format!("theme=dark; {}", signs_in(&world, "viewer").await);

    for fields in [authorization(""), with("", "prompt", "none")] {
        let target = returns(&world, &cookie, &fields).await.unwrap();
        assert_eq!(parameter(&target, "state").unwrap(), "s t&te");
        let (_, tokens) = exchanges_code(&world, &parameter(&target, "code").unwrap(), VERIFIER).await;
        let viewer = world.bearer(tokens["access_token"].as_str().unwrap().into());
        let data = viewer.asks("{ viewer { subject } }").await.data();
        assert_eq!(data["viewer"]["subject"], "auth0|sandbox-viewer");
    }
    let mut unseen = with("", "prompt", "none");
    unseen.push(("response_mode", "web_message".to_owned()));
    let html = comes(&world, "/authorize", &cookie, &unseen).await.text().await.unwrap();
    assert!(html.contains("<title>Signed in</title>"), "{html}");
}

#[tokio::test]
async fn an_application_may_want_the_choice_all_the_same() {
    let world = World::start().await;
    let cookie = signs_in(&world, "viewer").await;
    for prompt in ["login", "select_account", "consent login"] {
        let response = comes(&world, "/authorize", &cookie, &with("", "prompt", prompt)).await;
        assert!(response.text().await.unwrap().contains("Who are you today?"), "{prompt}");
    }
    let foreign = comes(&world, "/authorize", &cookie, &with("", "organization", "org_outside")).await;
    assert!(foreign.text().await.unwrap().contains("Who are you today?"), "another may be a member");
}

#[tokio::test]
async fn signing_out_ends_it_in_this_browser_alone() {
    let world = World::start().await;
    for path in ["/v2/logout", "/oidc/logout"] {
        let cookie = signs_in(&world, "viewer").await;
        let elsewhere = signs_in(&world, "viewer").await;
        let response = comes(&world, path, &cookie, &[]).await;
        let forgotten = response.headers()[SET_COOKIE].to_str().unwrap();
        assert!(forgotten.ends_with("; Max-Age=0"), "{forgotten}");
        assert_eq!(is_refused(&world, &cookie).await, "login_required", "{path}");
        assert!(returns(&world, &elsewhere, &authorization("")).await.is_some(), "{path}");
    }
}

#[tokio::test]
async fn nobody_is_signed_in_by_a_cookie_of_somebody_who_may_not_be() {
    let world = World::start().await;
    assert_eq!(is_refused(&world, "sandbox_session=made-up").await, "login_required");
    let cookie = signs_in(&world, "viewer").await;
    let replaced = {
        let url = format!("{}/authorize", world.sandbox.issuer.url());
        browser().post(url).form(&authorization("manager")).header(COOKIE, &cookie)
    };
    replaced.send().await.unwrap();
    assert_eq!(is_refused(&world, &cookie).await, "login_required", "the next persona took the place");

    let cookie = signs_in(&world, "viewer").await;
    let administrator = Administrator::of(&world).await;
    let path = "/api/v2/users/auth0%7Csandbox-viewer";
    assert_eq!(administrator.asks(Method::PATCH, path, json!({"blocked": true})).await.0, 200);
    assert_eq!(is_refused(&world, &cookie).await, "login_required", "blocked");
}
