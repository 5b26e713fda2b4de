//! Judges one answer: what it shows must have been allowed at some instant of the request, what it refuses must not have
//! been allowed all the while, and an error has to be one that is promised and that something explains.

use std::time::Duration;

use serde_json::Value;

use super::{
    errors,
    findings::Finding,
    operations::{self, claims_of_data, claims_of_task, origin},
    outages::Part,
    people::Person,
    timeline::{Claim, Window},
    world::World,
};

/// How long after an outage its errors may come: waits of the server, and of those who told it to wait.
const AFTER: Duration = Duration::from_secs(6);
/// The server does not ask the issuer for keys again before that.
const KEYS_AFTER: Duration = Duration::from_secs(40);

/// What came back, and when it was under way.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) window: Window,
}

impl Answer {
    pub(crate) fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// What came of the one field that was asked for.
    pub(crate) fn field(&self, name: &str) -> &Value {
        &self.body["data"][name]
    }

    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        self.errors().iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("none"))
    }
}

impl World {
    /// Judges what `person` was answered, and what else the answer shows to be allowed.
    pub(crate) fn judge(&self, person: &Person, answer: &Answer, also: &[Claim]) {
        if answer.errors().is_empty() {
            self.findings.count("data");
        }
        for error in answer.errors() {
            self.judge_error(person, answer, error);
        }
        let data = &answer.body["data"];
        let mut claims = claims_of_data(data);
        claims.extend_from_slice(also);
        for task in operations::tasks(data) {
            claims.extend(claims_of_task(task, &person.subject));
            self.judge_task(person, answer, task);
        }
        for claim in claims {
            if !self.timeline.could(&person.subject, &person.tenant, &claim, answer.window) {
                let what = format!("{} of {} by {claim:?}: {}", person.subject, person.tenant, answer.body);
                self.findings.report(Finding::WrongAllow, what);
            }
        }
    }

    /// Whoever has left is told nothing.
    pub(crate) fn judge_stranger(&self, person: &Person, answer: &Answer) {
        for error in answer.errors() {
            self.judge_error(person, answer, error);
        }
        let tells = answer.body["data"].as_object().is_some_and(|data| data.values().any(|it| !it.is_null()));
        if tells {
            self.findings.report(Finding::WrongAllow, format!("a stranger is told {}", answer.body));
        }
    }

    fn judge_task(&self, person: &Person, answer: &Answer, task: &Value) {
        let text = |name: &str| task[name].as_str().unwrap_or_default();
        let (id, title) = (text("id"), text("title"));
        if origin(title).0 != person.tenant {
            let what = format!("{} of {} sees {task}", person.subject, person.tenant);
            self.findings.report(Finding::WrongAllow, what);
        }
        let version = task["version"].as_i64().and_then(|version| i32::try_from(version).ok());
        let stale = version.and_then(|version| self.ledger.stale(id, version, title, answer.window));
        if let Some(what) = stale {
            self.findings.report(Finding::StaleRead, what);
        }
        self.meets(&person.tenant, id, title);
    }

    fn judge_error(&self, person: &Person, answer: &Answer, error: &Value) {
        let told = |field: &str| error["extensions"][field].as_str().unwrap_or_default();
        let code = told("code");
        self.findings.count(code);
        let has_data = answer.body.get("data").is_some();
        if let Some(complaint) = errors::complaint(error, answer.status, has_data) {
            self.findings.report(Finding::UntypedError, complaint);
        }
        if code == "FORBIDDEN" {
            let permission = format!("{}:{}", told("resource"), told("action"));
            if self.timeline.surely(&person.subject, &person.tenant, &permission, answer.window) {
                let what = format!("{} of {}: {error}", person.subject, person.tenant);
                self.findings.report(Finding::WrongRefusal, what);
            }
        }
        if !self.is_explained(person, code, told("reason"), answer.window) {
            self.findings.report(Finding::UnexplainedError, format!("{}: {error}", person.subject));
        }
    }

    fn is_explained(&self, person: &Person, code: &str, reason: &str, window: Window) -> bool {
        let broken = |part, after| self.outages.explains(part, window, after);
        match code {
            "FORBIDDEN" | "NOT_FOUND" | "EVENTS_MISSED" => true,
            "AUTHZ_UNAVAILABLE" => broken(Part::Pdp, AFTER),
            "AUTHN_UNAVAILABLE" => broken(Part::Issuer, KEYS_AFTER),
            "INTERNAL" => broken(Part::Database, AFTER),
            "UNAUTHENTICATED" => match reason {
                "USER_REMOVED" => person.leaves(),
                "UNKNOWN_KEY" => broken(Part::Issuer, KEYS_AFTER),
                _ => person.is_forged(),
            },
            _ => false,
        }
    }
}
