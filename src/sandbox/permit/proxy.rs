//! The PDP's facts proxy: writes facts upstream and waits until the PDP itself has seen them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{collection::Shared, rest, store::Store};

/// What the real PDP waits when the request does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The facts under both mounts: `/facts` (Python) and `/v2/facts/{project}/{environment}` (Node), whose ids are
/// ignored.
pub(super) fn routes(store: &Arc<Store>) -> Router<Arc<Store>> {
    let facts = rest::facts().layer(middleware::from_fn_with_state(store.clone(), wait_for_sync));
    Router::new().nest("/facts", facts.clone()).nest("/v2/facts/{project}/{environment}", facts)
}

/// How long to wait; `None` is without limit.
struct Wait {
    limit: Option<Duration>,
    fails: bool,
}

async fn wait_for_sync(State(store): Shared, request: Request, next: Next) -> Response {
    let wait = match wait(request.headers()) {
        Ok(wait) => wait,
        Err(message) => return (StatusCode::BAD_REQUEST, Json(json!({"detail": message}))).into_response(),
    };
    let writes = *request.method() != Method::GET;
    let response = next.run(request).await;
    if !writes || !response.status().is_success() {
        return response;
    }
    if store.propagated(wait.limit).await || !wait.fails {
        return response;
    }
    let body = json!({"detail": "Timeout waiting for update to be received"});
    (StatusCode::FAILED_DEPENDENCY, Json(body)).into_response()
}

fn wait(headers: &HeaderMap) -> Result<Wait, String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let limit = match text("x-wait-timeout") {
        None => Some(DEFAULT_WAIT),
        Some("") => None,
        Some(seconds) => match seconds.parse::<f64>() {
            Ok(seconds) if seconds < 0.0 => None,
            Ok(seconds) => Some(Duration::try_from_secs_f64(seconds).unwrap_or(DEFAULT_WAIT)),
            Err(_) => return Err(format!("Invalid X-Wait-timeout header, expected float, got '{seconds}'")),
        },
    };
    match text("x-timeout-policy") {
        None | Some("ignore") => Ok(Wait { limit, fails: false }),
        Some("fail") => Ok(Wait { limit, fails: true }),
        Some(other) => {
            Err(format!("Invalid X-Timeout-Policy header, expected ignore or fail, got '{other}'"))
        }
    }
}
