//! The published rate limits of the REST API, over the last minute: requests, and among them writes, deletes and
//! `POST`s to the schema. A request may count as several of these; a refused one counts as none.
//!
//! What comes through the PDP's facts proxy counts too; decisions do not. `PUT /sandbox/limits` changes any of the
//! numbers, `GET` shows them and how many requests were refused. Source: <https://docs.permit.io/api/api-with-cli>.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{collection::Shared, refusal::Refusal, store::Store};
use crate::sandbox::service::lock;

const MINUTE: Duration = Duration::from_mins(1);

/// How much a minute admits.
#[derive(Debug, Clone, Copy, Serialize)]
struct Allowed {
    #[serde(rename = "requestsPerMinute")]
    requests: usize,
    #[serde(rename = "writesPerMinute")]
    writes: usize,
    #[serde(rename = "deletesPerMinute")]
    deletes: usize,
    #[serde(rename = "schemaWritesPerMinute")]
    schema_writes: usize,
}

impl Default for Allowed {
    fn default() -> Self {
        Self { requests: 1_000, writes: 300, deletes: 60, schema_writes: 40 }
    }
}

/// Some of the numbers, to be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(rename = "requestsPerMinute")]
    requests: Option<usize>,
    #[serde(rename = "writesPerMinute")]
    writes: Option<usize>,
    #[serde(rename = "deletesPerMinute")]
    deletes: Option<usize>,
    #[serde(rename = "schemaWritesPerMinute")]
    schema_writes: Option<usize>,
}

/// The limits, and what was admitted in the last minute.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    allowed: Allowed,
    requests: Window,
    writes: Window,
    deletes: Window,
    schema_writes: Window,
    refused: u64,
}

/// When requests of one sort were admitted, oldest first.
#[derive(Debug, Default)]
struct Window(VecDeque<Instant>);

impl Ledger {
    /// Admits a request in every sort that it belongs to, or in none.
    fn admit(&mut self, method: &Method, path: &str, now: Instant) -> Result<(), Refusal> {
        let allowed = self.allowed;
        let writes = *method != Method::GET;
        let deletes = *method == Method::DELETE;
        let shapes = *method == Method::POST && path.starts_with("/v2/schema/");
        let sorts = [
            (true, &mut self.requests, allowed.requests, "requests"),
            (writes, &mut self.writes, allowed.writes, "writes"),
            (deletes, &mut self.deletes, allowed.deletes, "deletes"),
            (shapes, &mut self.schema_writes, allowed.schema_writes, "schema writes"),
        ];
        let mut sorts: Vec<_> = sorts.into_iter().filter(|(applies, ..)| *applies).collect();
        for (_, window, per_minute, what) in &mut sorts {
            if let Some(wait) = window.wait(*per_minute, now) {
                self.refused += 1;
                // Whole seconds, and never too few of them.
                let retry_after = wait.as_secs() + 1;
                return Err(Refusal::TooMany { per_minute: *per_minute, what, retry_after });
            }
        }
        for (_, window, ..) in sorts {
            window.0.push_back(now);
        }
        Ok(())
    }
}

impl Window {
    /// How long until one more is admitted; `None` when it is now.
    fn wait(&mut self, per_minute: usize, now: Instant) -> Option<Duration> {
        while self.0.front().is_some_and(|admitted| *admitted + MINUTE <= now) {
            self.0.pop_front();
        }
        // After a limit was lowered, more than one may have to grow old first.
        let over = self.0.len().checked_sub(per_minute)?;
        Some(self.0.get(over).map_or(MINUTE, |admitted| *admitted + MINUTE - now))
    }
}

/// Lets a request through to the REST API, or refuses it with 429.
pub(super) async fn admit(State(store): State<Arc<Store>>, request: Request, next: Next) -> Response {
    let admitted = lock(&store.limits.0).admit(request.method(), request.uri().path(), Instant::now());
    match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// `/sandbox/limits`.
pub(super) fn controls() -> Router<Arc<Store>> {
    Router::new().route("/sandbox/limits", get(show).put(change))
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    allowed: Allowed,
    refused: u64,
}

async fn show(State(store): Shared) -> Json<Shown> {
    let ledger = lock(&store.limits.0);
    Json(Shown { allowed: ledger.allowed, refused: ledger.refused })
}

async fn change(State(store): Shared, Json(change): Json<Change>) -> StatusCode {
    let allowed = &mut lock(&store.limits.0).allowed;
    for (number, new) in [
        (&mut allowed.requests, change.requests),
        (&mut allowed.writes, change.writes),
        (&mut allowed.deletes, change.deletes),
        (&mut allowed.schema_writes, change.schema_writes),
    ] {
        *number = new.unwrap_or(*number);
    }
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(ledger: &mut Ledger, method: &Method, path: &str, now: Instant) -> bool {
        ledger.admit(method, path, now).is_ok()
    }

    #[test]
    fn a_minute_slides_and_does_not_begin_anew() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for n in 0..60 {
            assert!(admitted(&mut ledger, &Method::DELETE, "/users/a", at(n)), "{n}");
        }

        let refusal = ledger.admit(&Method::DELETE, "/users/a", at(59)).unwrap_err();
        assert_eq!(refusal, Refusal::TooMany { per_minute: 60, what: "deletes", retry_after: 2 });
        assert!(admitted(&mut ledger, &Method::DELETE, "/users/a", at(60)), "the first one is a minute old");
        assert!(!admitted(&mut ledger, &Method::DELETE, "/users/a", at(60)), "the second is not");
        assert_eq!(ledger.refused, 2);
    }

    #[test]
    fn a_refused_request_counts_as_none() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        ledger.allowed.writes = 1;
        assert!(admitted(&mut ledger, &Method::PUT, "/users/a", now));

        assert!(!admitted(&mut ledger, &Method::DELETE, "/users/a", now));

        assert_eq!((ledger.requests.0.len(), ledger.deletes.0.len()), (1, 0));
        assert!(admitted(&mut ledger, &Method::GET, "/users/a", now));
    }

    #[test]
    fn only_posts_to_the_schema_are_schema_writes() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        ledger.allowed.schema_writes = 0;

        assert!(!admitted(&mut ledger, &Method::POST, "/v2/schema/p/e/roles", now));
        assert!(admitted(&mut ledger, &Method::PATCH, "/v2/schema/p/e/roles/a", now));
        assert!(admitted(&mut ledger, &Method::POST, "/v2/facts/p/e/users", now));
    }

    #[test]
    fn a_lowered_limit_holds_for_what_was_admitted_before() {
        let mut window = Window::default();
        let start = Instant::now();
        window.0.extend((0..3).map(|n| start + Duration::from_secs(n)));

        assert_eq!(window.wait(1, start + Duration::from_secs(2)), Some(Duration::from_mins(1)));
        assert_eq!(window.wait(4, start + Duration::from_secs(2)), None);
    }
}
