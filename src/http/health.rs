//! Whether the process lives (`/health`) and whether it can do its work (`/ready`, and `ready` in `/metrics`). Anybody may
//! ask, so whoever asks within a moment shares one look: asking often costs the database and the PDP nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use moka::future::Cache;
use serde_json::json;
use tokio::time::timeout;

use super::{AppState, connection::Connection};
use crate::{
    auth::Authenticator,
    graphql::{Api, PolicySight, Readiness},
};

/// How old the outcome of a look may be.
const MOMENT: Duration = Duration::from_secs(1);
/// A monitor waits for a look no longer; what does not answer until then does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was seen a moment ago, if anybody asked.
pub(super) struct Outlook(Cache<(), Arc<Seen>>);

struct Seen {
    parts: Readiness,
    keys: bool,
}

impl Outlook {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(1).time_to_live(MOMENT).build())
    }

    /// Looks, unless somebody just did; who comes meanwhile waits for the same look.
    async fn seen(&self, api: &Api, authenticator: &Authenticator) -> Arc<Seen> {
        let look = async {
            let (parts, keys) = tokio::join!(api.ready(), authenticator.ready());
            Arc::new(Seen { parts, keys: keys.is_ok() })
        };
        self.0.get_with((), look).await
    }
}

impl Seen {
    fn missing(&self) -> &[String] {
        if let PolicySight::Lacks(missing) = &self.parts.policy { missing.as_slice() } else { &[] }
    }

    fn is_ready(&self) -> bool {
        self.parts.database && self.parts.pdp && self.keys && self.missing().is_empty()
    }
}

/// Has `ready` in `/metrics` say what `/ready` says.
pub(super) async fn measure(state: &AppState) {
    let seen = timeout(PATIENCE, state.outlook.seen(&state.api, &state.authenticator)).await;
    let is_ready = seen.is_ok_and(|seen| seen.is_ready());
    metrics::gauge!("ready").set(f64::from(u8::from(is_ready)));
}

/// The process answers.
pub(super) async fn live() -> impl IntoResponse {
    Json(json!({"status": "ok"}))
}

/// Database, signing keys and PDP answer, and Permit's policy has what the schema asks about; 503 says what does not
/// hold. A policy that nobody could look at is no reason. A server that was told to stop is not ready, whatever answers.
pub(super) async fn ready(
    State(state): State<Arc<AppState>>,
    connection: Option<Extension<Connection>>,
) -> Response {
    if connection.is_some_and(|Extension(connection)| connection.is_leaving()) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "stopping"}))).into_response();
    }
    let seen = state.outlook.seen(&state.api, &state.authenticator).await;
    let (Seen { parts, keys }, missing) = (&*seen, seen.missing());
    let told = |works: bool, reason: &'static str| if works { "ok" } else { reason };
    let all = seen.is_ready();
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({
        "status": if all { "ok" } else { "not ready" },
        "database": told(parts.database, "does not answer"),
        "keys": told(*keys, "no signing keys from the issuer"),
        "pdp": told(parts.pdp, "does not answer"),
        "policy": match parts.policy {
            PolicySight::Unknown => "unknown",
            PolicySight::Complete => "ok",
            PolicySight::Lacks(_) => "lacks what the schema asks about",
        },
    });
    if !missing.is_empty() {
        body["missing"] = json!(missing);
    }
    (status, Json(body)).into_response()
}
