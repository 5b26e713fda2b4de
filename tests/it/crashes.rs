//! `kill -9` at every point between two steps: the stand-in holds a request, the server is killed, and a new one has
//! to finish what was begun, with nothing lost and nothing done twice.
//!
//! The points are the calls to Permit and Auth0, each once before it is carried out (`hang`) and once after
//! (`unanswered`): between two calls lie only transactions of the database.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use taskgate::sandbox::{Ports, Sandbox, permit::API_KEY};

use crate::support::{Fresh, Persona, Process, fresh_databases};

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);
/// The survivor takes over quickly, and nobody waits for the answer of a killed server.
const SETTINGS: [(&str, &str); 3] =
    [("--sync-lease-ms", "300"), ("--permit-facts-proxy", "off"), ("--login-deadline-ms", "10000")];
const LOGIN: &str = "mutation { login { ready } }";
const DELETE: &str = "mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }";

/// A call that the server makes, and its service.
struct Call {
    at_issuer: bool,
    method: &'static str,
    /// Below the environment of Permit's facts, or below the issuer.
    path: &'static str,
}

const fn permit(method: &'static str, path: &'static str) -> Call {
    Call { at_issuer: false, method, path }
}

const fn auth0(method: &'static str, path: &'static str) -> Call {
    Call { at_issuer: true, method, path }
}

struct Scene {
    sandbox: Sandbox,
    client: reqwest::Client,
    database: Fresh,
    server: Process,
}

impl Scene {
    async fn set(database: Fresh) -> Self {
        let sandbox = Sandbox::start(Ports { issuer: 0, permit_api: 0, pdp: 0 }).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let server = Process::start(&sandbox, &database.url, &SETTINGS).await;
        Self { sandbox, client, database, server }
    }

    async fn persona(&self, name: &str) -> Persona<'_> {
        let url = format!("{}/{name}", self.sandbox.token_url());
        let token = self.client.get(url).send().await.unwrap().text().await.unwrap();
        Persona::new(&self.client, &self.server.url, Some(token))
    }

    async fn prefix(&self, call: &Call) -> (String, String) {
        if call.at_issuer {
            return (self.sandbox.issuer.url(), call.path.to_owned());
        }
        let api = self.sandbox.permit_api.url();
        let request = self.client.get(format!("{api}/v2/api-key/scope")).bearer_auth(API_KEY);
        let scope: Value = request.send().await.unwrap().json().await.unwrap();
        let id = |name: &str| scope[name].as_str().unwrap().to_owned();
        (api, format!("/v2/facts/{}/{}/{}", id("project_id"), id("environment_id"), call.path))
    }

    /// Does `document`, kills the server while the stand-in holds `call`, and starts another one.
    async fn crash(&mut self, kind: &str, call: &Call, persona: &str, document: &str, variables: Value) {
        let (service, prefix) = self.prefix(call).await;
        let fault = json!({"kind": kind, "method": call.method, "pathPrefix": prefix, "times": 1});
        let faults = format!("{service}/sandbox/faults");
        self.client.put(&faults).json(&fault).send().await.unwrap().error_for_status().unwrap();
        let before = self.count(&service, call.method, &prefix).await;
        {
            let persona = self.persona(persona).await;
            let doomed = persona.tries(document, variables);
            tokio::pin!(doomed);
            let held = async {
                while self.count(&service, call.method, &prefix).await == before {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                answer = &mut doomed => panic!("answered before the call: {answer:?}"),
                held = tokio::time::timeout(PATIENCE, held) => held.expect("the call is made"),
            }
        }
        self.server.kill();
        self.client.delete(&faults).send().await.unwrap();
        self.server = Process::start(&self.sandbox, &self.database.url, &SETTINGS).await;
        tokio::time::timeout(PATIENCE, self.finished()).await.expect("the survivor finishes it");
    }

    async fn count(&self, service: &str, method: &str, prefix: &str) -> u64 {
        let counters = self.client.get(format!("{service}/sandbox/counters"));
        let counts: serde_json::Map<String, Value> = counters.send().await.unwrap().json().await.unwrap();
        let wanted = format!("{method} {prefix}");
        let held = counts.iter().filter(|(name, _)| name.starts_with(&wanted));
        held.filter_map(|(_, count)| count.as_u64()).sum()
    }

    async fn finished(&self) {
        loop {
            let mut status = Command::new(env!("CARGO_BIN_EXE_taskgate"));
            status.args(["sync", "status", "--json"]).env("DATABASE_URL", &self.database.url);
            let text = String::from_utf8(status.output().unwrap().stdout).unwrap();
            let outbox: Value = serde_json::from_str(&text).unwrap();
            if outbox["pending"] == 0 {
                assert_eq!(outbox["dead"], 0, "{outbox}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Roles of everybody in Permit, by subject.
    async fn assignments(&self) -> Vec<(String, String)> {
        let url = format!("{}/v2/facts/taskgate/sandbox/role_assignments", self.sandbox.permit_api.url());
        let request = self.client.get(url).bearer_auth(API_KEY);
        let rows: Vec<Value> = request.send().await.unwrap().json().await.unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let mut held: Vec<_> = rows.iter().map(|row| (text(row, "user"), text(row, "role"))).collect();
        held.sort();
        held
    }
}

fn held(who: &[(&str, &str)]) -> Vec<(String, String)> {
    who.iter().map(|(user, role)| (format!("auth0|sandbox-{user}"), (*role).to_owned())).collect()
}

#[tokio::test]
async fn a_login_that_was_cut_off_anywhere_is_finished_by_the_next_server() {
    let calls = [
        permit("GET", "users/"),
        permit("GET", "tenants/default"),
        permit("PUT", "users/"),
        permit("POST", "tenants/default/users"),
        permit("POST", "role_assignments"),
    ];
    for call in &calls {
        for kind in ["hang", "unanswered"] {
            for database in fresh_databases().await {
                let mut scene = Scene::set(database).await;

                scene.crash(kind, call, "manager", LOGIN, json!({})).await;

                let point = format!("{kind} at {} {} on {}", call.method, call.path, scene.database.url);
                assert_eq!(scene.assignments().await, held(&[("manager", "manager")]), "{point}");
                let manager = scene.persona("manager").await;
                assert_eq!(manager.asks(LOGIN).await.data()["login"]["ready"], true, "{point}");
                let shown = manager.asks("{ viewer { roles { role source } } }").await.data();
                let expected = json!([{"role": "manager", "source": "IDP"}]);
                assert_eq!(shown["viewer"]["roles"], expected, "{point}: it is known to be ours");
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_was_being_taken_when_the_server_died_is_taken() {
    for kind in ["hang", "unanswered"] {
        for database in fresh_databases().await {
            let mut scene = Scene::set(database).await;
            for name in ["admin", "manager"] {
                scene.persona(name).await.asks(LOGIN).await.data();
            }
            let id = scene.persona("manager").await.user_id().await;
            let take = "mutation($id: ID!) { unassignRole(input: {userId: $id, role: \"manager\"}) { outcome { role } } }";

            let call = permit("DELETE", "role_assignments");
            scene.crash(kind, &call, "admin", take, json!({"id": id})).await;

            assert_eq!(scene.assignments().await, held(&[("admin", "admin")]), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_removal_that_was_cut_off_anywhere_is_finished_in_all_systems() {
    let calls = [
        permit("GET", "users/auth0%7Csandbox-viewer"),
        permit("DELETE", "users/"),
        auth0("POST", "/oauth/token"),
        auth0("DELETE", "/api/v2/users/"),
    ];
    for call in &calls {
        for kind in ["hang", "unanswered"] {
            for database in fresh_databases().await {
                let mut scene = Scene::set(database).await;
                for name in ["admin", "viewer"] {
                    scene.persona(name).await.asks(LOGIN).await.data();
                }
                let viewer = scene.persona("viewer").await;
                let (id, token) = (viewer.user_id().await, viewer.token());

                scene.crash(kind, call, "admin", DELETE, json!({"id": id})).await;

                let point = format!("{kind} at {} {}", call.method, call.path);
                assert_eq!(scene.assignments().await, held(&[("admin", "admin")]), "{point}");
                let viewer = Persona::new(&scene.client, &scene.server.url, Some(token));
                assert_eq!(viewer.asks(LOGIN).await.status, 401, "{point}");
                let gone =
                    scene.client.get(format!("{}/viewer", scene.sandbox.token_url())).send().await.unwrap();
                assert!(!gone.status().is_success(), "{point}: the account is gone at Auth0");
            }
        }
    }
}
