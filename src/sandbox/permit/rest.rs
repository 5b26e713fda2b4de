//! The REST API's tree: scope of the key, schema, facts. The PDP's facts proxy mounts the same facts.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{RawPathParams, Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    assignments, collection::Shared, condition_sets, limits, refusal::Refusal, resources, roles, set_rules,
    store::Store, tenants, users,
};

/// Users, tenants, role assignments and rules of condition sets.
pub(super) fn facts() -> Router<Arc<Store>> {
    users::routes()
        .merge(tenants::routes())
        .merge(assignments::routes())
        .merge(set_rules::routes())
        .method_not_allowed_fallback(not_allowed)
}

/// Everything that the REST API serves.
pub(super) fn router(store: &Arc<Store>) -> Router {
    let in_scope = middleware::from_fn_with_state(store.clone(), right_environment);
    let schema = roles::routes()
        .merge(resources::routes())
        .merge(condition_sets::routes())
        .method_not_allowed_fallback(not_allowed);
    Router::new()
        .nest("/v2/facts/{project}/{environment}", facts().layer(in_scope.clone()))
        .nest("/v2/schema/{project}/{environment}", schema.layer(in_scope))
        .route("/v2/api-key/scope", get(scope).fallback(not_allowed))
        .layer(middleware::from_fn_with_state(store.clone(), limits::admit))
        .layer(middleware::from_fn(authorize))
        .merge(limits::controls())
        .fallback(unknown)
        .with_state(store.clone())
}

async fn scope(State(store): Shared) -> Json<Value> {
    let scope = store.read(|environment| environment.scope);
    Json(json!({
        "organization_id": scope.organization.simple(),
        "project_id": scope.project.simple(),
        "environment_id": scope.environment.simple(),
    }))
}

pub(super) async fn unknown() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response()
}

async fn not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({"detail": "Method Not Allowed"}))).into_response()
}

async fn authorize(request: Request, next: Next) -> Response {
    if bearer(request.headers()) == Some(super::API_KEY) {
        next.run(request).await
    } else {
        Refusal::Unauthorized.into_response()
    }
}

/// Project and environment in the path must be those of the key, by key or by id.
async fn right_environment(
    State(store): Shared,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let named = |name: &str| params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    let scope = store.read(|environment| environment.scope);
    if scope.is(named("project"), named("environment")) {
        next.run(request).await
    } else {
        Refusal::NotFound { kind: "Environment", ident: named("environment").to_owned() }.into_response()
    }
}

/// The token of a Bearer header, and nothing of any other scheme; the Python SDK writes it in lower case.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = header.split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") { token } else { "" })
}
