//! The stand-in for Permit as its own clients see it: the REST API and the PDP over plain HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;

use super::World;

impl World {
    /// A call of the REST API's schema or facts, such as `schema/roles`.
    pub(crate) async fn rest(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let (part, rest) = path.split_once('/').unwrap();
        let url = format!("{}/v2/{part}/taskgate/sandbox/{rest}", self.sandbox.permit_api.url());
        let request = self.client.request(method, url).bearer_auth(API_KEY).json(&body);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or(Value::Null))
    }

    /// The same for a call that must work.
    pub(crate) async fn rest_ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.rest(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    /// A read of the REST API that must work.
    pub(crate) async fn rest_get(&self, path: &str) -> Value {
        self.rest_ok(Method::GET, path, json!(null)).await
    }

    /// A question to the PDP.
    pub(crate) async fn pdp(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.sandbox.pdp.url());
        let request = self.client.post(url).bearer_auth(API_KEY).json(&body);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Whether the PDP lets `user` do it in the default tenant.
    pub(crate) async fn allows(&self, user: &str, permission: &str) -> bool {
        let (resource, action) = permission.split_once(':').unwrap();
        let check = json!({"user": {"key": user}, "action": action, "resource": {"type": resource}});
        self.pdp("/allowed", check).await["allow"] == true
    }

    /// Somebody with a role in the default tenant.
    pub(crate) async fn holder(&self, user: &str, role: &str) {
        let body =
            json!({"key": user, "role_assignments": [{"user": user, "role": role, "tenant": "default"}]});
        self.rest_ok(Method::PUT, &format!("facts/users/{user}"), body).await;
    }
}
