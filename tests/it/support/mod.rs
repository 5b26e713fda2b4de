//! A world of its own for each test: a sandbox on free ports, a fresh database, and the real server over HTTP.

mod administrator;
mod database;
mod link;
mod log;
mod operator;
mod permit;
mod persona;
mod process;
mod socket;
mod stand_in;

use std::time::Duration;

use clap::Parser as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use taskgate::{
    app,
    audit::Writer,
    config::{Args, Config},
    http,
    sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, issuer, permit::API_KEY},
    store::{Relay, Store},
    sync::Worker,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) use administrator::{Administrator, token};
pub(crate) use database::{Fresh, fresh_databases, server, sqlite};
pub(crate) use link::Link;
pub(crate) use log::eventually;
pub(crate) use persona::{Answer, Persona};
pub(crate) use process::Process;
pub(crate) use socket::{Line, Socket, Subscription};

/// Everything that a test needs; ends when it is dropped.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    config: Config,
    /// As in `DATABASE_URL`.
    database: String,
    node: Node,
    _fresh: Fresh,
}

/// One running server.
pub(crate) struct Node {
    pub(crate) url: String,
    client: reqwest::Client,
    server: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    _worker: Worker,
    _log: Writer,
    _relay: Relay,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose settings differ from the sandbox's usual ones.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.unwrap();
        let fresh = Fresh::for_world().await;
        let mut config = Config::from_args(&args(&sandbox, &fresh.url)).unwrap();
        change(&mut config);
        let database = config.store.url.expose_secret().to_owned();
        let node = Node::start(&config).await;
        let (url, client) = (node.url.clone(), node.client.clone());
        let world = Self { sandbox, url, client, config, database, node, _fresh: fresh };
        world.settles().await;
        world
    }

    /// A server looks at Permit's policy when it starts; whoever counts requests counts what comes after that.
    async fn settles(&self) {
        let api = self.sandbox.permit_api.url();
        let looked = async {
            while self.count(&api, "GET /v2/schema").await == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // A server that was told another address does not look here.
        let _ = tokio::time::timeout(Duration::from_secs(2), looked).await;
        self.forgets_counts(&api).await;
    }

    /// The rows behind the server.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.config.store).await.unwrap()
    }

    /// A second server over the same database and the same services.
    pub(crate) async fn another_node(&self) -> Node {
        self.another_node_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn another_node_with(&self, change: impl FnOnce(&mut Config)) -> Node {
        let mut config = self.config.clone();
        change(&mut config);
        Node::start(&config).await
    }

    /// Tells the server to stop; the task ends when it has.
    pub(crate) fn stops(&mut self) -> &mut JoinHandle<()> {
        // A server that has stopped already does not hear it.
        let _ = self.node.stop.take().map(|stop| stop.send(()));
        &mut self.node.server
    }

    /// Somebody with a fresh token.
    pub(crate) async fn persona(&self, name: &str) -> Persona<'_> {
        let url = format!("{}/{name}", self.sandbox.token_url());
        let token =
            self.client.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        self.bearer(token)
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
        Persona::new(&self.client, &self.url, None)
    }

    /// Somebody with exactly this token.
    pub(crate) fn bearer(&self, token: String) -> Persona<'_> {
        Persona::new(&self.client, &self.url, Some(token))
    }

    /// Somebody with exactly this token, at another server.
    pub(crate) fn bearer_at<'a>(&'a self, url: &'a str, token: String) -> Persona<'a> {
        Persona::new(&self.client, url, Some(token))
    }

    /// A token to order, see `POST /sandbox/token`.
    pub(crate) async fn token(&self, order: Value) -> String {
        let request = self.client.post(self.sandbox.token_url()).json(&order);
        request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
    }

    /// Changes the policy through the call that the real Permit takes.
    pub(crate) async fn grant(&self, role: &str, permission: &str) {
        self.changes_policy(Method::POST, role, permission).await;
    }

    /// Changes it back.
    pub(crate) async fn revoke(&self, role: &str, permission: &str) {
        self.changes_policy(Method::DELETE, role, permission).await;
    }

    async fn changes_policy(&self, method: Method, role: &str, permission: &str) {
        let url =
            format!("{}/v2/schema/taskgate/sandbox/roles/{role}/permissions", self.sandbox.permit_api.url());
        let request = self.client.request(method, url).bearer_auth(API_KEY);
        let request = request.json(&json!({"permissions": [permission]}));
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

impl Node {
    async fn start(config: &Config) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let app = app::build(config, recorder.handle()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = config.http.clone();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            http::serve(listener, app.router, &serving, async { stopped.await.unwrap_or_default() }).await;
        });
        // Nothing here is behind TLS; reading the certificates of the system would take longer than many a test.
        let client = reqwest::Client::builder().no_proxy().tls_certs_only(std::iter::empty());
        let client = client.timeout(Duration::from_secs(30)).build().unwrap();
        Self { url, client, server, stop: Some(stop), _worker: app.worker, _log: app.log, _relay: app.relay }
    }

    /// Somebody with exactly this token.
    pub(crate) fn bearer(&self, token: String) -> Persona<'_> {
        Persona::new(&self.client, &self.url, Some(token))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// As `--sandbox` would set them, with short waits.
fn args(sandbox: &Sandbox, database: &str) -> Args {
    let mut flags = flags(sandbox, database).to_vec();
    flags.extend(
        ["--permit-answer-timeout-ms", "--permit-api-timeout-ms"].map(|name| (name, "500".to_owned())),
    );
    let words = flags.iter().flat_map(|(name, value)| [*name, value.as_str()]);
    Args::parse_from(std::iter::once("taskgate").chain(words))
}

/// Flags as `--sandbox` would set them.
fn flags(sandbox: &Sandbox, database: &str) -> [(&'static str, String); 9] {
    [
        ("--auth0-issuer", sandbox.issuer_name()),
        ("--auth0-audience", AUDIENCE.to_owned()),
        ("--auth0-roles-claim", ROLES_CLAIM.to_owned()),
        ("--auth0-mgmt-client-id", issuer::MACHINE.to_owned()),
        ("--auth0-mgmt-client-secret", issuer::MACHINE_SECRET.to_owned()),
        ("--permit-api-key", API_KEY.to_owned()),
        ("--permit-api-url", sandbox.permit_api.url()),
        ("--permit-pdp-url", sandbox.pdp.url()),
        ("--database-url", database.to_owned()),
    ]
}
