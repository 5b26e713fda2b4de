//! Somebody who asks.

use reqwest::StatusCode;
use serde_json::{Value, json};

pub(crate) struct Persona<'a> {
    client: &'a reqwest::Client,
    pub(super) url: &'a str,
    pub(super) token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl<'a> Persona<'a> {
    pub(crate) fn new(client: &'a reqwest::Client, url: &'a str, token: Option<String>) -> Self {
        Self { client, url, token }
    }

    pub(crate) async fn asks(&self, document: &str) -> Answer {
        self.asks_with(document, json!({})).await
    }

    pub(crate) async fn asks_with(&self, document: &str, variables: Value) -> Answer {
        self.tries(document, variables).await.unwrap()
    }

    /// Asks a server that may die meanwhile.
    pub(crate) async fn tries(&self, document: &str, variables: Value) -> reqwest::Result<Answer> {
        self.sends(&json!({"query": document, "variables": variables})).await
    }

    /// Sends a body with all the parameters of a request.
    pub(crate) async fn sends(&self, body: &Value) -> reqwest::Result<Answer> {
        let mut request = self.client.post(format!("{}/graphql", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.json(body).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: response.json().await? })
    }

    /// The access token, which somebody who signed in has.
    pub(crate) fn token(&self) -> String {
        self.token.clone().unwrap()
    }

    /// Creates a task and returns its id.
    pub(crate) async fn creates_task(&self, title: &str) -> String {
        let document = "mutation($title: String!) { createTask(input: {title: $title, notes: \"n\"}) {
            task { id } userErrors { code } } }";
        let data = self.asks_with(document, json!({"title": title})).await.data();
        data["createTask"]["task"]["id"].as_str().unwrap().to_owned()
    }

    /// Says who is to do a task: a global id, or null.
    pub(crate) async fn assigns(&self, task: &str, user: Value) {
        let document = "mutation($id: ID!, $to: ID) { assignTask(input: {id: $id, assigneeId: $to}) {
            userErrors { code } } }";
        let data = self.asks_with(document, json!({"id": task, "to": user})).await.data();
        assert_eq!(data["assignTask"]["userErrors"], json!([]));
    }

    pub(crate) async fn deletes(&self, id: &str) -> Answer {
        let document = "mutation($id: ID!) { deleteTask(input: {id: $id}) { deletedTaskId } }";
        self.asks_with(document, json!({"id": id})).await
    }

    pub(crate) async fn sees(&self, id: &str) -> bool {
        let data = self.asks_with("query($id: ID!) { task(id: $id) { id } }", json!({"id": id})).await.data();
        data["task"]["id"] == id
    }

    /// Global id of the persona's own user.
    pub(crate) async fn user_id(&self) -> String {
        let data = self.asks("{ viewer { user { id } } }").await.data();
        data["viewer"]["user"]["id"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    /// The data of an answer without errors.
    pub(crate) fn data(self) -> Value {
        assert!(self.body.get("errors").is_none(), "{}", self.body);
        self.body["data"].clone()
    }

    /// The extensions of the only error.
    pub(crate) fn refusal(&self) -> &Value {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no error in {}", self.body));
        assert_eq!(errors.len(), 1, "{}", self.body);
        &errors[0]["extensions"]
    }

    /// Codes of all errors.
    pub(crate) fn codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["extensions"]["code"].as_str()).collect()
    }

    pub(crate) fn remote_calls(&self) -> u64 {
        self.body["extensions"]["authz"]["remoteCalls"].as_u64().unwrap()
    }
}
