//! Users: read, list, change, remove.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    Caller, UserId, object,
    page::{self, Parameters},
    refusal::Refusal,
};
use crate::sandbox::issuer::{
    Issuer,
    personas::{Persona, moment},
};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new()
        .route("/api/v2/users", get(list))
        .route("/api/v2/users/{id}", get(read).patch(change).delete(remove))
        .route("/api/v2/users-by-email", get(by_email))
}

async fn read(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
    Query(query): Query<Parameters>,
) -> Result<Json<Value>, Refusal> {
    caller.may("read:users,read:current_user")?;
    Ok(Json(selected(user(id.find(&issuer.state())?), &query)))
}

async fn list(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Json<Value>, Refusal> {
    caller.may("read:users")?;
    if query.contains_key("q") {
        // An unfiltered answer to a search would be a wrong one.
        return Err(Refusal::Query("The sandbox cannot search; it has /users-by-email".into()));
    }
    let users = issuer.state().personas.iter().map(|persona| selected(user(persona), &query)).collect();
    page::cut(&query, "users", users).map(Json)
}

async fn by_email(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Json<Value>, Refusal> {
    caller.may("read:users")?;
    let Some(email) = query.get("email") else {
        return Err(Refusal::Query("Missing required property: email".into()));
    };
    let state = issuer.state();
    let named = state.personas.iter().filter(|persona| persona.email.as_ref() == Some(email));
    Ok(Json(named.map(|persona| selected(user(persona), &query)).collect()))
}

async fn change(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    caller.may("update:users")?;
    let changes = object(&body)?;
    let mut state = issuer.state();
    let persona = id.find_mut(&mut state)?;
    // All of it or nothing.
    let mut new = persona.clone();
    for (name, value) in changes {
        set(&mut new, &name, value)?;
    }
    new.account.touch();
    *persona = new;
    Ok(Json(user(persona)))
}

/// Says the same whether somebody was there or not.
async fn remove(
    State(issuer): State<Arc<Issuer>>,
    caller: Caller,
    id: UserId,
) -> Result<StatusCode, Refusal> {
    caller.may("delete:users,delete:current_user")?;
    let mut state = issuer.state();
    if let Ok(persona) = id.find(&state) {
        let name = persona.name;
        state.refresh_tokens.end_all_of(name);
        state.personas.retain(|persona| persona.name != name);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn set(persona: &mut Persona, name: &str, value: Value) -> Result<(), Refusal> {
    match name {
        "email" => persona.email = Some(text(name, value)?),
        "email_verified" => persona.email_verified = flag(name, &value)?,
        "name" => persona.full_name = Some(text(name, value)?),
        "blocked" => persona.account.blocked = Some(flag(name, &value)?),
        "nickname" | "given_name" | "family_name" | "picture" => {
            let text = text(name, value)?;
            persona.account.profile.insert(name.to_owned(), text.into());
        }
        "app_metadata" => merge(&mut persona.account.app_metadata, name, value)?,
        "user_metadata" => merge(&mut persona.account.user_metadata, name, value)?,
        _ => return Err(Refusal::Body(format!("Additional properties not allowed: {name}"))),
    }
    Ok(())
}

fn text(name: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Refusal::Body(format!("Expected type string on property {name}"))),
    }
}

fn flag(name: &str, value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| Refusal::Body(format!("Expected type boolean on property {name}")))
}

/// Metadata are merged at the first level; `null` removes a member.
fn merge(metadata: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), Refusal> {
    let Value::Object(changes) = value else {
        return Err(Refusal::Body(format!("Expected type object on property {name}")));
    };
    metadata.extend(changes);
    metadata.retain(|_, value| !value.is_null());
    Ok(())
}

/// A user as Auth0 shows one.
fn user(persona: &Persona) -> Value {
    let account = &persona.account;
    let sub = persona.sub();
    let (provider, id) = sub.split_once('|').unwrap_or_default();
    let mut user = json!({
        "user_id": sub,
        "email": persona.email,
        "email_verified": persona.email_verified,
        "name": persona.full_name,
        "nickname": persona.name,
        "identities": [{
            "connection": "Username-Password-Authentication",
            "provider": provider,
            "user_id": id,
            "isSocial": false,
        }],
        "app_metadata": account.app_metadata,
        "user_metadata": account.user_metadata,
        "created_at": moment(account.created_at),
        "updated_at": moment(account.updated_at),
    });
    if let Some(blocked) = account.blocked {
        user["blocked"] = json!(blocked);
    }
    for (name, value) in &account.profile {
        user[name] = value.clone();
    }
    user
}

/// The members that `fields` names, or, with `include_fields=false`, the others.
fn selected(user: Value, query: &Parameters) -> Value {
    let (Some(fields), Value::Object(members)) = (query.get("fields"), &user) else { return user };
    let include = query.get("include_fields").is_none_or(|value| value == "true");
    let named = |name: &str| fields.split(',').any(|field| field == name);
    let shown = members.iter().filter(|(name, _)| named(name) == include);
    shown.map(|(name, value)| (name.clone(), value.clone())).collect()
}
