//! The PDP's facts proxy: passes calls on to the REST API, and for some of them waits until the PDP itself has seen
//! what they wrote.
//!
//! Only those look at `X-Wait-Timeout` and `X-Timeout-Policy`. Source: `permitio/PDP`, folder `horizon/facts`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{collection::Shared, limits, rest, store::Store};

/// What the real PDP waits when the request does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The facts under both mounts: `/facts` (Python) and `/v2/facts/{project}/{environment}` (Node), whose ids are
/// ignored.
pub(super) fn routes(store: &Arc<Store>) -> Router<Arc<Store>> {
    let facts = rest::facts()
        .layer(middleware::from_fn_with_state(store.clone(), limits::admit))
        .layer(middleware::from_fn_with_state(store.clone(), pass_on));
    Router::new().nest("/facts", facts.clone()).nest("/v2/facts/{project}/{environment}", facts)
}

/// How long to wait, and what follows from waiting in vain.
struct Wait {
    limit: Limit,
    fails: bool,
}

#[derive(Clone, Copy)]
enum Limit {
    /// Not at all, which cannot be in vain.
    No,
    For(Duration),
    Ever,
}

async fn pass_on(State(store): Shared, mut request: Request, next: Next) -> Response {
    if !store.has_proxy() {
        return rest::unknown().await;
    }
    let wait = match wait(request.method(), request.uri().path(), request.headers()) {
        Ok(wait) => wait,
        Err(message) => return (StatusCode::BAD_REQUEST, Json(json!({"detail": message}))).into_response(),
    };
    *request.uri_mut() = upstream(request.uri(), wait.is_some() && *request.method() == Method::DELETE);
    let response = next.run(request).await;
    let Some(wait) = wait.filter(|_| response.status().is_success()) else { return response };
    let seen = match wait.limit {
        Limit::No => true,
        Limit::For(limit) => store.propagated(Some(limit)).await,
        Limit::Ever => store.propagated(None).await,
    };
    if seen || !wait.fails {
        return response;
    }
    let body = json!({"detail": "Timeout waiting for update to be received"});
    (StatusCode::FAILED_DEPENDENCY, Json(body)).into_response()
}

/// Whether the call waits, and how; `None` passes it on as it is.
fn wait(method: &Method, path: &str, headers: &HeaderMap) -> Result<Option<Wait>, String> {
    if !waits(method, path) {
        return Ok(None);
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let limit = match text("x-wait-timeout") {
        None => Limit::For(DEFAULT_WAIT),
        Some("") => Limit::Ever,
        Some(seconds) => match seconds.parse::<f64>() {
            Ok(0.0) => Limit::No,
            // Negative, or longer than anything.
            Ok(seconds) => Duration::try_from_secs_f64(seconds).map_or(Limit::Ever, Limit::For),
            Err(_) => return Err(format!("Invalid X-Wait-timeout header, expected float, got '{seconds}'")),
        },
    };
    match text("x-timeout-policy") {
        None | Some("ignore") => Ok(Some(Wait { limit, fails: false })),
        Some("fail") => Ok(Some(Wait { limit, fails: true })),
        Some(other) => {
            Err(format!("Invalid X-Timeout-Policy header, expected ignore or fail, got '{other}'"))
        }
    }
}

/// `path` is relative to the mount.
fn waits(method: &Method, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    matches!(
        (method.as_str(), &segments[..]),
        ("POST", ["users" | "tenants" | "role_assignments"])
            | ("PUT" | "PATCH", ["users", _])
            | ("POST" | "DELETE", ["users", _, "roles"])
            | ("DELETE", ["role_assignments"])
    )
}

/// The query is rebuilt from a dictionary: of a repeated parameter the last one goes on. A removal of a role asks for
/// what it removed.
fn upstream(uri: &Uri, return_deleted: bool) -> Uri {
    let mut query: Vec<(String, String)> =
        serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    let names: Vec<String> = query.iter().map(|(name, _)| name.clone()).collect();
    let mut position = 0;
    query.retain(|(name, _)| {
        position += 1;
        !names[position..].contains(name)
    });
    if return_deleted {
        query.push(("return_deleted".to_owned(), "true".to_owned()));
    }
    if query.is_empty() {
        return uri.clone();
    }
    let query = serde_urlencoded::to_string(&query).unwrap_or_default();
    format!("{}?{query}", uri.path()).parse().unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_repeated_parameter_the_last_one_goes_on() {
        let uri = "/role_assignments?user=a%7C1&role=viewer&user=b".parse().unwrap();

        assert_eq!(upstream(&uri, false), "/role_assignments?role=viewer&user=b");
        assert_eq!(upstream(&uri, true), "/role_assignments?role=viewer&user=b&return_deleted=true");
    }

    #[test]
    fn only_some_writes_wait() {
        for (method, path) in [
            (Method::POST, "/users"),
            (Method::PUT, "/users/a"),
            (Method::PATCH, "/users/a"),
            (Method::POST, "/users/a/roles"),
            (Method::DELETE, "/users/a/roles"),
            (Method::POST, "/tenants"),
            (Method::POST, "/role_assignments"),
            (Method::DELETE, "/role_assignments"),
        ] {
            assert!(waits(&method, path), "{method} {path}");
        }
        for (method, path) in [
            (Method::GET, "/users"),
            (Method::DELETE, "/users/a"),
            (Method::PATCH, "/tenants/a"),
            (Method::DELETE, "/tenants/a"),
            (Method::POST, "/tenants/a/users"),
            (Method::DELETE, "/tenants/a/users/b"),
            (Method::POST, "/role_assignments/bulk"),
            (Method::PUT, "/bulk/users"),
        ] {
            assert!(!waits(&method, path), "{method} {path}");
        }
    }
}
