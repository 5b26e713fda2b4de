//! Roles of the tenant, and who has them. Tokens carry names; this API wants ids.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Caller, UserId, object,
    page::{self, Parameters},
    refusal::Refusal,
};
use crate::sandbox::issuer::{Issuer, Tenant};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new()
        .route("/api/v2/roles", get(list))
        .route("/api/v2/users/{id}/roles", get(of_user).post(assign).delete(take))
}

async fn list(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Json<Value>, Refusal> {
    caller.may("read:roles")?;
    let wanted = query.get("name_filter").map(|filter| filter.to_lowercase()).unwrap_or_default();
    let state = issuer.state();
    let named = state.roles.iter().filter(|name| name.to_lowercase().contains(&wanted));
    page::cut(&query, "roles", named.map(|name| role(name)).collect()).map(Json)
}

async fn of_user(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
    Query(query): Query<Parameters>,
) -> Result<Json<Value>, Refusal> {
    for scope in ["read:users", "read:roles", "read:role_members"] {
        caller.may(scope)?;
    }
    let state = issuer.state();
    let roles = &id.find(&state)?.roles;
    page::cut(&query, "roles", roles.iter().map(|name| role(name)).collect()).map(Json)
}

/// Giving what somebody has is success.
async fn assign(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    caller.may("update:users")?;
    caller.may("create:role_members")?;
    let mut state = issuer.state();
    let names = named(&state, &body)?;
    let roles = &mut id.find_mut(&mut state)?.roles;
    for name in names {
        if !roles.contains(&name) {
            roles.push(name);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Taking what nobody has is success.
async fn take(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    caller.may("update:users")?;
    caller.may("delete:role_members")?;
    let mut state = issuer.state();
    let names = named(&state, &body)?;
    id.find_mut(&mut state)?.roles.retain(|name| !names.contains(name));
    Ok(StatusCode::NO_CONTENT)
}

/// Names of the roles whose ids the body lists.
fn named(tenant: &Tenant, body: &[u8]) -> Result<Vec<String>, Refusal> {
    let body = object(body)?;
    let ids = body.get("roles").and_then(Value::as_array).filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Refusal::Body("Expected a non-empty array on property roles".into()))?;
    let name = |given: &Value| {
        // The usual mistake: a name instead of an id.
        let given = given.as_str().filter(|text| text.starts_with("rol_"));
        let given = given.ok_or_else(|| Refusal::Body("Expected ids of roles on property roles".into()))?;
        tenant.roles.iter().find(|name| id(name) == given).cloned().ok_or(Refusal::NoRole)
    };
    ids.iter().map(name).collect()
}

fn role(name: &str) -> Value {
    json!({"id": id(name), "name": name, "description": format!("Role {name} of the sandbox")})
}

/// An id of Auth0's form that is the same at every start.
fn id(name: &str) -> String {
    Sha256::digest(name).iter().take(8).fold("rol_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}
