//! What became of each operation, counted once: by its type, and by `OK` or the code of the first error of its answers.

use std::time::Instant;

use async_graphql::{Response as Answer, Value, parser::types::OperationType};

use super::{operation::Operation, rejection::Rejection};

/// The name of every operation that no trusted document names: a client's own words are no label.
const OTHER: &str = "other";
/// The client went away before the answer; a mutation is done to its end all the same.
const GONE: &str = "CANCELLED";

/// An operation on its way, counted when it is dropped.
#[derive(Debug)]
pub(super) struct Outcome {
    /// That of its trusted document.
    name: Option<String>,
    kind: OperationType,
    started: Instant,
    /// Absent before the first answer.
    code: Option<String>,
}

impl Outcome {
    pub(super) fn of(operation: &Operation) -> Self {
        let name = operation.trusted_name().map(str::to_owned);
        Self { name, kind: operation.kind(), started: Instant::now(), code: None }
    }

    /// Takes note of an answer; of several, the first that has an error.
    pub(super) fn note(&mut self, answer: &Result<Answer, Rejection>) {
        if self.code.as_deref().is_none_or(|code| code == "OK") {
            self.code = Some(match answer {
                Ok(answer) => code(answer).to_owned(),
                Err(rejection) => rejection.code().to_owned(),
            });
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let is_stream = self.kind == OperationType::Subscription;
        let kind = word(self.kind);
        if !is_stream {
            metrics::histogram!("graphql_request_duration_seconds", "type" => kind)
                .record(self.started.elapsed());
        }
        // Whoever leaves a subscription is done with it.
        let silent = if is_stream { "OK" } else { GONE };
        let name = self.name.take().unwrap_or_else(|| OTHER.to_owned());
        count(name, kind, self.code.take().unwrap_or_else(|| silent.to_owned()));
    }
}

/// Counts what was refused before anybody knew which operation it was.
pub(super) fn refused(rejection: &Rejection) {
    count(OTHER.to_owned(), "unknown", rejection.code().to_owned());
}

fn count(operation: String, kind: &'static str, outcome: String) {
    metrics::counter!("graphql_requests_total", "operation" => operation, "type" => kind, "outcome" => outcome)
        .increment(1);
}

const fn word(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// Every error of ours has a code.
fn code(answer: &Answer) -> &str {
    let Some(error) = answer.errors.first() else { return "OK" };
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code,
        _ => "INTERNAL",
    }
}
