//! Keys of the sandbox's Auth0: rotated, revoked, and then gone for good.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::support::World;

/// Status for the bearer of `token`.
async fn user_info(world: &World, token: &str) -> u16 {
    let url = format!("{}/userinfo", world.sandbox.issuer.url());
    world.client.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn controls(world: &World, what: &str) {
    let url = format!("{}/sandbox/{what}", world.sandbox.issuer.url());
    world.client.post(url).send().await.unwrap().error_for_status().unwrap();
}

/// Moduli of the published keys, by id.
async fn published(world: &World) -> Map<String, Value> {
    let url = format!("{}/.well-known/jwks.json", world.sandbox.issuer.url());
    let set: Value = world.client.get(url).send().await.unwrap().json().await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| (key["kid"].as_str().unwrap().to_owned(), key["n"].clone())).collect()
}

#[tokio::test]
async fn a_revoked_key_never_comes_back() {
    let world = World::start().await;
    let old = world.token(json!({})).await;
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(old.split('.').next().unwrap()).unwrap()).unwrap();
    let revoked = published(&world).await[header["kid"].as_str().unwrap()].clone();
    controls(&world, "rotate").await;
    assert_eq!(user_info(&world, &old).await, 200, "the previous key is still published");
    controls(&world, "revoke").await;

    for _ in 0..4 {
        assert_eq!(user_info(&world, &old).await, 401);
        assert!(published(&world).await.values().all(|modulus| *modulus != revoked));
        controls(&world, "rotate").await;
    }
    assert_eq!(user_info(&world, &world.token(json!({})).await).await, 200);
}

#[tokio::test]
async fn a_signature_counts_only_under_the_id_of_its_key() {
    let world = World::start().await;
    for kid in [json!("another"), json!(null)] {
        let misnamed = world.token(json!({"header": {"kid": kid}})).await;
        assert_eq!(user_info(&world, &misnamed).await, 401, "{kid}");
    }
}
