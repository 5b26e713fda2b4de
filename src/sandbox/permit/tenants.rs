//! Tenants and who belongs to them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    collection::{self, Shared},
    environment::Environment,
    refusal::Refusal,
    row::{Kind, Members, Row, Table},
    store::Store,
    users::{self, Bulk},
    wire::{Body, Query},
};

/// What a tenant has beside the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tenant {
    pub(super) name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    attributes: Option<Members>,
}

impl Tenant {
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), description: None, attributes: None }
    }
}

impl Kind for Tenant {
    const NAME: &'static str = "Tenant";

    fn table<'a>(environment: &'a Environment, _parent: Option<&str>) -> Result<&'a Table<Self>, Refusal> {
        Ok(&environment.tenants)
    }

    fn table_mut<'a>(
        environment: &'a mut Environment,
        _parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal> {
        Ok(&mut environment.tenants)
    }

    fn extend(row: &Row<Self>, _environment: &Environment, _parent: Option<&str>, read: &mut Members) {
        read.insert("last_action_at".into(), json!(row.updated_at));
    }

    fn matches(row: &Row<Self>, _environment: &Environment, query: &Query) -> bool {
        query.finds([Some(row.key.as_str()), Some(row.fields.name.as_str())])
    }

    fn forget(environment: &mut Environment, _parent: Option<&str>, row: &Row<Self>) {
        environment.members.remove(&row.key);
        environment.drop_assignments(|held| held.tenant == row.key);
    }
}

/// The path of a user in a tenant.
#[derive(Debug, Deserialize)]
struct Member {
    key: String,
    user: String,
}

#[derive(Debug, Deserialize)]
struct TenantAt {
    key: String,
}

/// Everything under `tenants` and `bulk/tenants`.
pub(super) fn routes() -> Router<Arc<Store>> {
    collection::routes::<Tenant>("/tenants")
        .route("/tenants/{key}/users", get(list_members).post(add_member))
        .route("/tenants/{key}/users/{user}", delete(remove_member))
        .route("/bulk/tenants", post(bulk_create).delete(bulk_delete))
}

async fn list_members(
    State(store): Shared,
    Path(at): Path<TenantAt>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let tenant = &environment.tenants.find(&at.key)?.key;
        let members = environment.members.get(tenant).into_iter().flatten();
        let rows = members.filter_map(|key| environment.users.get(key)).filter(|row| {
            let held = environment.roles_in(&row.key, tenant);
            let holds = |ident: &str| held.iter().any(|role| environment.roles.names(ident, role));
            users::is_found(row, &query) && query.admits("role", holds)
        });
        let rows = rows.collect();
        query.page(rows, true, |row| collection::read(row, environment, None)).map(Json)
    })
}

async fn add_member(
    State(store): Shared,
    Path(at): Path<TenantAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        let tenant = environment.tenants.find(&at.key)?.key.clone();
        let ident = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?;
        if environment.users.find(ident).is_err() {
            users::put_new(environment, &body)?;
        }
        let key = environment.users.find(ident)?.key.clone();
        if !environment.members.entry(tenant).or_default().insert(key.clone()) {
            let message = format!("A user with key '{key}' already exists in this tenant");
            return Err(Refusal::Exists { kind: "User", message });
        }
        users::shown(environment, &key).map(Json)
    })
}

async fn remove_member(State(store): Shared, Path(at): Path<Member>) -> Result<StatusCode, Refusal> {
    store.write(|environment| {
        let tenant = environment.tenants.find(&at.key)?.key.clone();
        let user = environment.users.find(&at.user)?.key.clone();
        if let Some(members) = environment.members.get_mut(&tenant) {
            members.remove(&user);
        }
        if let Some(held) = environment.assignments.get_mut(&user) {
            held.retain(|held| held.tenant != tenant);
        }
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn bulk_create(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        for body in &bulk.operations {
            collection::create::<Tenant>(environment, None, body)?;
        }
        Ok(Json(json!({})))
    })
}

async fn bulk_delete(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        for ident in &bulk.idents {
            collection::remove::<Tenant>(environment, None, ident)?;
        }
        Ok(Json(json!({})))
    })
}
