//! The actions of one resource, one by one. One that is removed is taken from every role.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    collection::{Shared, fields_of, members_of},
    environment::Environment,
    parts::Part,
    refusal::Refusal,
    resources::{Action, Resource},
    row::{Members, Row, is_plain_key, now},
    store::Store,
    users::UserAt,
    wire::Body,
};

#[derive(Debug, Deserialize)]
struct ActionAt {
    key: String,
    action: String,
}

/// Everything under `resources/{key}/actions`.
pub(super) fn routes() -> Router<Arc<Store>> {
    Router::new()
        .route("/resources/{key}/actions", get(list).post(create))
        .route("/resources/{key}/actions/{action}", get(get_one).patch(update).delete(remove))
}

/// The action of `resource` that has this key or this id.
pub(super) fn find<'a>(resource: &'a Row<Resource>, ident: &str) -> Result<&'a Part<Action>, Refusal> {
    let mut actions = resource.fields.actions.values();
    let found = actions.find(|action| action.is(ident));
    found.ok_or_else(|| Refusal::NotFound { kind: "Action", ident: ident.to_owned() })
}

async fn list(State(store): Shared, Path(at): Path<UserAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let resource = environment.resources.find(&at.key)?;
        let actions = resource.fields.actions.values();
        Ok(Json(actions.map(|action| shown(environment, resource, action)).collect()))
    })
}

async fn create(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?.to_owned();
    if !is_plain_key(&key) {
        return Err(Refusal::invalid("key", "string does not match the pattern of keys"));
    }
    let mut action: Action = fields_of(body)?;
    action.name_after(&key);
    store.write(|environment| {
        let actions = &mut environment.resources.find_mut(&at.key)?.fields.actions;
        if actions.contains_key(&key) {
            return Err(Refusal::taken("Action", "key", &key));
        }
        actions.insert(key.clone(), Part::new(&key, action));
        read(environment, &at.key, &key)
    })
}

async fn get_one(State(store): Shared, Path(at): Path<ActionAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| read(environment, &at.key, &at.action))
}

async fn update(
    State(store): Shared,
    Path(at): Path<ActionAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.write(|environment| {
        let known = find(environment.resources.find(&at.key)?, &at.action)?;
        let mut members = members_of(&known.fields);
        members.extend(body);
        let mut fields: Action = fields_of(members)?;
        fields.name_after(&known.key);
        let key = known.key.clone();
        let actions = &mut environment.resources.find_mut(&at.key)?.fields.actions;
        if let Some(action) = actions.get_mut(&key) {
            action.fields = fields;
            action.updated_at = now();
        }
        read(environment, &at.key, &key)
    })
}

async fn remove(State(store): Shared, Path(at): Path<ActionAt>) -> Result<StatusCode, Refusal> {
    store.write(|environment| {
        let key = find(environment.resources.find(&at.key)?, &at.action)?.key.clone();
        environment.resources.find_mut(&at.key)?.fields.actions.remove(&key);
        environment.revoke_lost_permissions();
        Ok(StatusCode::NO_CONTENT)
    })
}

fn read(environment: &Environment, resource: &str, action: &str) -> Result<Json<Value>, Refusal> {
    let resource = environment.resources.find(resource)?;
    Ok(Json(shown(environment, resource, find(resource, action)?)))
}

fn shown(environment: &Environment, resource: &Row<Resource>, action: &Part<Action>) -> Value {
    let mut shown = json!(action);
    let scope = environment.scope;
    shown["permission_name"] = json!(format!("{}:{}", resource.key, action.key));
    shown["organization_id"] = json!(scope.organization.simple());
    shown["project_id"] = json!(scope.project.simple());
    shown["environment_id"] = json!(scope.environment.simple());
    shown["resource_id"] = json!(resource.id.simple());
    shown["created_at"] = json!(action.created_at);
    shown["updated_at"] = json!(action.updated_at);
    shown
}
