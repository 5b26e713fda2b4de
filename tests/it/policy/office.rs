//! Where somebody keeps Permit in step: a world, policy files, and the program as an operator runs it.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;
use tempfile::TempDir;

use crate::support::World;

/// The file that the program was built with.
pub(super) const POLICY: &str = include_str!("../../../policy.txt");

/// The settings that hold writes back.
pub(super) const PACES: [&str; 3] =
    ["PERMIT_WRITES_PER_MINUTE", "PERMIT_DELETES_PER_MINUTE", "PERMIT_SCHEMA_WRITES_PER_MINUTE"];

pub(super) struct Office {
    pub(super) world: World,
    files: TempDir,
}

/// What the program said.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) code: Option<i32>,
    pub(super) said: String,
    pub(super) complained: String,
}

impl Visit {
    /// The run ended like this, and said exactly this.
    pub(super) fn is(&self, code: i32, lines: &[&str]) {
        assert_eq!(self.said.lines().collect::<Vec<_>>(), lines, "{}", self.complained);
        assert_eq!(self.code, Some(code), "{self:?}");
    }

    /// The run failed, and says why.
    pub(super) fn failed(&self, why: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.complained.contains(why), "{why} is not in: {}", self.complained);
    }
}

impl Office {
    pub(super) async fn open() -> Self {
        Self { world: World::start().await, files: tempfile::tempdir().unwrap() }
    }

    /// One whose Permit environment has no policy at all.
    pub(super) async fn empty() -> Self {
        let office = Self::open().await;
        for what in ["roles", "condition_sets", "resources"] {
            for object in office.list(&format!("schema/{what}")).await {
                let path = format!("schema/{what}/{}", object["key"].as_str().unwrap());
                office.world.rest_ok(Method::DELETE, &path, json!(null)).await;
            }
        }
        office
    }

    /// Everything at `path`, by key.
    pub(super) async fn list(&self, path: &str) -> Vec<Value> {
        let mut all = self.world.rest_get(&format!("{path}?per_page=100")).await.as_array().unwrap().clone();
        all.sort_by_key(|object| object["key"].as_str().unwrap().to_owned());
        all
    }

    /// The whole policy as the REST API shows it, but for ids and times.
    pub(super) async fn state(&self) -> Value {
        let mut state = json!({});
        for path in ["schema/resources", "schema/roles", "schema/condition_sets", "facts/set_rules"] {
            state[path] = self.list(path).await.into();
        }
        anonymous(&mut state);
        state
    }

    /// A policy file that differs from ours.
    pub(super) fn file(&self, change: impl Fn(&str) -> String) -> String {
        self.keep("proposed.txt", &change(POLICY))
    }

    /// A file with this text.
    pub(super) fn keep(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The program with these words after `policy`, and with no other settings than those of the REST API; in a hurry.
    pub(super) fn program(&self, words: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
        program
            .env_clear()
            .env("PERMIT_API_KEY", API_KEY)
            .env("PERMIT_API_URL", self.world.sandbox.permit_api.url())
            .envs(PACES.map(|setting| (setting, "100000")))
            .arg("policy")
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        program
    }

    pub(super) async fn policy(&self, words: &[&str]) -> Visit {
        visit(self.program(words)).await
    }

    /// Starts the program and kills it when Permit has got so many requests; whether it was still running.
    pub(super) async fn kills(&self, words: &[&str], after: u64) -> bool {
        let api = self.world.sandbox.permit_api.url();
        self.world.forgets_counts(&api).await;
        let mut child: Child = self.program(words).spawn().unwrap();
        let requests = async {
            while self.world.count(&api, "").await < after && child.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), requests).await.expect("it asks or ends");
        let was_running = child.try_wait().unwrap().is_none();
        // It may have ended just now.
        let _ = child.kill();
        let _ = child.wait();
        was_running
    }

    /// The program does what it is told, and then has nothing to say.
    pub(super) async fn brings_in_step(&self, file: &str) {
        let applied = self.policy(&["apply", "--file", file]).await;
        assert_eq!(applied.code, Some(0), "{applied:?}");
        self.policy(&["drift", "--file", file]).await.is(0, &[]);
    }
}

pub(super) async fn visit(mut program: Command) -> Visit {
    // In a thread of its own: the stand-ins answer in this one.
    let output: Output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Visit { code: output.status.code(), said: text(output.stdout), complained: text(output.stderr) }
}

fn anonymous(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| {
                name != "id" && !name.ends_with("_id") && name != "created_at" && name != "updated_at"
            });
            members.values_mut().for_each(anonymous);
        }
        Value::Array(items) => {
            items.iter_mut().for_each(anonymous);
            // Permissions come in the order in which they were given.
            if items.iter().all(Value::is_string) {
                items.sort_by_key(ToString::to_string);
            }
        }
        _ => {}
    }
}
