//! The actions and the attributes of one resource, one by one. An action that is removed is taken from every role.

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
    collection::{Shared, fields_of, members_of},
    environment::Environment,
    parts::{Part, Parts},
    refusal::Refusal,
    resources::{Action, Attribute, Resource},
    row::{Members, Row, is_plain_key, now},
    store::Store,
    users::UserAt,
    wire::Body,
};

/// What differs between the kinds of parts.
trait PartKind: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// As error messages name it.
    const NAME: &'static str;

    fn of(resource: &Resource) -> &Parts<Self>;

    fn of_mut(resource: &mut Resource) -> &mut Parts<Self>;

    /// Fills in what follows from the key.
    fn complete(&mut self, _key: &str) {}

    /// Adds to the answer what is not a field.
    fn extend(_key: &str, _resource: &Row<Resource>, _shown: &mut Value) {}
}

impl PartKind for Action {
    const NAME: &'static str = "Action";

    fn of(resource: &Resource) -> &Parts<Self> {
        &resource.actions
    }

    fn of_mut(resource: &mut Resource) -> &mut Parts<Self> {
        &mut resource.actions
    }

    fn complete(&mut self, key: &str) {
        self.name_after(key);
    }

    fn extend(key: &str, resource: &Row<Resource>, shown: &mut Value) {
        shown["permission_name"] = json!(format!("{}:{key}", resource.key));
    }
}

impl PartKind for Attribute {
    const NAME: &'static str = "Attribute";

    fn of(resource: &Resource) -> &Parts<Self> {
        &resource.attributes
    }

    fn of_mut(resource: &mut Resource) -> &mut Parts<Self> {
        &mut resource.attributes
    }

    fn extend(_key: &str, resource: &Row<Resource>, shown: &mut Value) {
        shown["resource_key"] = json!(resource.key);
        shown["built_in"] = json!(false);
    }
}

#[derive(Debug, Deserialize)]
struct PartAt {
    key: String,
    part: String,
}

/// Everything under `resources/{key}/actions` and `resources/{key}/attributes`.
pub(super) fn routes() -> Router<Arc<Store>> {
    routes_of::<Action>("actions").merge(routes_of::<Attribute>("attributes"))
}

fn routes_of<P: PartKind>(parts: &str) -> Router<Arc<Store>> {
    let path = format!("/resources/{{key}}/{parts}");
    Router::new()
        .route(&path, get(list::<P>).post(create::<P>))
        .route(&format!("{path}/{{part}}"), get(get_one::<P>).patch(update::<P>).delete(remove::<P>))
}

/// The action of `resource` that has this key or this id.
pub(super) fn action<'a>(resource: &'a Row<Resource>, ident: &str) -> Result<&'a Part<Action>, Refusal> {
    find(resource, ident)
}

fn find<'a, P: PartKind>(resource: &'a Row<Resource>, ident: &str) -> Result<&'a Part<P>, Refusal> {
    let found = P::of(&resource.fields).values().find(|part| part.is(ident));
    found.ok_or_else(|| Refusal::NotFound { kind: P::NAME, ident: ident.to_owned() })
}

async fn list<P: PartKind>(State(store): Shared, Path(at): Path<UserAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| {
        let resource = environment.resources.find(&at.key)?;
        let parts = P::of(&resource.fields).values();
        Ok(Json(parts.map(|part| shown(environment, resource, part)).collect()))
    })
}

async fn create<P: PartKind>(
    State(store): Shared,
    Path(at): Path<UserAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    let key = body.get("key").and_then(Value::as_str).ok_or_else(|| Refusal::missing("key"))?.to_owned();
    if !is_plain_key(&key) {
        return Err(Refusal::invalid("key", "string does not match the pattern of keys"));
    }
    let mut fields: P = fields_of(body)?;
    fields.complete(&key);
    store.write(|environment| {
        let parts = P::of_mut(&mut environment.resources.find_mut(&at.key)?.fields);
        if parts.contains_key(&key) {
            return Err(Refusal::taken(P::NAME, "key", &key));
        }
        parts.insert(key.clone(), Part::new(&key, fields));
        read::<P>(environment, &at.key, &key)
    })
}

async fn get_one<P: PartKind>(State(store): Shared, Path(at): Path<PartAt>) -> Result<Json<Value>, Refusal> {
    store.read(|environment| read::<P>(environment, &at.key, &at.part))
}

async fn update<P: PartKind>(
    State(store): Shared,
    Path(at): Path<PartAt>,
    Body(body): Body<Members>,
) -> Result<Json<Value>, Refusal> {
    store.write(|environment| {
        let known = find::<P>(environment.resources.find(&at.key)?, &at.part)?;
        let mut members = members_of(&known.fields);
        members.extend(body);
        let mut fields: P = fields_of(members)?;
        fields.complete(&known.key);
        let key = known.key.clone();
        let parts = P::of_mut(&mut environment.resources.find_mut(&at.key)?.fields);
        if let Some(part) = parts.get_mut(&key) {
            part.fields = fields;
            part.updated_at = now();
        }
        read::<P>(environment, &at.key, &key)
    })
}

async fn remove<P: PartKind>(State(store): Shared, Path(at): Path<PartAt>) -> Result<StatusCode, Refusal> {
    store.write(|environment| {
        let key = find::<P>(environment.resources.find(&at.key)?, &at.part)?.key.clone();
        P::of_mut(&mut environment.resources.find_mut(&at.key)?.fields).remove(&key);
        environment.revoke_lost_permissions();
        Ok(StatusCode::NO_CONTENT)
    })
}

fn read<P: PartKind>(environment: &Environment, resource: &str, part: &str) -> Result<Json<Value>, Refusal> {
    let resource = environment.resources.find(resource)?;
    Ok(Json(shown(environment, resource, find::<P>(resource, part)?)))
}

fn shown<P: PartKind>(environment: &Environment, resource: &Row<Resource>, part: &Part<P>) -> Value {
    let mut shown = json!(part);
    let scope = environment.scope;
    shown["organization_id"] = json!(scope.organization.simple());
    shown["project_id"] = json!(scope.project.simple());
    shown["environment_id"] = json!(scope.environment.simple());
    shown["resource_id"] = json!(resource.id.simple());
    shown["created_at"] = json!(part.created_at);
    shown["updated_at"] = json!(part.updated_at);
    P::extend(&part.key, resource, &mut shown);
    shown
}
