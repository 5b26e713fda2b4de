//! Whether the process lives (`/health`) and whether it can do its work (`/ready`).

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{AppState, connection::Connection};
use crate::graphql::PolicySight;

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
    let (parts, keys) = tokio::join!(state.api.ready(), state.authenticator.ready());
    let told = |works: bool, reason: &'static str| if works { "ok" } else { reason };
    let missing = if let PolicySight::Lacks(missing) = &parts.policy { missing.as_slice() } else { &[] };
    let all = parts.database && parts.pdp && keys.is_ok() && missing.is_empty();
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({
        "status": if all { "ok" } else { "not ready" },
        "database": told(parts.database, "does not answer"),
        "keys": told(keys.is_ok(), "no signing keys from the issuer"),
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
