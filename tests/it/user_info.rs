//! The sandbox's `/userinfo`: which tokens are read there, and what is told to whom how often.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{World, token};

struct Told {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

async fn asks(world: &World, token: &str) -> Told {
    let url = format!("{}/userinfo", world.sandbox.issuer.url());
    let response = world.client.get(url).bearer_auth(token).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default();
    Told { status, headers, body }
}

/// A persona's access token for nobody but the issuer.
async fn opaque(world: &World, scope: &str) -> String {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "sandbox-spa"),
        ("username", "manager"),
        ("password", "manager"),
        ("scope", scope),
    ];
    let (status, tokens) = token(world, &fields).await;
    assert_eq!(status, 200, "{tokens}");
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_scopes_decide_what_is_told_and_an_opaque_token_will_do() {
    let world = World::start().await;
    let roles = "https://taskgate.example/roles";

    let mut full = asks(&world, &opaque(&world, "openid profile email").await).await;
    assert_eq!(full.status, 200);
    let updated_at = full.body.as_object_mut().unwrap().remove("updated_at").unwrap();
    assert!(updated_at.as_str().unwrap().ends_with('Z'), "{updated_at}");
    let told = json!({
        "sub": "auth0|sandbox-manager", "name": "Sandbox Manager", "given_name": "Sandbox",
        "family_name": "Manager", "nickname": "manager", "email": "manager@taskgate.example",
        "email_verified": true, roles: ["manager"],
    });
    assert_eq!(full.body, told);
    let bare = asks(&world, &opaque(&world, "openid").await).await;
    assert_eq!(bare.body, json!({"sub": "auth0|sandbox-manager", roles: ["manager"]}));

    for other in [opaque(&world, "profile").await, world.token(json!({"claims": {"scope": "email"}})).await] {
        let refused = asks(&world, &other).await;
        assert_eq!((refused.status, &refused.body["error"]), (403, &json!("insufficient_scope")));
        let challenge = refused.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    }
    for nonsense in ["nonsense", "a.b.c"] {
        assert_eq!(asks(&world, nonsense).await.status, 401);
    }
}

#[tokio::test]
async fn ten_calls_at_once_are_counted_down_and_the_next_one_is_too_many() {
    let world = World::start().await;
    let token = opaque(&world, "openid").await;
    let number = |told: &Told, name: &str| -> i64 { told.headers[name].to_str().unwrap().parse().unwrap() };
    for left in (0..10).rev() {
        let told = asks(&world, &token).await;
        let limits = (number(&told, "x-ratelimit-limit"), number(&told, "x-ratelimit-remaining"));
        assert_eq!((told.status, limits), (200, (10, left)));
    }

    let refused = asks(&world, &token).await;
    assert_eq!((refused.status, number(&refused, "x-ratelimit-remaining")), (429, 0));
    let wait = number(&refused, "x-ratelimit-reset") - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((0..=13).contains(&wait), "{wait}");
    assert_eq!(asks(&world, &world.token(json!({})).await).await.status, 200, "others have their own");
}

#[tokio::test]
async fn what_is_published_may_be_kept_for_a_moment() {
    let world = World::start().await;
    for document in ["openid-configuration", "oauth-authorization-server", "jwks.json"] {
        let url = format!("{}/.well-known/{document}", world.sandbox.issuer.url());
        let response = world.client.get(url).send().await.unwrap();
        let caching = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400";
        assert_eq!(response.headers()["cache-control"], caching, "{document}");
    }
}
