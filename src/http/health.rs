//! Whether the process lives (`/health`) and whether it can do its work (`/ready`).

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::json;

use super::AppState;

/// The process answers.
pub(super) async fn live() -> impl IntoResponse {
    Json(json!({"status": "ok"}))
}

/// Database, signing keys and PDP answer; 503 says which of them does not.
pub(super) async fn ready(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let (parts, keys) = tokio::join!(state.api.ready(), state.authenticator.ready());
    let told = |works: bool, reason: &'static str| if works { "ok" } else { reason };
    let all = parts.database && parts.pdp && keys.is_ok();
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if all { "ok" } else { "unavailable" },
        "database": told(parts.database, "does not answer"),
        "keys": told(keys.is_ok(), "no signing keys from the issuer"),
        "pdp": told(parts.pdp, "does not answer"),
    });
    (status, Json(body))
}
