//! Role assignments: who holds which role in which tenant, or on which instance of a resource.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    bulk_assignments,
    collection::Shared,
    environment::Environment,
    refusal::Refusal,
    row::now,
    store::Store,
    users::UserAt,
    wire::{Body, Query},
};

/// A role that a user holds; everything by key.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) id: Uuid,
    pub(super) role: String,
    pub(super) tenant: String,
    /// `type:key`, for a role on one instance.
    pub(super) instance: Option<String>,
    pub(super) created_at: String,
}

/// What to assign or to take away; keys or ids.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Request {
    pub(super) user: Option<String>,
    role: String,
    tenant: Option<String>,
    resource_instance: Option<String>,
}

/// A [`Request`] whose parts all exist; everything by key.
struct Resolved {
    user: String,
    role: String,
    tenant: String,
    instance: Option<String>,
}

impl Request {
    fn resolve(&self, environment: &Environment) -> Result<Resolved, Refusal> {
        let user = self.user.as_deref().ok_or_else(|| Refusal::missing("user"))?;
        let tenant = self.tenant.as_deref().ok_or_else(|| Refusal::missing("tenant"))?;
        Ok(Resolved {
            user: environment.users.find(user)?.key.clone(),
            role: environment.roles.find(&self.role)?.key.clone(),
            tenant: environment.tenants.find(tenant)?.key.clone(),
            instance: self.resource_instance.clone(),
        })
    }
}

impl Resolved {
    fn is(&self, held: &Assignment) -> bool {
        held.role == self.role && held.tenant == self.tenant && held.instance == self.instance
    }

    fn exists(&self) -> Refusal {
        let Self { user, role, tenant, .. } = self;
        let message = format!("The user '{user}' has the role '{role}' in the tenant '{tenant}' already");
        Refusal::Exists { kind: "role assignment", message }
    }
}

/// Everything under `role_assignments`.
pub(super) fn routes() -> Router<Arc<Store>> {
    Router::new()
        .route("/role_assignments", get(list).post(post_one).delete(delete_one))
        .route("/role_assignments/detailed", get(detailed))
        .merge(bulk_assignments::routes())
}

async fn list(State(store): Shared, query: Query) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let detailed = query.is_true("detailed");
        let show = |(user, held): &(&str, &Assignment)| {
            if detailed { in_detail(environment, user, held) } else { read(environment, user, held) }
        };
        query.page(matching(environment, &query), false, show).map(Json)
    })
}

async fn detailed(State(store): Shared, query: Query) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let show = |(user, held): &(&str, &Assignment)| in_detail(environment, user, held);
        query.page(matching(environment, &query), true, show).map(Json)
    })
}

async fn post_one(State(store): Shared, Body(request): Body<Request>) -> Result<Json<Value>, Refusal> {
    store.write(|environment| assign(environment, &request).map(Json))
}

async fn delete_one(
    State(store): Shared,
    query: Query,
    Body(request): Body<Request>,
) -> Result<Answer, Refusal> {
    let gone = store.write(|environment| unassign(environment, &request))?;
    Ok(Answer::removed(&query, gone))
}

/// `POST users/{key}/roles`.
pub(super) async fn assign_to(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(request): Body<Request>,
) -> Result<Json<Value>, Refusal> {
    let request = Request { user: Some(at.key), ..request };
    store.write(|environment| assign(environment, &request).map(Json))
}

/// `DELETE users/{key}/roles`.
pub(super) async fn unassign_from(
    State(store): Shared,
    Path(at): Path<UserAt>,
    query: Query,
    Body(request): Body<Request>,
) -> Result<Answer, Refusal> {
    let request = Request { user: Some(at.key), ..request };
    let gone = store.write(|environment| unassign(environment, &request))?;
    Ok(Answer::removed(&query, gone))
}

/// 204, or the removed assignment for the facts proxy, which asks for it with `return_deleted`.
#[derive(Debug)]
pub(super) enum Answer {
    Empty,
    Removed(Value),
}

impl Answer {
    fn removed(query: &Query, gone: Value) -> Self {
        if query.is_true("return_deleted") { Self::Removed(gone) } else { Self::Empty }
    }
}

impl axum::response::IntoResponse for Answer {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Empty => StatusCode::NO_CONTENT.into_response(),
            Self::Removed(gone) => Json(gone).into_response(),
        }
    }
}

/// Assigns, and answers how the assignment reads. The user becomes a member of the tenant.
pub(super) fn assign(environment: &mut Environment, request: &Request) -> Result<Value, Refusal> {
    let resolved = request.resolve(environment)?;
    if environment.assignments_of(&resolved.user).iter().any(|held| resolved.is(held)) {
        return Err(resolved.exists());
    }
    let Resolved { user, role, tenant, instance } = resolved;
    if let Some(instance) = &instance {
        environment.instances.entry(instance.clone()).or_insert_with(Uuid::new_v4);
    }
    environment.members.entry(tenant.clone()).or_default().insert(user.clone());
    let assignment = Assignment { id: Uuid::new_v4(), role, tenant, instance, created_at: now() };
    let shown = read(environment, &user, &assignment);
    environment.assignments.entry(user).or_default().push(assignment);
    Ok(shown)
}

pub(super) fn unassign(environment: &mut Environment, request: &Request) -> Result<Value, Refusal> {
    let resolved = request.resolve(environment)?;
    let held = environment.assignments_of(&resolved.user);
    let Some(at) = held.iter().position(|held| resolved.is(held)) else {
        return Err(Refusal::NotFound { kind: "RoleAssignment", ident: resolved.role });
    };
    let shown = read(environment, &resolved.user, &held[at]);
    if let Some(held) = environment.assignments.get_mut(&resolved.user) {
        held.remove(at);
    }
    Ok(shown)
}

/// The assignments that the query's `user`, `role`, `tenant`, `resource` and `resource_instance` describe.
pub(super) fn matching<'a>(environment: &'a Environment, query: &Query) -> Vec<(&'a str, &'a Assignment)> {
    let all = environment
        .assignments
        .iter()
        .flat_map(|(user, held)| held.iter().map(move |held| (user.as_str(), held)));
    all.filter(|(user, held)| {
        let instance = held.instance.as_deref().unwrap_or_default();
        let resource = instance.split(':').next().unwrap_or_default();
        query.admits("user", |ident| environment.users.names(ident, user))
            && query.admits("role", |ident| environment.roles.names(ident, &held.role))
            && query.admits("tenant", |ident| environment.tenants.names(ident, &held.tenant))
            && query.admits("resource", |ident| environment.resources.names(ident, resource))
            && query.admits("resource_instance", |ident| {
                let id = environment.instances.get(instance).copied();
                ident == instance || id.is_some_and(|id| Uuid::parse_str(ident) == Ok(id))
            })
    })
    .collect()
}

fn read(environment: &Environment, user: &str, held: &Assignment) -> Value {
    let id = |id: Option<Uuid>| id.unwrap_or_default().simple().to_string();
    let instance_id = held.instance.as_ref().and_then(|instance| environment.instances.get(instance));
    let scope = environment.scope;
    json!({
        "id": held.id.simple().to_string(),
        "user": user,
        "role": held.role,
        "tenant": held.tenant,
        "resource_instance": held.instance,
        "resource_instance_id": instance_id.map(|id| id.simple().to_string()),
        "user_id": id(environment.users.get(user).map(|row| row.id)),
        "role_id": id(environment.roles.get(&held.role).map(|row| row.id)),
        "tenant_id": id(environment.tenants.get(&held.tenant).map(|row| row.id)),
        "organization_id": scope.organization.simple().to_string(),
        "project_id": scope.project.simple().to_string(),
        "environment_id": scope.environment.simple().to_string(),
        "created_at": held.created_at,
    })
}

fn in_detail(environment: &Environment, user: &str, held: &Assignment) -> Value {
    let mut shown = read(environment, user, held);
    let told = |found: Option<Value>| found.unwrap_or(Value::Null);
    shown["user"] =
        told(environment.users.find(user).ok().map(|row| super::collection::read(row, environment, None)));
    shown["role"] = told(
        environment.roles.find(&held.role).ok().map(|row| super::collection::read(row, environment, None)),
    );
    shown["tenant"] = told(
        environment
            .tenants
            .find(&held.tenant)
            .ok()
            .map(|row| super::collection::read(row, environment, None)),
    );
    shown["resource_instance"] = told(held.instance.as_deref().and_then(|name| {
        let ((resource, key), id) = (name.split_once(':')?, environment.instances.get(name)?);
        Some(json!({"id": id.simple().to_string(), "key": key, "resource": resource, "attributes": {}}))
    }));
    shown
}
