//! What somebody does or sees at Permit itself, through the calls that the real one takes.

use serde_json::{Value, json};
use taskgate::{permit::key, sandbox::permit::API_KEY};

use super::World;

impl World {
    fn facts(&self, path: &str) -> String {
        format!("{}/v2/facts/taskgate/sandbox/{path}", self.sandbox.permit_api.url())
    }

    /// The user as Permit shows it; null if it knows none.
    pub(crate) async fn user_in_permit(&self, subject: &str) -> Value {
        let mut url: reqwest::Url = self.facts("users").parse().unwrap();
        url.path_segments_mut().unwrap().push(&key::encode_user(subject));
        let request = self.client.get(url).bearer_auth(API_KEY);
        let answer = request.send().await.unwrap();
        if answer.status() == 404 { Value::Null } else { answer.json().await.unwrap() }
    }

    /// The roles that a user holds in the tenant `default`, sorted.
    pub(crate) async fn roles_in_permit(&self, subject: &str) -> Vec<String> {
        let user = self.user_in_permit(subject).await;
        let roles = user["roles"].as_array().map(Vec::as_slice).unwrap_or_default();
        let here = roles.iter().filter(|role| role["tenant"] == "default");
        let mut names: Vec<String> = here.map(|role| role["role"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// Somebody gives a user a role by hand.
    pub(crate) async fn grants_in_permit(&self, subject: &str, role: &str) {
        let request = self.client.post(self.facts("role_assignments"));
        self.writes_assignment(request, subject, role).await;
    }

    /// Somebody takes a role from a user by hand.
    pub(crate) async fn revokes_in_permit(&self, subject: &str, role: &str) {
        let request = self.client.delete(self.facts("role_assignments"));
        self.writes_assignment(request, subject, role).await;
    }

    async fn writes_assignment(&self, request: reqwest::RequestBuilder, subject: &str, role: &str) {
        self.assigns(request, subject, "default", role).await;
    }

    /// Somebody creates a user and gives them a role in a tenant.
    pub(crate) async fn grants_elsewhere_in_permit(&self, subject: &str, tenant: &str, role: &str) {
        let create = self.client.post(self.facts("users")).json(&json!({"key": subject}));
        create.bearer_auth(API_KEY).send().await.unwrap().error_for_status().unwrap();
        self.assigns(self.client.post(self.facts("role_assignments")), subject, tenant, role).await;
    }

    async fn assigns(&self, request: reqwest::RequestBuilder, subject: &str, tenant: &str, role: &str) {
        let body = json!({"user": key::encode_user(subject), "role": role, "tenant": tenant});
        request.bearer_auth(API_KEY).json(&body).send().await.unwrap().error_for_status().unwrap();
    }

    /// The PDP says with every decision how it came to it, in words for operators.
    pub(crate) async fn pdp_explains_itself(&self) {
        self.debugs(json!({"enabled": true})).await;
    }

    /// The PDP says this with every denial.
    pub(crate) async fn pdp_says_of_denials(&self, debug: Value) {
        self.debugs(json!({"enabled": true, "denials": debug})).await;
    }

    async fn debugs(&self, debug: Value) {
        let url = format!("{}/sandbox/debug", self.sandbox.pdp.url());
        self.client.put(url).json(&debug).send().await.unwrap().error_for_status().unwrap();
    }

    /// The PDP evaluates attribute rules, or does not, as the hosted one.
    pub(crate) async fn supports_attribute_rules(&self, supported: bool) {
        let url = format!("{}/sandbox/attribute-rules", self.sandbox.pdp.url());
        let request = self.client.put(url).json(&json!({"supported": supported}));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// The PDP learns of every write so much later.
    pub(crate) async fn delays_propagation(&self, ms: u64) {
        let url = format!("{}/sandbox/propagation-delay", self.sandbox.pdp.url());
        self.client.put(url).json(&json!({"ms": ms})).send().await.unwrap().error_for_status().unwrap();
    }

    /// Permit allows so many requests a minute.
    pub(crate) async fn sets_limits(&self, limits: Value) {
        let url = format!("{}/sandbox/limits", self.sandbox.permit_api.url());
        self.client.put(url).json(&limits).send().await.unwrap().error_for_status().unwrap();
    }

    /// How often Permit found a limit exceeded.
    pub(crate) async fn limits_exceeded(&self) -> Value {
        let url = format!("{}/sandbox/limits", self.sandbox.permit_api.url());
        let limits: Value = self.client.get(url).send().await.unwrap().json().await.unwrap();
        limits["refused"].clone()
    }

    /// Starts counting a stand-in's requests afresh.
    pub(crate) async fn forgets_counts(&self, service: &str) {
        let request = self.client.delete(format!("{service}/sandbox/counters"));
        request.send().await.unwrap().error_for_status().unwrap();
    }
}
