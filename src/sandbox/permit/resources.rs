//! Resources and their actions.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    collection::{self, Shared, null_as_default},
    environment::Environment,
    refusal::Refusal,
    row::{Kind, Members, Row, Table, is_plain_key, now},
    store::Store,
    users::UserAt,
    wire::{Body, Query},
};

/// What a resource has beside the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    name: String,
    #[serde(default)]
    urn: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) actions: BTreeMap<String, Action>,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
    #[serde(default, deserialize_with = "null_as_default")]
    type_attributes: Members,
}

/// What can be done with a resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Action {
    #[serde(default = "Uuid::new_v4", with = "uuid::serde::simple")]
    id: Uuid,
    #[serde(default)]
    key: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
}

impl Action {
    pub(super) fn named(key: &str) -> Self {
        Self {
            id: Uuid::new_v4(),
            key: key.to_owned(),
            name: Some(key.to_owned()),
            description: None,
            attributes: Members::new(),
        }
    }
}

impl Resource {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            urn: None,
            description: None,
            actions: BTreeMap::new(),
            attributes: Members::new(),
            type_attributes: Members::new(),
        }
    }
}

impl Kind for Resource {
    const NAME: &'static str = "Resource";
    const REQUIRED: &'static [&'static str] = &["key", "name", "actions"];

    fn table<'a>(environment: &'a Environment, _parent: Option<&str>) -> Result<&'a Table<Self>, Refusal> {
        Ok(&environment.resources)
    }

    fn table_mut<'a>(
        environment: &'a mut Environment,
        _parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal> {
        Ok(&mut environment.resources)
    }

    fn complete(&mut self, _draft: &super::row::Draft<'_>) -> Result<(), Refusal> {
        for (key, action) in &mut self.actions {
            if !is_plain_key(key) {
                return Err(Refusal::invalid("actions", "string does not match the pattern of keys"));
            }
            action.key.clone_from(key);
            action.name.get_or_insert_with(|| key.clone());
        }
        Ok(())
    }

    fn extend(_row: &Row<Self>, _environment: &Environment, _parent: Option<&str>, read: &mut Members) {
        for name in ["roles", "relations", "action_groups"] {
            read.insert(name.to_owned(), json!({}));
        }
    }

    fn matches(row: &Row<Self>, _environment: &Environment, query: &Query) -> bool {
        let built_in = row.key.starts_with("__") && !query.is_true("include_built_in");
        !built_in && query.finds([Some(row.key.as_str()), Some(row.fields.name.as_str())])
    }

    fn forget(environment: &mut Environment, _parent: Option<&str>, row: &Row<Self>) {
        let prefix = format!("{}:", row.key);
        for role in environment.roles.rows_mut() {
            role.fields.permissions.retain(|permission| !permission.starts_with(&prefix));
        }
    }
}

#[derive(Debug, Deserialize)]
struct ActionAt {
    key: String,
    action: String,
}

/// Everything under `resources`.
pub(super) fn routes() -> Router<Arc<Store>> {
    collection::routes::<Resource>("/resources")
        .route("/resources/{key}/actions", get(list_actions).post(create_action))
        .route("/resources/{key}/actions/{action}", get(get_action).delete(delete_action))
}

async fn list_actions(State(store): Shared, Path(at): Path<UserAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let resource = environment.resources.find(&at.key)?;
        Ok(Json(
            resource.fields.actions.values().map(|action| shown(environment, resource, action)).collect(),
        ))
    })
}

async fn create_action(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?.to_owned();
    let mut action: Action = serde_json::from_value(body.into()).map_err(|error| Refusal::body(&error))?;
    action.key.clone_from(&key);
    store.write(|environment| {
        if !is_plain_key(&key) {
            return Err(Refusal::invalid("key", "string does not match the pattern of keys"));
        }
        let actions = &mut environment.resources.find_mut(&at.key)?.fields.actions;
        if actions.contains_key(&key) {
            return Err(Refusal::Exists { kind: "Action", ident: key });
        }
        actions.insert(key.clone(), action);
        find_action(environment, &at.key, &key)
    })
}

async fn get_action(State(store): Shared, Path(at): Path<ActionAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| find_action(environment, &at.key, &at.action))
}

async fn delete_action(State(store): Shared, Path(at): Path<ActionAt>) -> Result<StatusCode, Refusal> {
    store.write(|environment| {
        let resource = environment.resources.find_mut(&at.key)?;
        let Some(action) = resource.fields.actions.remove(&at.action) else {
            return Err(Refusal::NotFound { kind: "Action", ident: at.action });
        };
        let permission = format!("{}:{}", resource.key, action.key);
        for role in environment.roles.rows_mut() {
            role.fields.permissions.retain(|held| *held != permission);
        }
        Ok(StatusCode::NO_CONTENT)
    })
}

fn find_action(environment: &Environment, resource: &str, action: &str) -> Result<Json<Value>, Refusal> {
    let resource = environment.resources.find(resource)?;
    match resource.fields.actions.get(action) {
        Some(action) => Ok(Json(shown(environment, resource, action))),
        None => Err(Refusal::NotFound { kind: "Action", ident: action.to_owned() }),
    }
}

fn shown(environment: &Environment, resource: &Row<Resource>, action: &Action) -> Value {
    let mut shown = json!(action);
    let scope = environment.scope;
    shown["permission_name"] = json!(format!("{}:{}", resource.key, action.key));
    shown["organization_id"] = json!(scope.organization.simple());
    shown["project_id"] = json!(scope.project.simple());
    shown["environment_id"] = json!(scope.environment.simple());
    shown["resource_id"] = json!(resource.id.simple());
    shown["created_at"] = json!(resource.created_at);
    shown["updated_at"] = json!(now());
    shown
}
