//! Signing in at the sandbox's Auth0 as a browser does: authorization code with PKCE, refresh, profile.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::support::World;

/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// What a browser sends when the persona's button is pressed.
pub(crate) fn authorization(persona: &str) -> Vec<(&'static str, String)> {
    [
        ("persona", persona),
        ("client_id", "sandbox-spa"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email offline_access"),
        ("audience", "https://taskgate.example/api"),
        ("state", "s t&te"),
        ("nonce", "n0nce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// The same, with one field added or of another value.
pub(crate) fn with(persona: &str, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut fields = authorization(persona);
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value.to_owned()));
    fields
}

/// A client that follows nobody anywhere.
pub(crate) fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

/// Status and page at `/authorize`.
async fn page(world: &World, fields: &[(&'static str, String)]) -> (u16, String) {
    let url = format!("{}/authorize", world.sandbox.issuer.url());
    let response = browser().get(url).query(fields).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Where the sign-in leads to, if it is a redirect.
async fn signs_in(world: &World, fields: &[(&'static str, String)]) -> Option<reqwest::Url> {
    let url = format!("{}/authorize", world.sandbox.issuer.url());
    let response = browser().post(url).form(fields).send().await.unwrap();
    response.headers().get("location").map(|target| target.to_str().unwrap().parse().unwrap())
}

pub(crate) fn parameter(url: &reqwest::Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn exchanges(world: &World, fields: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/oauth/token", world.sandbox.issuer.url());
    let response = world.client.post(url).form(fields).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) async fn exchanges_code(world: &World, code: &str, verifier: &str) -> (u16, Value) {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "sandbox-spa"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", CALLBACK),
    ];
    exchanges(world, &fields).await
}

#[tokio::test]
async fn a_code_becomes_tokens_once_and_only_for_whoever_asked_for_it() {
    let world = World::start().await;
    let target = signs_in(&world, &authorization("manager")).await.unwrap();
    assert_eq!(parameter(&target, "state").unwrap(), "s t&te");
    let code = parameter(&target, "code").unwrap();

    let (status, tokens) = exchanges_code(&world, &code, VERIFIER).await;
    assert_eq!(status, 200);
    assert_eq!(tokens["token_type"], "Bearer");
    let subject =
        world.bearer(tokens["access_token"].as_str().unwrap().into()).asks("{ viewer { subject } }").await;
    assert_eq!(subject.data()["viewer"]["subject"], "auth0|sandbox-manager");

    let (status, refusal) = exchanges_code(&world, &code, VERIFIER).await;
    assert_eq!((status, &refusal["error"]), (403, &json!("invalid_grant")));
    let other = signs_in(&world, &authorization("viewer")).await.unwrap();
    let (status, _) = exchanges_code(&world, &parameter(&other, "code").unwrap(), "somebody else's").await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_second_use_ends_the_family() {
    let world = World::start().await;
    let target = signs_in(&world, &authorization("viewer")).await.unwrap();
    let (_, tokens) = exchanges_code(&world, &parameter(&target, "code").unwrap(), VERIFIER).await;
    let refresh = async |token: &Value| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "sandbox-spa"),
            ("refresh_token", token.as_str().unwrap()),
        ];
        exchanges(&world, &fields).await
    };

    let (status, next) = refresh(&tokens["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    assert_eq!(refresh(&tokens["refresh_token"]).await.0, 403, "used twice");
    assert_eq!(refresh(&next["refresh_token"]).await.0, 403, "and with it the whole family");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_off_this_machine_or_without_a_proof_key() {
    let world = World::start().await;
    let changed = |name, value| with("manager", name, value);
    assert_eq!(signs_in(&world, &changed("redirect_uri", "https://evil.example/")).await, None);
    assert_eq!(signs_in(&world, &changed("client_id", "unknown")).await, None);
    let plain = signs_in(&world, &changed("code_challenge_method", "plain")).await.unwrap();
    assert_eq!(parameter(&plain, "error").unwrap(), "invalid_request");
    assert_eq!(parameter(&plain, "code"), None);
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_says_on_a_page_what_is_wrong() {
    let world = World::start().await;
    let without = |name: &str| {
        let mut fields = authorization("manager");
        fields.retain(|(known, _)| *known != name);
        fields
    };
    let mut twice = authorization("manager");
    twice.push(("state", "another".to_owned()));
    for (fields, status, told) in [
        (without("client_id"), 400, "Missing required parameter: client_id"),
        (without("redirect_uri"), 400, "Missing required parameter: redirect_uri"),
        (with("manager", "client_id", "<b>"), 400, "Unknown client: &lt;b&gt;"),
        (with("manager", "redirect_uri", "https://evil.example/"), 403, "Callback URL mismatch"),
        (twice, 400, "The request cannot be read"),
    ] {
        let (got, html) = page(&world, &fields).await;
        assert_eq!(
            (got, html.contains(told), html.starts_with("<!doctype html>")),
            (status, true, true),
            "{html}"
        );
    }
    assert_eq!(page(&world, &authorization("manager")).await.0, 200);
}

#[tokio::test]
async fn an_unknown_api_is_refused_before_anybody_signs_in() {
    let world = World::start().await;
    let fields = with("manager", "audience", "https://x.example/api");
    let url = format!("{}/authorize", world.sandbox.issuer.url());
    let asked = browser().get(url).query(&fields).send().await.unwrap();
    let asked = asked.headers()["location"].to_str().unwrap().parse().unwrap();

    for target in [asked, signs_in(&world, &fields).await.unwrap()] {
        assert_eq!(parameter(&target, "error").unwrap(), "access_denied");
        let description = parameter(&target, "error_description").unwrap();
        assert_eq!(description, "Service not found: https://x.example/api");
        assert_eq!(parameter(&target, "state").unwrap(), "s t&te");
    }
}

#[tokio::test]
async fn members_sign_in_to_their_organization_and_nobody_else_does() {
    let world = World::start().await;
    let target = signs_in(&world, &with("outsider", "organization", "org_outside")).await.unwrap();
    let (_, tokens) = exchanges_code(&world, &parameter(&target, "code").unwrap(), VERIFIER).await;
    for token in ["access_token", "id_token"] {
        let payload = tokens[token].as_str().unwrap().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(claims["org_id"], "org_outside", "{token}");
    }

    for (persona, organization) in [("manager", "org_outside"), ("outsider", "org_another")] {
        let target = signs_in(&world, &with(persona, "organization", organization)).await.unwrap();
        assert_eq!(parameter(&target, "error").unwrap(), "access_denied");
        let told = format!("user auth0|sandbox-{persona} is not part of the {organization} organization");
        assert_eq!(parameter(&target, "error_description").unwrap(), told);
        assert_eq!(parameter(&target, "code"), None);
    }
}

#[tokio::test]
async fn a_window_that_nobody_sees_is_told_that_nobody_is_signed_in() {
    let world = World::start().await;
    let mut fields = with("manager", "prompt", "none");
    fields.push(("response_mode", "web_message".to_owned()));

    let (status, html) = page(&world, &fields).await;

    assert_eq!(status, 200);
    assert!(html.contains(r#""error":"login_required""#), "{html}");
    assert!(html.contains("<title>Not signed in</title>"), "{html}");
}

#[tokio::test]
async fn the_advertised_logout_leads_back_to_applications_on_this_machine() {
    let world = World::start().await;
    let url = format!("{}/.well-known/openid-configuration", world.sandbox.issuer.url());
    let discovery: Value = world.client.get(url).send().await.unwrap().json().await.unwrap();
    let logs_out = async |fields: &[(&str, &str)]| {
        let url = discovery["end_session_endpoint"].as_str().unwrap();
        let got = browser().get(url).query(fields).send().await.unwrap();
        let posted = browser().post(url).form(fields).send().await.unwrap();
        let answer = |response: &reqwest::Response| {
            let target = response.headers().get("location").map(|target| target.to_str().unwrap().to_owned());
            (response.status().as_u16(), target)
        };
        assert_eq!(answer(&got), answer(&posted));
        answer(&got)
    };

    let home = ("post_logout_redirect_uri", "http://localhost:3000/?a=1");
    assert_eq!(logs_out(&[home]).await, (302, Some("http://localhost:3000/?a=1".to_owned())));
    let full = [("id_token_hint", "a.b.c"), ("client_id", "sandbox-spa"), home, ("state", "s t")];
    assert_eq!(logs_out(&full).await, (302, Some("http://localhost:3000/?a=1&state=s+t".to_owned())));
    assert_eq!(logs_out(&[("post_logout_redirect_uri", "https://evil.example/")]).await, (400, None));
    assert_eq!(logs_out(&[]).await, (200, None));
}

#[tokio::test]
async fn the_profile_is_read_at_the_issuer_when_the_token_has_none() {
    let world = World::start().await;
    let bare = json!({"claims": {
        "https://taskgate.example/email": null,
        "https://taskgate.example/email_verified": null,
        "https://taskgate.example/name": null,
    }});
    let admin = world.bearer(world.token(bare).await);

    let login = admin.asks("mutation { login { ready viewer { user { name email } } } }").await.data();

    let user = json!({"name": "Sandbox Admin", "email": "admin@taskgate.example"});
    assert_eq!(login["login"]["viewer"]["user"], user);
    assert_eq!(world.count(&world.sandbox.issuer.url(), "GET /userinfo").await, 1);
}
