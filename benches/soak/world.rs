//! Everything that a soak needs: the stand-ins behind their witnesses, the database, the server, the people.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use taskgate::sandbox::{AUDIENCE, Ports, ROLES_CLAIM, Sandbox, Service, issuer, permit::API_KEY};
use tokio::sync::Mutex;

use super::{
    Options,
    database::{Database, Kind},
    findings::{Finding, Findings},
    ledger::Ledger,
    operations::origin,
    oracle::Answer,
    outages::{Outages, Part},
    people::{self, Person},
    server::Server,
    timeline::{Fact, Timeline, Window},
    witness::Witness,
};

/// Tasks of a tenant above which rather one is deleted than created.
pub(crate) const ENOUGH: usize = 120;

/// A task that somebody has met.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    pub(crate) id: String,
    pub(crate) title: String,
}

pub(crate) struct World {
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) outages: Outages,
    pub(crate) findings: Findings,
    pub(crate) ledger: Ledger,
    pub(crate) people: Vec<Arc<Person>>,
    pub(crate) database: Database,
    pub(crate) server: Mutex<Server>,
    pub(crate) sandbox: Mutex<Sandbox>,
    /// The PDP and the REST API as the server sees them.
    pub(crate) pdp: Mutex<Service>,
    pub(crate) permit_api: Mutex<Service>,
    /// Permit's REST API as its operators see it.
    pub(crate) office: Witness,
    pub(crate) client: reqwest::Client,
    pub(crate) token_url: String,
    pub(crate) over: AtomicBool,
    pub(crate) requests: AtomicU64,
    pub(crate) address: SocketAddr,
    serial: AtomicU64,
    /// Tasks that are being assigned, or of which nobody can tell to whom they are.
    reserved: StdMutex<HashSet<String>>,
    tasks: StdMutex<HashMap<String, Vec<Met>>>,
}

impl World {
    pub(crate) async fn start(options: &Options) -> Arc<Self> {
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.expect("free ports");
        let (timeline, turn) = (Arc::new(Timeline::default()), Arc::new(Mutex::new(())));
        let office = Witness::new(&sandbox.permit_api, timeline.clone(), turn.clone(), false);
        let pdp = Witness::new(&sandbox.pdp, timeline.clone(), turn, options.tells_lies()).serve().await;
        let permit_api = office.serve().await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(40))
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .expect("a client");
        furnish(&office, &client, &sandbox).await;
        for (role, permission) in grants(&office).await {
            timeline.begins(Fact::Grants { role, permission });
        }
        let database = match options.database {
            Kind::Sqlite => Database::sqlite(),
            Kind::Postgres => Database::postgres(options.postgres_url()).await,
        };
        let server = Server::start(flags(&sandbox, &permit_api, &pdp, &database)).await;
        let address = server.address;
        let token_url = sandbox.token_url();
        Arc::new(Self {
            timeline,
            outages: Outages::default(),
            findings: Findings::default(),
            ledger: Ledger::default(),
            people: people::everybody(),
            database,
            server: Mutex::new(server),
            sandbox: Mutex::new(sandbox),
            pdp: Mutex::new(pdp),
            permit_api: Mutex::new(permit_api),
            office,
            client,
            token_url,
            over: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            address,
            serial: AtomicU64::new(0),
            reserved: StdMutex::default(),
            tasks: StdMutex::default(),
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// A number that nobody else gets.
    pub(crate) fn number(&self) -> u64 {
        self.serial.fetch_add(1, Relaxed)
    }

    /// Asks the server; `None` if there was no answer.
    pub(crate) async fn ask(&self, token: &str, document: &str, variables: &Value) -> Option<Answer> {
        self.requests.fetch_add(1, Relaxed);
        let from = Instant::now();
        let answer = self.try_ask(token, document, variables).await;
        let window = Window::between(from, Instant::now());
        match answer {
            Ok((status, body)) => Some(Answer { status, body, window }),
            Err(error) => {
                self.findings.count("no answer");
                if !self.outages.explains(Part::Server, window, Duration::ZERO) {
                    self.findings.report(Finding::Surprise, format!("{error:?}"));
                }
                // It may be away for a while.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }

    async fn try_ask(&self, token: &str, document: &str, variables: &Value) -> reqwest::Result<(u16, Value)> {
        let request = self.client.post(format!("http://{}/graphql", self.address)).bearer_auth(token);
        let response = request.json(&json!({"query": document, "variables": variables})).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Remembers a task, for others to work on.
    pub(crate) fn meets(&self, tenant: &str, id: &str, title: &str) {
        if origin(title).0 != tenant || self.ledger.is_deleted(id) {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tasks.entry(tenant.to_owned()).or_default();
        if !known.iter().any(|met| met.id == id) {
            known.push(Met { id: id.to_owned(), title: title.to_owned() });
        }
    }

    pub(crate) fn parts_from(&self, tenant: &str, id: &str) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.entry(tenant.to_owned()).or_default().retain(|met| met.id != id);
    }

    /// Whether nobody else assigns the task until it is released.
    pub(crate) fn reserves(&self, task: &str) -> bool {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).insert(task.to_owned())
    }

    pub(crate) fn releases(&self, task: &str) {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
    }

    /// Some task of the tenant, and how many there are.
    pub(crate) fn some_task(&self, tenant: &str, rng: &mut fastrand::Rng) -> (Option<Met>, usize) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tasks.get(tenant).map(Vec::as_slice).unwrap_or_default();
        (rng.choice(known).cloned(), known.len())
    }
}

/// Lets the office write as much as a soak needs, and makes its tenant.
async fn furnish(office: &Witness, client: &reqwest::Client, sandbox: &Sandbox) {
    let limits = json!({"requestsPerMinute": 1_000_000, "writesPerMinute": 1_000_000, "deletesPerMinute": 1_000_000, "schemaWritesPerMinute": 1_000_000});
    let url = format!("{}/sandbox/limits", sandbox.permit_api.url());
    client.put(url).json(&limits).send().await.expect("the sandbox answers");
    let tenant = json!({"key": people::TENANTS[2], "name": "Soak"});
    let (status, told) = office.asks(Method::POST, "/v2/facts/taskgate/sandbox/tenants", &tenant).await;
    assert!(status.is_success(), "{told}");
}

/// What every role holds at Permit.
async fn grants(office: &Witness) -> Vec<(String, String)> {
    let (_, roles) = office.asks(Method::GET, "/v2/schema/taskgate/sandbox/roles", &Value::Null).await;
    let roles = roles.as_array().expect("roles").iter();
    let held = roles.flat_map(|role| {
        let permissions = role["permissions"].as_array().into_iter().flatten();
        permissions.map(|it| (role["key"].as_str().unwrap_or_default(), it.as_str().unwrap_or_default()))
    });
    held.map(|(role, permission)| (role.to_owned(), permission.to_owned())).collect()
}

/// As `--sandbox` would set them, with object rules, short waits, and Permit behind the witnesses.
fn flags(
    sandbox: &Sandbox,
    permit_api: &Service,
    pdp: &Service,
    database: &Database,
) -> Vec<(&'static str, String)> {
    vec![
        ("--auth0-issuer", sandbox.issuer_name()),
        ("--auth0-audience", AUDIENCE.to_owned()),
        ("--auth0-roles-claim", ROLES_CLAIM.to_owned()),
        ("--auth0-mgmt-client-id", issuer::MACHINE.to_owned()),
        ("--auth0-mgmt-client-secret", issuer::MACHINE_SECRET.to_owned()),
        ("--permit-api-key", API_KEY.to_owned()),
        ("--permit-api-url", permit_api.url()),
        ("--permit-pdp-url", pdp.url()),
        ("--database-url", database.url.clone()),
        ("--object-rules", "true".to_owned()),
        ("--permit-answer-timeout-ms", "1000".to_owned()),
        ("--permit-api-timeout-ms", "2000".to_owned()),
        ("--permit-writes-per-minute", "6000".to_owned()),
        ("--permit-deletes-per-minute", "6000".to_owned()),
        ("--login-deadline-ms", "3000".to_owned()),
        ("--sync-lease-ms", "2000".to_owned()),
    ]
}
