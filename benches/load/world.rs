//! The API, the handlers written by hand and the Node server, over one database, one verifier of tokens each and one PDP.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use clap::Parser as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use taskgate::{
    app::{self, App},
    auth::Authenticator,
    config::{Args, Config},
    http,
    permit::Pdp,
    sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, permit::API_KEY},
    store::{End, NewTask, PageRequest, Relay, Store, TaskListQuery},
};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use super::{
    by_hand::{self, Parts},
    client::{Operation, Request, Way},
    database::Database,
    process::Process,
};

/// Tasks in the database: more than a page, so that the list has to choose.
const TASKS: usize = 500;
/// Tasks that the mutation changes in turn.
const CHANGED: usize = 40;
/// The operation that the Node server has too.
pub(crate) const LIST_NAME: &str = "50 rows, 2 permissions each";
const LIST: &str = "{ tasks(first: 50) { nodes { id title completed
    viewerPermissions { canUpdate { allowed } canDelete { allowed } } } } }";
const CHECK: &str = "{ viewer { can(resource: \"task\", action: \"get\") { allowed } } }";
const ONE: &str = "query ($id: ID!) { task(id: $id) { id title completed } }";
const CHANGE: &str = "mutation ($id: ID!, $completed: Boolean!) {
    setTaskCompleted(input: {id: $id, completed: $completed}) { task { id title completed } } }";

/// Everything that is measured.
pub(crate) struct World {
    pub(crate) authenticator: Authenticator,
    /// A manager's token.
    pub(crate) token: String,
    pub(crate) api: SocketAddr,
    /// The API with object rules.
    pub(crate) by_object: SocketAddr,
    pub(crate) pdp: Pdp,
    hand: SocketAddr,
    /// Tasks of the caller's tenant: the API's id and the row's.
    tasks: Vec<(String, Uuid)>,
    sandbox: Sandbox,
    client: reqwest::Client,
    database: Database,
    flags: Vec<(&'static str, String)>,
    node: Option<Process>,
    /// Over PostgreSQL, events come through them.
    _relays: [Relay; 2],
}

impl World {
    pub(crate) async fn start(pdp: Url, database: Database, handle: PrometheusHandle) -> Self {
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.expect("free ports");
        let flags = flags(&sandbox, &pdp, &database.url);
        let config = config(&flags);
        let App { router, relay, .. } = app::build(&config, handle).await.expect("an API");
        let api = serve(router, &config.http).await;
        let mut with_rules = config.clone();
        with_rules.graphql.object_rules = true;
        let unused = PrometheusBuilder::new().build_recorder().handle();
        let ruled = app::build(&with_rules, unused).await.expect("an API with object rules");
        let by_object = serve(ruled.router, &config.http).await;
        let store = Store::connect(&config.store).await.expect("the same database");
        let authenticator = Authenticator::new(config.auth.clone()).expect("a verifier");
        let parts = Parts {
            authenticator: authenticator.clone(),
            pdp: Pdp::new(&config.permit).expect("a client"),
            store: store.clone(),
        };
        let hand = serve(by_hand::routes(Arc::new(parts)), &config.http).await;
        let rows = seed(&store).await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        let (token, tasks, node) = (String::new(), Vec::new(), None);
        let pdp = Pdp::new(&config.permit).expect("a client");
        let mut world = Self {
            authenticator,
            token,
            api,
            by_object,
            pdp,
            hand,
            tasks,
            sandbox,
            client,
            database,
            flags,
            node,
            _relays: [relay, ruled.relay],
        };
        world.token = world.token("manager").await;
        let ids = world.ids().await;
        world.tasks = ids.into_iter().zip(rows).collect();
        world
    }

    /// Starts the Node server over the same database, if there is Node.
    pub(crate) async fn start_node(&mut self, pdp: &Url) {
        let issuer = self.sandbox.issuer_name();
        self.node = Process::node(&json!({
            "database": self.database.url,
            "jwks": format!("{issuer}.well-known/jwks.json"),
            "issuer": issuer,
            "audience": AUDIENCE,
            "pdp": pdp.as_str().trim_end_matches('/'),
            "key": API_KEY,
        }));
        if let Some(node) = &self.node {
            let answers = [self.asks(node.address, LIST).await, self.asks(self.api, LIST).await];
            assert_eq!(answers[0]["data"], answers[1]["data"], "both answer the same");
        }
    }

    /// The program over the same database, as a process of its own, with further flags.
    pub(crate) async fn process(&self, more: &[(&'static str, String)]) -> Process {
        Process::taskgate(&[&self.flags, more].concat()).await
    }

    pub(crate) fn node(&self) -> Option<&Process> {
        self.node.as_ref()
    }

    pub(crate) fn database(&self) -> &'static str {
        self.database.name
    }

    /// The query of one guarded row, at a server that speaks GraphQL.
    pub(crate) fn one_row(&self, server: SocketAddr) -> Request {
        let body = json!({"query": ONE, "variables": {"id": self.tasks[0].0}}).to_string();
        self.request(server, "POST", "/graphql", vec![body])
    }

    /// A new token of a persona.
    pub(crate) async fn token(&self, persona: &str) -> String {
        let url = format!("{}/{persona}", self.sandbox.token_url());
        let answer = self.client.get(url).send().await.expect("the issuer answers");
        answer.error_for_status().expect("a known persona").text().await.expect("a token")
    }

    /// A token like no other: the signature of equal claims is equal.
    pub(crate) async fn another_token(&self) -> String {
        let order = json!({"claims": {"sub": format!("auth0|{}", Uuid::new_v4())}});
        let request = self.client.post(self.sandbox.token_url()).json(&order);
        request.send().await.expect("the issuer answers").text().await.expect("a token")
    }

    /// Asks one of the servers.
    pub(crate) async fn asks(&self, server: SocketAddr, document: &str) -> serde_json::Value {
        let url = format!("http://{server}/graphql");
        let request = self.client.post(url).bearer_auth(&self.token).json(&json!({"query": document}));
        let answer: serde_json::Value =
            request.send().await.expect("the API answers").json().await.expect("JSON");
        assert!(answer.get("errors").is_none(), "{answer}");
        answer
    }

    /// The API's names of the newest tasks.
    async fn ids(&self) -> Vec<String> {
        let document = format!("{{ tasks(first: {CHANGED}) {{ nodes {{ id }} }} }}");
        let answer = self.asks(self.api, &document).await;
        let nodes = answer["data"]["tasks"]["nodes"].as_array().expect("a page");
        nodes.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// What is measured, in the order of the report.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let (id, row) = &self.tasks[0];
        let changes = || self.tasks.iter().flat_map(|task| [(task, true), (task, false)]);
        vec![
            Operation {
                name: "token only",
                ways: vec![
                    self.by_hand("GET", "/whoami", vec![String::new()]),
                    self.graphql(vec![json!({"query": "{ viewer { subject } }"}).to_string()]),
                ],
            },
            Operation {
                name: "one check",
                ways: vec![self.bare(), self.graphql(vec![json!({"query": CHECK}).to_string()])],
            },
            Operation {
                name: "one guarded row",
                ways: vec![
                    self.bare(),
                    self.by_hand("GET", &format!("/tasks/{row}"), vec![String::new()]),
                    self.graphql(vec![json!({"query": ONE, "variables": {"id": id}}).to_string()]),
                ],
            },
            Operation {
                name: LIST_NAME,
                ways: [
                    Some(self.by_hand("GET", "/tasks", vec![String::new()])),
                    self.by_node(vec![json!({"query": LIST}).to_string()]),
                    Some(self.graphql(vec![json!({"query": LIST}).to_string()])),
                ]
                .into_iter()
                .flatten()
                .collect(),
            },
            Operation {
                name: "mutation",
                ways: vec![
                    self.by_hand(
                        "POST",
                        "/completions",
                        changes()
                            .map(|(task, to)| json!({"id": task.1, "completed": to}).to_string())
                            .collect(),
                    ),
                    self.graphql(
                        changes()
                            .map(|(task, to)| {
                                let variables = json!({"id": task.0, "completed": to});
                                json!({"query": CHANGE, "variables": variables}).to_string()
                            })
                            .collect(),
                    ),
                ],
            },
        ]
    }

    fn bare(&self) -> Way {
        self.way("bare PDP call", self.request(self.hand, "POST", "/bare", vec![String::new()]))
    }

    fn by_hand(&self, method: &'static str, path: &str, bodies: Vec<String>) -> Way {
        self.way("by hand", self.request(self.hand, method, path, bodies))
    }

    fn by_node(&self, bodies: Vec<String>) -> Option<Way> {
        let node = self.node.as_ref()?;
        let way = self.way("Node", self.request(node.address, "POST", "/graphql", bodies));
        Some(Way { process: Some(node.id()), ..way })
    }

    fn graphql(&self, bodies: Vec<String>) -> Way {
        self.way("taskgate", self.request(self.api, "POST", "/graphql", bodies))
    }

    fn way(&self, name: &'static str, request: Request) -> Way {
        Way { name, database: self.database.name, process: None, request }
    }

    fn request(&self, server: SocketAddr, method: &'static str, path: &str, bodies: Vec<String>) -> Request {
        let bodies = bodies.into_iter().map(Into::into).collect();
        Request { server, method, path: path.to_owned(), token: self.token.clone(), bodies }
    }
}

/// Both are served by the same code, so that connections cost both the same.
async fn serve(router: Router, config: &http::Config) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let config = config.clone();
    tokio::spawn(async move { http::serve(listener, router, &config, std::future::pending()).await });
    address
}

/// Fills the database; the rows of the newest tasks, newest first as the API lists them.
async fn seed(store: &Store) -> Vec<Uuid> {
    let tenant = store.tenant("default");
    for number in 0..TASKS {
        let title = format!("Look after matter number {number}");
        let task = NewTask { title, notes: None, owner_id: None, assignee_id: None };
        tenant.create_task(task, None, "auth0|sandbox-admin").await.expect("a task");
    }
    let newest = PageRequest { limit: CHANGED as u64, end: End::First, after: None, before: None };
    let page = tenant.list_tasks(&TaskListQuery::default(), &newest).await.expect("a page");
    page.rows.into_iter().map(|task| task.id).collect()
}

fn flags(sandbox: &Sandbox, pdp: &Url, database: &str) -> Vec<(&'static str, String)> {
    vec![
        ("--auth0-issuer", sandbox.issuer_name()),
        ("--auth0-audience", AUDIENCE.to_owned()),
        ("--auth0-roles-claim", ROLES_CLAIM.to_owned()),
        ("--permit-api-key", API_KEY.to_owned()),
        ("--permit-api-url", sandbox.permit_api.url()),
        ("--permit-pdp-url", pdp.to_string()),
        ("--database-url", database.to_owned()),
        // One caller asks for everything.
        ("--subject-points", "0".to_owned()),
        ("--address-points", "0".to_owned()),
    ]
}

fn config(flags: &[(&'static str, String)]) -> Config {
    let words = flags.iter().flat_map(|(name, value)| [*name, value]);
    Config::from_args(&Args::parse_from(std::iter::once("taskgate").chain(words))).expect("good settings")
}
