//! Users: create, sync, list and remove; one by one and in bulk.
//!
//! A sync (`PUT`) answers 201 for a new user and 200 for a known one and never removes a role. An e-mail address belongs
//! to one user of the environment. Removing a user removes the assignments.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    assignments::{self, Request},
    collection::{self, Shared},
    environment::Environment,
    refusal::Refusal,
    row::{Draft, Kind, Members, Row, Table, is_key_of},
    store::Store,
    wire::{Body, Query},
};

/// What a user has beside the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Profile {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    pub(super) attributes: Option<Members>,
}

impl Profile {
    /// The fields on which conditions may stand.
    pub(super) fn as_attributes(&self) -> impl Iterator<Item = (String, Value)> {
        let Self { email, first_name, last_name, .. } = self;
        let fields = [("email", email), ("first_name", first_name), ("last_name", last_name)];
        fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value)))
    }
}

impl Kind for Profile {
    const NAME: &'static str = "User";
    const REQUIRED: &'static [&'static str] = &["key"];
    const ALWAYS_PAGED: bool = true;

    fn table<'a>(environment: &'a Environment, _parent: Option<&str>) -> Result<&'a Table<Self>, Refusal> {
        Ok(&environment.users)
    }

    fn table_mut<'a>(
        environment: &'a mut Environment,
        _parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal> {
        Ok(&mut environment.users)
    }

    fn legal_key(key: &str) -> bool {
        is_key_of(key, b"|@+-._")
    }

    fn complete(&mut self, draft: &Draft<'_, Self>) -> Result<(), Refusal> {
        let Some(email) = &self.email else { return Ok(()) };
        if !is_email(email) {
            return Err(Refusal::invalid("email", "value is not a valid email address"));
        }
        let is_taken = |row: &Row<Self>| row.key != draft.key && row.fields.email.as_ref() == Some(email);
        if draft.environment.users.rows().any(is_taken) {
            return Err(Refusal::taken(Self::NAME, "email", email));
        }
        Ok(())
    }

    fn extend(row: &Row<Self>, environment: &Environment, _parent: Option<&str>, read: &mut Members) {
        let held = environment.assignments_of(&row.key);
        let roles: Vec<Value> = held
            .iter()
            .filter(|held| held.instance.is_none())
            .map(|held| json!({"role": held.role, "tenant": held.tenant}))
            .collect();
        read.insert("roles".into(), roles.into());
        read.insert("associated_tenants".into(), associated_tenants(&row.key, environment));
    }

    fn matches(row: &Row<Self>, environment: &Environment, query: &Query) -> bool {
        let held = environment.assignments_of(&row.key);
        let holds = |ident: &str| held.iter().any(|held| environment.roles.names(ident, &held.role));
        is_found(row, query) && query.admits("role", holds)
    }

    fn forget(environment: &mut Environment, _parent: Option<&str>, row: &Row<Self>) {
        environment.assignments.remove(&row.key);
        for members in environment.members.values_mut() {
            members.remove(&row.key);
        }
    }
}

/// Whether the user is one that the query searches for.
pub(super) fn is_found(row: &Row<Profile>, query: &Query) -> bool {
    let Profile { email, first_name, last_name, .. } = &row.fields;
    let names = [first_name, last_name, email].map(Option::as_deref);
    query.finds(names.into_iter().chain([Some(row.key.as_str())]))
}

/// The tenants in which the user has a role or is a member, with the roles held there.
fn associated_tenants(user: &str, environment: &Environment) -> Value {
    let mut tenants: BTreeMap<&str, (Vec<&str>, Vec<Value>)> = BTreeMap::new();
    for (tenant, members) in &environment.members {
        if members.contains(user) {
            tenants.entry(tenant).or_default();
        }
    }
    for held in environment.assignments_of(user) {
        let (roles, on_instances) = tenants.entry(&held.tenant).or_default();
        match held.instance.as_deref().and_then(|instance| instance.split_once(':')) {
            None => roles.push(&held.role),
            Some((resource, key)) => {
                on_instances.push(json!({"resource": resource, "resource_instance": key, "role": held.role}));
            }
        }
    }
    tenants
        .into_iter()
        .map(|(tenant, (roles, on_instances))| {
            json!({"tenant": tenant, "roles": roles, "status": "active", "resource_instance_roles": on_instances})
        })
        .collect()
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace)
    })
}

/// Everything under `users` and `bulk/users`.
pub(super) fn routes() -> Router<Arc<Store>> {
    Router::new()
        .route("/users", get(collection::list::<Profile>).post(create))
        .route(
            "/users/{key}",
            get(collection::get_one::<Profile>)
                .put(sync)
                .patch(collection::patch::<Profile>)
                .delete(collection::delete::<Profile>),
        )
        .route("/users/{key}/roles", post(assignments::assign_to).delete(assignments::unassign_from))
        .route("/bulk/users", post(bulk_create).put(bulk_sync).delete(bulk_delete))
}

/// The path of one user.
#[derive(Debug, Deserialize)]
pub(super) struct UserAt {
    pub(super) key: String,
}

/// Lists of a bulk call; anything else in the body is ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Bulk {
    #[serde(default)]
    pub(super) operations: Vec<Members>,
    #[serde(default)]
    pub(super) idents: Vec<String>,
}

async fn create(State(store): Shared, Body(body): Body<Members>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| put_new(environment, &body).map(Json))
}

async fn sync(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(mut body): Body<Members>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    body.entry("key").or_insert_with(|| json!(at.key));
    let (created, user) = store.transact(|environment| put_any(environment, &at.key, &body))?;
    Ok((if created { StatusCode::CREATED } else { StatusCode::OK }, Json(user)))
}

async fn bulk_create(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        bulk.operations.iter().try_for_each(|body| put_new(environment, body).map(drop))?;
        Ok(Json(json!({})))
    })
}

async fn bulk_sync(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        for body in &bulk.operations {
            let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?;
            put_any(environment, key, body)?;
        }
        Ok(Json(json!({})))
    })
}

async fn bulk_delete(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        for ident in &bulk.idents {
            collection::remove::<Profile>(environment, None, ident)?;
        }
        Ok(Json(json!({})))
    })
}

/// Creates a user with the role assignments that the body brings along.
pub(super) fn put_new(environment: &mut Environment, body: &Members) -> Result<Value, Refusal> {
    collection::create::<Profile>(environment, None, body)?;
    let key = body.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    assign_all(environment, &key, body)?;
    shown(environment, &key)
}

/// Creates or updates; whether it was created, and how the user reads now.
fn put_any(environment: &mut Environment, ident: &str, body: &Members) -> Result<(bool, Value), Refusal> {
    let Ok(row) = environment.users.find(ident) else { return Ok((true, put_new(environment, body)?)) };
    let key = row.key.clone();
    collection::update::<Profile>(environment, None, &key, body)?;
    assign_all(environment, &key, body)?;
    Ok((false, shown(environment, &key)?))
}

fn assign_all(environment: &mut Environment, user: &str, body: &Members) -> Result<(), Refusal> {
    let listed = body.get("role_assignments").and_then(Value::as_array);
    for assignment in listed.into_iter().flatten() {
        let mut request: Request =
            serde_json::from_value(assignment.clone()).map_err(|error| Refusal::body(&error))?;
        request.user = Some(user.to_owned());
        match assignments::assign(environment, &request) {
            Err(Refusal::Exists { .. }) => {}
            other => other.map(drop)?,
        }
    }
    Ok(())
}

pub(super) fn shown(environment: &Environment, ident: &str) -> Result<Value, Refusal> {
    Ok(collection::read(environment.users.find(ident)?, environment, None))
}
