//! Compares an answer with the oracle, field by field.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{document::Schema, oracle::Oracle};

/// A walk through the answers to one persona.
pub(super) struct Walk<'a> {
    pub(super) schema: &'a Schema,
    pub(super) oracle: &'a Oracle,
    pub(super) persona: &'a str,
    /// Refusals that the oracle expects, by coordinate.
    refused: BTreeMap<String, u64>,
    pub(super) differences: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(schema: &'a Schema, oracle: &'a Oracle, persona: &'a str) -> Self {
        Self { schema, oracle, persona, refused: BTreeMap::new(), differences: Vec::new() }
    }

    pub(super) fn differs(&mut self, what: String) {
        self.differences.push(format!("{}: {what}", self.persona));
    }

    /// Compares a whole answer, in which the root field `name` has the type `ty`.
    pub(super) fn answer(&mut self, name: &str, ty: &str, body: &Value) {
        self.refused.clear();
        self.value(ty, &body["data"][name], name, None);
        self.errors(name, body);
    }

    /// Nothing was asked that was not counted before.
    pub(super) fn paid(&mut self, name: &str, body: &Value) {
        let (paid, asked) =
            (&body["extensions"]["cost"]["checks"], &body["extensions"]["authz"]["distinctChecks"]);
        if paid.as_u64().zip(asked.as_u64()).is_none_or(|(paid, asked)| paid < asked) {
            self.differs(format!("{name} paid for {paid} checks and asked {asked}"));
        }
    }

    /// The errors are exactly the refusals that were expected, with their count.
    fn errors(&mut self, name: &str, body: &Value) {
        let expected: u64 = self.refused.values().sum();
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let told: u64 = errors.iter().map(|error| error["extensions"]["count"].as_u64().unwrap_or(1)).sum();
        let codes = errors.iter().all(|error| error["extensions"]["code"] == "FORBIDDEN");
        if told != expected || !codes {
            self.differs(format!("{name}: {} refusals expected, got {}", expected, body["errors"]));
        }
    }

    /// A value of type `ty`; `task` is the task that it belongs to.
    fn value(&mut self, ty: &str, value: &Value, path: &str, task: Option<&str>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value(ty, item, path, task)),
            Value::Object(_) => {
                let object = value["__typename"].as_str().unwrap_or(ty).to_owned();
                self.object(&object, value, path, task);
            }
            _ => {}
        }
    }

    fn object(&mut self, object: &str, value: &Value, path: &str, task: Option<&str>) {
        let id = value["id"].as_str();
        // Somebody is always shown to themselves.
        let is_own = path.starts_with("viewer") || path.starts_with("login.viewer");
        if let Some(id) = id
            && !is_own
            && !self.oracle.may_read(self.persona, object, id)
        {
            self.differs(format!("{path} shows a {object} that is hidden"));
        }
        let task = if object == "Task" { id } else { task };
        for field in self.schema.fields(object) {
            let Some(answer) = value.get(&field.name) else { continue };
            let path = format!("{path}.{}", field.name);
            let coordinate = format!("{object}.{}", field.name);
            let need = self.oracle.need(&coordinate).map(str::to_owned);
            if need.as_ref().is_some_and(|need| !self.oracle.holds(self.persona, need, task)) {
                *self.refused.entry(coordinate).or_default() += 1;
                if !answer.is_null() {
                    self.differs(format!("{path} is shown without {}", need.unwrap_or_default()));
                }
            } else if let Some(id) = id {
                self.compare(object, id, &field.name, answer, &path);
            }
            self.value(&field.ty, answer, &path, task);
        }
        self.judged(object, value, path);
    }

    /// What is readable is as it was for somebody who may read everything.
    fn compare(&mut self, object: &str, id: &str, field: &str, answer: &Value, path: &str) {
        let truth = self.oracle.truth(object, id, field);
        // Of an object only whether it is there: its own fields are compared one by one.
        let same = match (truth, answer) {
            (Some(Value::Object(_) | Value::Array(_)), answer) => !answer.is_null(),
            (Some(truth), answer) => truth == answer,
            (None, _) => false,
        };
        if !same {
            self.differs(format!("{path} is {answer}, and should be {truth:?}"));
        }
    }

    /// What the API says about permissions is what the oracle says.
    fn judged(&mut self, object: &str, value: &Value, path: &str) {
        if object == "PermissionResult" {
            let permission = format!("{}:{}", text(&value["resource"]), text(&value["action"]));
            let expected = self.oracle.holds(self.persona, &permission, value["key"].as_str());
            if value["allowed"] != expected {
                self.differs(format!("{path}: {permission} should be {expected}"));
            }
        }
        if object == "Viewer" && value["permissions"] != json!(self.oracle.permissions(self.persona)) {
            self.differs(format!("{path}.permissions are {}", value["permissions"]));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
