//! Somebody who manages the accounts of the sandbox's Auth0.

use reqwest::Method;
use serde_json::{Value, json};

use super::World;

/// Somebody with a token for the Management API.
pub(crate) struct Administrator<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Administrator<'a> {
    pub(crate) fn bearer(world: &'a World, token: String) -> Self {
        Self { world, token }
    }

    pub(crate) async fn of(world: &'a World) -> Self {
        Self::with_scope(world, "").await
    }

    /// Without a scope, whatever the machine client was granted.
    pub(crate) async fn with_scope(world: &'a World, scope: &str) -> Self {
        let audience = format!("{}api/v2/", world.sandbox.issuer_name());
        let (status, answer) = token(
            world,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", "sandbox-m2m"),
                ("client_secret", "sandbox-secret"),
                ("audience", &audience),
                ("scope", scope),
            ],
        )
        .await;
        assert_eq!((status, &answer["expires_in"]), (200, &json!(86_400)), "{answer}");
        Self { world, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn asks(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.world.sandbox.issuer.url());
        let mut request = self.world.client.request(method, url).bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    pub(crate) async fn reads(&self, path: &str) -> Value {
        let (status, answer) = self.asks(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn removes(&self, path: &str) -> (u16, Value) {
        self.asks(Method::DELETE, path, Value::Null).await
    }

    /// Status and `errorCode` of what fails.
    pub(crate) async fn fails(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let (status, answer) = self.asks(method, path, body).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
        (status, answer["errorCode"].clone())
    }
}

/// Asks the token endpoint.
pub(crate) async fn token(world: &World, fields: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/oauth/token", world.sandbox.issuer.url());
    let response = world.client.post(url).form(fields).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}
