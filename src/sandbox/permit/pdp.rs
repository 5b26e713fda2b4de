//! The decision point: answers checks from what has reached it.
//!
//! Refusals are texts, as the real one's: only its decisions are JSON. A denial is 200.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    assignments::{self, Assignment},
    collection::Shared,
    environment::Environment,
    question::{Check, Resource, User},
    refusal::Refusal,
    rest::bearer,
    store::Store,
    wire::Query,
};

/// What `/version` says.
const API_VERSION: u32 = 2;

#[derive(Debug, Serialize)]
struct Decision {
    allow: bool,
    result: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct PermissionsQuery {
    user: User,
    tenants: Option<Vec<String>>,
    resource_types: Option<Vec<String>>,
    resources: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct UsersQuery {
    action: String,
    resource: Resource,
}

/// A JSON body, refused in the PDP's own words.
struct Input<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> axum::extract::FromRequest<S> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let declared =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !declared.starts_with("application/json") {
            let message = "Expected request with `Content-Type: application/json`";
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let status =
                if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
            (status, format!("Failed to read the JSON body: {error}")).into_response()
        })
    }
}

/// Everything that needs the key, but the facts proxy.
pub(super) fn routes() -> Router<Arc<Store>> {
    Router::new()
        .route("/allowed", post(allowed))
        .route("/allowed/bulk", post(bulk))
        .route("/user-permissions", post(user_permissions))
        .route("/authorized_users", post(authorized_users))
        .route("/user-tenants", post(user_tenants))
        .route("/local/role_assignments", get(local_assignments))
        .route("/version", get(|| async { Json(json!({"api_version": API_VERSION})) }))
}

/// Open to everybody; the Node SDK's `checkAllTenants` carries its key in the body.
pub(super) fn open_routes() -> Router<Arc<Store>> {
    let health = || async { ([(CONTENT_TYPE, "text/plain; charset=utf-8")], HEALTH) };
    Router::new()
        .route("/health", get(health))
        .route("/healthy", get(health))
        .route("/ready", get(health))
        .route("/allowed/all-tenants", post(all_tenants))
}

const HEALTH: &str = r#"{"status":"ok","components":{"horizon":{"status":"ok","error":null},"opa":{"status":"ok","error":null}}}"#;

/// Lets through whoever has the key.
pub(super) async fn authorize(request: Request, next: Next) -> Response {
    match authorized(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn authorized(headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
    match bearer(headers) {
        None => Err((StatusCode::UNAUTHORIZED, "Missing Authorization header")),
        Some(super::API_KEY) => Ok(()),
        Some(_) => {
            let message = "You are not authorized to access this resource, please check your API key.";
            Err((StatusCode::FORBIDDEN, message))
        }
    }
}

fn decide(store: &Store, environment: &Environment, check: &Check) -> Decision {
    let allow = environment.allows(check);
    let debug = store.debugger().of(environment, check, allow);
    Decision { allow, result: allow, debug }
}

async fn allowed(State(store): Shared, Input(check): Input<Check>) -> Result<Json<Decision>, Unsupported> {
    evaluable(&store, std::slice::from_ref(&check))?;
    store.count_checks(1);
    Ok(Json(store.seen_by_pdp(|environment| decide(&store, environment, &check))))
}

async fn bulk(
    State(store): Shared,
    Input(checks): Input<Vec<Check>>,
) -> Result<Json<BTreeMap<&'static str, Vec<Decision>>>, Unsupported> {
    evaluable(&store, &checks)?;
    store.count_checks(checks.len());
    let decisions = store
        .seen_by_pdp(|environment| checks.iter().map(|check| decide(&store, environment, check)).collect());
    Ok(Json(BTreeMap::from([("allow", decisions)])))
}

type Unsupported = (StatusCode, &'static str);

/// Refuses what the hosted PDP refuses, if this one is to be like it.
fn evaluable(store: &Store, checks: &[Check]) -> Result<(), Unsupported> {
    if store.has_attribute_rules() || !checks.iter().any(Check::has_attributes) {
        return Ok(());
    }
    Err((StatusCode::NOT_IMPLEMENTED, "This PDP does not evaluate policies on attributes."))
}

async fn user_permissions(State(store): Shared, Input(query): Input<PermissionsQuery>) -> Json<Value> {
    let wants_tenants =
        query.resource_types.as_ref().is_none_or(|types| types.iter().any(|kind| kind == "__tenant"));
    // Without roles on instances there is nothing to tell about single resources.
    let only_instances = query.resources.is_some_and(|resources| !resources.is_empty());
    if !wants_tenants || only_instances {
        return Json(json!({}));
    }
    Json(store.seen_by_pdp(|environment| {
        let user = &query.user.key;
        let asked =
            |tenant: &str| query.tenants.as_ref().is_none_or(|asked| asked.iter().any(|key| key == tenant));
        let tenants = environment.tenants.rows().filter(|tenant| asked(&tenant.key));
        let entries = tenants.filter_map(|tenant| {
            let roles = environment.roles_in(user, &tenant.key);
            let entry = json!({
                "tenant": {"key": tenant.key, "attributes": {}},
                "permissions": environment.permissions_in(user, &tenant.key),
                "roles": roles,
            });
            (!roles.is_empty()).then(|| (format!("__tenant:{}", tenant.key), entry))
        });
        Value::Object(entries.collect())
    }))
}

async fn authorized_users(State(store): Shared, Input(query): Input<UsersQuery>) -> Json<Value> {
    let UsersQuery { action, resource } = query;
    let tenant = resource.tenant();
    let named = format!("{}:{}", resource.kind, resource.key.as_deref().unwrap_or("*"));
    Json(store.seen_by_pdp(|environment| {
        let users = environment.users.rows().filter_map(|row| {
            let roles = environment.granting_roles(&row.key, tenant, &resource.kind, &action);
            let grants = roles.iter().map(|role| {
                json!({"user": row.key, "tenant": tenant, "resource": format!("__tenant:{tenant}"), "role": role})
            });
            (!roles.is_empty()).then(|| (row.key.clone(), grants.collect()))
        });
        json!({"resource": named, "tenant": tenant, "users": users.collect::<serde_json::Map<_, _>>()})
    }))
}

/// The Node SDK (2.7.5) posts its client's settings here and reads the answer in camel case; others do not.
async fn all_tenants(State(store): Shared, headers: HeaderMap, Input(body): Input<Value>) -> Response {
    let from_body = body.pointer("/headers/Authorization").and_then(Value::as_str);
    let by_body =
        from_body.and_then(|text| text.split_once(' ')).is_some_and(|(_, key)| key == super::API_KEY);
    if !by_body && let Err(refusal) = authorized(&headers) {
        return refusal.into_response();
    }
    let query = body.get("params").unwrap_or(&body);
    let text = |name: &str, member: &str| {
        let value = query.get(name)?;
        value.as_str().or_else(|| value.get(member)?.as_str()).map(str::to_owned)
    };
    let (Some(user), Some(resource), Some(action)) =
        (text("user", "key"), text("resource", "type"), text("action", "key"))
    else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "user, action and resource are needed").into_response();
    };
    let allowed: Vec<Value> = store.seen_by_pdp(|environment| {
        let tenants = environment.tenants.rows();
        let allowing = tenants.filter(|tenant| environment.permits(&user, &tenant.key, &resource, &action));
        allowing
            .map(|tenant| json!({"tenant": {"key": tenant.key, "attributes": {}}, "allow": true, "result": true}))
            .collect()
    });
    Json(json!({"allowed_tenants": allowed, "allowedTenants": allowed})).into_response()
}

async fn user_tenants(State(store): Shared, Input(query): Input<PermissionsQuery>) -> Json<Value> {
    Json(store.seen_by_pdp(|environment| {
        let tenants = environment.tenants.rows();
        let held = tenants.filter(|tenant| !environment.roles_in(&query.user.key, &tenant.key).is_empty());
        held.map(|tenant| json!({"key": tenant.key, "attributes": {}})).collect()
    }))
}

async fn local_assignments(State(store): Shared, query: Query) -> Result<Json<Value>, Refusal> {
    store.seen_by_pdp(|environment| {
        let show = |(user, held): &(&str, &Assignment)| {
            json!({"user": user, "role": held.role, "tenant": held.tenant, "resource_instance": held.instance})
        };
        query.page(assignments::matching(environment, &query), false, show).map(Json)
    })
}
