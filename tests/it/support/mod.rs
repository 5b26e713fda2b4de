//! A world of its own for each test: a sandbox on free ports, a fresh database, and the real server over HTTP.

mod permit;
mod persona;

use std::time::Duration;

use clap::Parser as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use taskgate::{
    app,
    config::{Args, Config},
    http,
    sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, permit::API_KEY},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) use persona::Persona;

/// Everything that a test needs; ends when it is dropped.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    server: JoinHandle<()>,
    _files: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose settings differ from the sandbox's usual ones.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}/test.db?mode=rwc", files.path().display());
        let mut config = Config::from_args(&args(&sandbox, &database)).unwrap();
        change(&mut config);
        let recorder = PrometheusBuilder::new().build_recorder();
        let router = app::build(&config, recorder.handle()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = config.http.clone();
        let server =
            tokio::spawn(
                async move { http::serve(listener, router, &serving, std::future::pending()).await },
            );
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { sandbox, url, client, server, _files: files }
    }

    /// Somebody with a fresh token.
    pub(crate) async fn persona(&self, name: &str) -> Persona<'_> {
        let url = format!("{}/{name}", self.sandbox.token_url());
        let token =
            self.client.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        Persona::new(self, Some(token))
    }

    /// Somebody with a fresh token whose account was copied to Permit.
    pub(crate) async fn signed_in(&self, name: &str) -> Persona<'_> {
        let persona = self.persona(name).await;
        let login = persona.asks("mutation { login { ready } }").await.data();
        assert_eq!(login["login"]["ready"], true, "{name}");
        persona
    }

    /// Somebody without a token.
    pub(crate) fn nobody(&self) -> Persona<'_> {
        Persona::new(self, None)
    }

    /// Somebody with exactly this token.
    pub(crate) fn bearer(&self, token: String) -> Persona<'_> {
        Persona::new(self, Some(token))
    }

    /// A token to order, see `POST /sandbox/token`.
    pub(crate) async fn token(&self, order: Value) -> String {
        let request = self.client.post(self.sandbox.token_url()).json(&order);
        request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
    }

    /// Changes the policy through the call that the real Permit takes.
    pub(crate) async fn grant(&self, role: &str, permission: &str) {
        let url =
            format!("{}/v2/schema/taskgate/sandbox/roles/{role}/permissions", self.sandbox.permit_api.url());
        let request = self.client.post(url).bearer_auth(API_KEY).json(&json!({"permissions": [permission]}));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Makes one of the stand-ins misbehave.
    pub(crate) async fn break_it(&self, service: &str, fault: Value) {
        let url = format!("{service}/sandbox/faults");
        self.client.put(url).json(&fault).send().await.unwrap().error_for_status().unwrap();
    }

    /// Ends all faults of a stand-in.
    pub(crate) async fn mend(&self, service: &str) {
        self.client
            .delete(format!("{service}/sandbox/faults"))
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
    }

    /// Requests that a stand-in got, by `METHOD /path`.
    pub(crate) async fn counts(&self, service: &str) -> serde_json::Map<String, Value> {
        let answer = self.client.get(format!("{service}/sandbox/counters")).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// How many requests a stand-in got whose `METHOD /path` begins so.
    pub(crate) async fn count(&self, service: &str, prefix: &str) -> u64 {
        let counts = self.counts(service).await;
        counts
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .filter_map(|(_, count)| count.as_u64())
            .sum()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Flags as `--sandbox` would set them.
fn args(sandbox: &Sandbox, database: &str) -> Args {
    let issuer = sandbox.issuer_name();
    let (api, pdp) = (sandbox.permit_api.url(), sandbox.pdp.url());
    let flags = [
        ("--auth0-issuer", issuer.as_str()),
        ("--auth0-audience", AUDIENCE),
        ("--auth0-roles-claim", ROLES_CLAIM),
        ("--permit-api-key", API_KEY),
        ("--permit-api-url", &api),
        ("--permit-pdp-url", &pdp),
        ("--database-url", database),
        ("--permit-answer-timeout-ms", "500"),
        ("--permit-api-timeout-ms", "500"),
    ];
    let words = flags.iter().flat_map(|(name, value)| [*name, *value]);
    Args::parse_from(std::iter::once("taskgate").chain(words))
}
