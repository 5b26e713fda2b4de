//! Top-level roles and the permissions that they hold.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{post, put},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    collection::{self, Shared, null_as_default},
    environment::Environment,
    part_routes,
    refusal::Refusal,
    row::{Draft, Kind, Members, Row, Table},
    store::Store,
    users::{Bulk, UserAt},
    wire::{Body, Query},
};

/// What a role has beside the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Role {
    name: String,
    #[serde(default)]
    description: Option<String>,
    /// As `resource:action`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) permissions: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
    /// Keys of roles whose permissions this one has too.
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) extends: Vec<String>,
}

impl Role {
    pub(super) fn new(name: &str, permissions: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            permissions,
            attributes: Members::new(),
            extends: Vec::new(),
        }
    }
}

impl Kind for Role {
    const NAME: &'static str = "Role";
    const NOT_IMITATED: &'static [&'static str] = &["granted_to/users_with_role"];

    fn table<'a>(environment: &'a Environment, _parent: Option<&str>) -> Result<&'a Table<Self>, Refusal> {
        Ok(&environment.roles)
    }

    fn table_mut<'a>(
        environment: &'a mut Environment,
        _parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal> {
        Ok(&mut environment.roles)
    }

    fn complete(&mut self, draft: &Draft<'_, Self>) -> Result<(), Refusal> {
        let Draft { environment, body, .. } = draft;
        // Only what the request says is checked: a role must not become unchangeable by what it holds already.
        if body.contains_key("permissions") {
            let by_key = self.permissions.iter().map(|permission| by_key(environment, permission));
            self.permissions = by_key.collect::<Result<_, _>>()?;
        }
        if body.contains_key("extends") {
            let by_key = self.extends.iter().map(|role| Ok(environment.roles.find(role)?.key.clone()));
            self.extends = by_key.collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn extend(row: &Row<Self>, _environment: &Environment, _parent: Option<&str>, read: &mut Members) {
        read.insert(
            "granted_to".into(),
            json!({
                "id": row.id.simple().to_string(),
                "when": {"no_direct_roles_on_object": false},
                "users_with_role": [],
            }),
        );
    }

    fn matches(row: &Row<Self>, _environment: &Environment, query: &Query) -> bool {
        query.finds([Some(row.key.as_str()), Some(row.fields.name.as_str())])
    }

    fn forget(environment: &mut Environment, _parent: Option<&str>, row: &Row<Self>) {
        environment.drop_assignments(|held| held.role == row.key);
        for role in environment.roles.rows_mut() {
            role.fields.extends.retain(|parent| *parent != row.key);
        }
        environment.drop_lost_rules();
    }
}

/// Permissions to grant or to take.
#[derive(Debug, Deserialize)]
struct Grant {
    permissions: Vec<String>,
}

/// Everything under `roles` and `bulk/roles`.
pub(super) fn routes() -> Router<Arc<Store>> {
    collection::routes::<Role>("/roles")
        .route("/roles/{key}/permissions", post(grant).delete(take))
        .route("/bulk/roles", put(bulk))
}

async fn grant(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(grant): Body<Grant>,
) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        for permission in &grant.permissions {
            let permission = by_key(environment, permission)?;
            let held = &mut environment.roles.find_mut(&at.key)?.fields.permissions;
            if !held.contains(&permission) {
                held.push(permission);
            }
        }
        shown(environment, &at.key)
    })
}

async fn take(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(grant): Body<Grant>,
) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        // What does not exist is held by nobody.
        let taken: Vec<String> =
            grant.permissions.iter().filter_map(|permission| by_key(environment, permission).ok()).collect();
        let held = &mut environment.roles.find_mut(&at.key)?.fields.permissions;
        held.retain(|permission| !taken.contains(permission));
        shown(environment, &at.key)
    })
}

async fn bulk(State(store): Shared, Body(bulk): Body<Bulk>) -> Result<Json<Value>, Refusal> {
    store.transact(|environment| {
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for body in &bulk.operations {
            let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?;
            if environment.roles.get(key).is_some() {
                updated.push(collection::update::<Role>(environment, None, key, body)?);
            } else {
                created.push(collection::create::<Role>(environment, None, body)?);
            }
        }
        Ok(Json(json!({"created": created, "updated": updated})))
    })
}

fn shown(environment: &Environment, ident: &str) -> Result<Json<Value>, Refusal> {
    Ok(Json(collection::read(environment.roles.find(ident)?, environment, None)))
}

/// A permission names an action of a resource that exist, each by key or by id; here by keys.
pub(super) fn by_key(environment: &Environment, permission: &str) -> Result<String, Refusal> {
    let Some((resource, action)) = permission.split_once(':') else {
        return Err(Refusal::PermissionFormat { permission: permission.to_owned() });
    };
    let resource = environment.resources.find(resource)?;
    let action = part_routes::action(resource, action)?;
    Ok(format!("{}:{}", resource.key, action.key))
}
