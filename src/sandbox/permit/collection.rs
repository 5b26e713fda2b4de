//! The five calls that all kinds of named objects have alike: list, create, get, update, delete.
//!
//! A create needs its required members and a free key; an update replaces the members that it names and leaves the
//! others, a replacement leaves the key alone; lists are filtered, then cut into pages.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    environment::Environment,
    refusal::Refusal,
    row::{Draft, Kind, Members, Row},
    store::Store,
    wire::{Body, Query},
};

/// The store as handlers take it.
pub(super) type Shared = State<Arc<Store>>;

/// Where in the tree an object is.
#[derive(Debug, Deserialize)]
pub(super) struct At {
    /// Key or id of the resource in the path, for what lives under one.
    resource: Option<String>,
    /// Key or id of the object itself.
    #[serde(default)]
    key: String,
}

/// Adds the five calls of `F` at `path`.
pub(super) fn routes<F: Kind>(path: &str) -> Router<Arc<Store>> {
    Router::new()
        .route(path, get(list::<F>).post(post::<F>))
        .route(&format!("{path}/{{key}}"), get(get_one::<F>).patch(patch::<F>).delete(delete::<F>))
}

pub(super) async fn list<F: Kind>(
    State(store): Shared,
    Path(at): Path<At>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let parent = at.resource.as_deref();
        let rows = F::table(environment, parent)?.rows();
        let shown = rows.filter(|row| F::matches(row, environment, &query)).collect();
        query.page(shown, F::ALWAYS_PAGED, |row| read(row, environment, parent)).map(Json)
    })
}

pub(super) async fn get_one<F: Kind>(
    State(store): Shared,
    Path(at): Path<At>,
) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let parent = at.resource.as_deref();
        let row = F::table(environment, parent)?.find(&at.key)?;
        Ok(Json(read(row, environment, parent)))
    })
}

pub(super) async fn post<F: Kind>(
    State(store): Shared,
    Path(at): Path<At>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.write(|environment| create::<F>(environment, at.resource.as_deref(), &body).map(Json))
}

pub(super) async fn patch<F: Kind>(
    State(store): Shared,
    Path(at): Path<At>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.write(|environment| update::<F>(environment, at.resource.as_deref(), &at.key, &body).map(Json))
}

pub(super) async fn put<F: Kind>(
    State(store): Shared,
    Path(at): Path<At>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.write(|environment| replace::<F>(environment, at.resource.as_deref(), &at.key, &body).map(Json))
}

pub(super) async fn delete<F: Kind>(State(store): Shared, Path(at): Path<At>) -> Result<StatusCode, Refusal> {
    store.write(|environment| remove::<F>(environment, at.resource.as_deref(), &at.key))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Creates an object from a body and answers how it reads.
pub(super) fn create<F: Kind>(
    environment: &mut Environment,
    parent: Option<&str>,
    body: &Members,
) -> Result<Value, Refusal> {
    let row = new_row::<F>(environment, body)?;
    let key = row.key.clone();
    F::table_mut(environment, parent)?.insert(row)?;
    let row = F::table(environment, parent)?.find(&key)?;
    Ok(read(row, environment, parent))
}

fn new_row<F: Kind>(environment: &Environment, body: &Members) -> Result<Row<F>, Refusal> {
    require::<F>(body, F::REQUIRED)?;
    let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?;
    if !F::legal_key(key) {
        return Err(Refusal::invalid("key", "string does not match the pattern of keys"));
    }
    let mut fields: F = fields_of(body.clone())?;
    fields.complete(&Draft { environment, key, before: None, body })?;
    Ok(Row::new(F::table_key(key, body), fields))
}

/// Replaces the members that `body` names and answers how the object reads then.
pub(super) fn update<F: Kind>(
    environment: &mut Environment,
    parent: Option<&str>,
    ident: &str,
    body: &Members,
) -> Result<Value, Refusal> {
    require::<F>(body, &[])?;
    let fields = &F::table(environment, parent)?.find(ident)?.fields;
    let mut members = members_of(fields);
    members.extend(body.clone());
    for name in F::REQUIRED {
        if body.get(*name).is_some_and(Value::is_null) {
            members.extend(members_of(fields).remove_entry(*name));
        }
    }
    set::<F>(environment, parent, ident, body, members)
}

/// Replaces everything but the key and answers how the object reads then.
pub(super) fn replace<F: Kind>(
    environment: &mut Environment,
    parent: Option<&str>,
    ident: &str,
    body: &Members,
) -> Result<Value, Refusal> {
    let required: Vec<&str> = F::REQUIRED.iter().copied().filter(|name| *name != "key").collect();
    require::<F>(body, &required)?;
    set::<F>(environment, parent, ident, body, body.clone())
}

/// Refuses a body without what is required, or with what is not imitated: dropping that would be a lie.
fn require<F: Kind>(body: &Members, required: &[&str]) -> Result<(), Refusal> {
    let is_given = |name: &&str| body.get(*name).is_some_and(|value| !value.is_null());
    if let Some(missing) = required.iter().find(|name| !is_given(name)) {
        return Err(Refusal::missing(missing));
    }
    match F::NOT_IMITATED.iter().find(|path| says_something(body, path)) {
        Some(path) => Err(Refusal::invalid(path, format!("the sandbox does not imitate '{path}'"))),
        None => Ok(()),
    }
}

fn says_something(body: &Members, path: &str) -> bool {
    let mut names = path.split('/');
    let outer = names.next().and_then(|name| body.get(name));
    let value = names.fold(outer, |value, name| value?.get(name));
    value.is_some_and(|value| !value.is_null() && *value != json!({}) && *value != json!([]))
}

/// Gives the object these fields.
fn set<F: Kind>(
    environment: &mut Environment,
    parent: Option<&str>,
    ident: &str,
    body: &Members,
    members: Members,
) -> Result<Value, Refusal> {
    let row = F::table(environment, parent)?.find(ident)?;
    let mut fields: F = fields_of(members)?;
    fields.complete(&Draft { environment, key: &row.key, before: Some(&row.fields), body })?;
    let key = row.key.clone();
    let row = F::table_mut(environment, parent)?.find_mut(&key)?;
    row.fields = fields;
    row.updated_at = super::row::now();
    F::changed(environment);
    Ok(read(F::table(environment, parent)?.find(&key)?, environment, parent))
}

/// Removes an object and what cannot live without it.
pub(super) fn remove<F: Kind>(
    environment: &mut Environment,
    parent: Option<&str>,
    ident: &str,
) -> Result<(), Refusal> {
    let row = F::table_mut(environment, parent)?.remove(ident)?;
    F::forget(environment, parent, &row);
    Ok(())
}

/// How the object reads in an answer.
pub(super) fn read<F: Kind>(row: &Row<F>, environment: &Environment, parent: Option<&str>) -> Value {
    let mut read = members_of(&row.fields);
    let scope = environment.scope;
    for (name, value) in [
        ("id", json!(row.id.simple())),
        ("key", json!(row.key)),
        ("organization_id", json!(scope.organization.simple())),
        ("project_id", json!(scope.project.simple())),
        ("environment_id", json!(scope.environment.simple())),
        ("created_at", json!(row.created_at)),
        ("updated_at", json!(row.updated_at)),
    ] {
        read.insert(name.to_owned(), value);
    }
    F::extend(row, environment, parent, &mut read);
    Value::Object(read)
}

/// Reads fields from members, null where a default exists being as good as absent.
pub(super) fn fields_of<F: DeserializeOwned>(members: Members) -> Result<F, Refusal> {
    serde_json::from_value(Value::Object(members)).map_err(|error| Refusal::body(&error))
}

pub(super) fn members_of<F: Serialize>(fields: &F) -> Members {
    match serde_json::to_value(fields) {
        Ok(Value::Object(members)) => members,
        // Fields are structs of JSON values: they always become an object.
        _ => Members::new(),
    }
}

/// For `deserialize_with`: null is the default.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
