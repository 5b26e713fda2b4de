//! What belongs to the sandbox and not to Auth0: tokens for the asking, key rotation, editing personas.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Issuer, Tenant,
    keys::{SigningKey, encoded, merged},
    personas::{PERSONAS, Persona},
    tokens::{self, Grant, SPA},
};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new()
        .route("/sandbox/token/{persona}", get(token))
        .route("/sandbox/token", post(any_token))
        .route("/sandbox/personas", get(personas))
        .route("/sandbox/users/{persona}", put(edit))
        .route("/sandbox/rotate", post(rotate))
        .route("/sandbox/revoke", post(revoke))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default = "all_scopes")]
    scope: String,
}

fn all_scopes() -> String {
    "openid profile email".to_owned()
}

/// A bare access token of a persona.
async fn token(
    State(issuer): State<Arc<Issuer>>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let grant = Grant { client_id: SPA.into(), scope: wanted.scope, gty: None };
    let claims = match issuer.persona(&name) {
        Some(persona) if persona.is_blocked() => {
            return (StatusCode::FORBIDDEN, "this account is blocked").into_response();
        }
        Some(persona) => tokens::access(&issuer.settings, &issuer.name, &persona, &grant),
        None if name == "service" => tokens::machine(&issuer.settings.audience, &issuer.name, String::new()),
        None => return (StatusCode::NOT_FOUND, nobody(&issuer, &name)).into_response(),
    };
    issuer.current_key().sign(&json!({}), &claims).into_response()
}

fn nobody(issuer: &Issuer, name: &str) -> String {
    if PERSONAS.iter().any(|(known, _)| *known == name) {
        return "this account was removed; it comes back when the sandbox is started again".into();
    }
    let names: Vec<&str> = issuer.state().personas.iter().map(|persona| persona.name).collect();
    format!("no such persona; there are {}", names.join(", "))
}

/// A token to order: members of header and claims go over those of an admin's token; `null` removes one.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    #[serde(default)]
    header: Value,
    #[serde(default)]
    claims: Value,
    #[serde(default)]
    key: OrderedKey,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum OrderedKey {
    #[default]
    Current,
    /// The next one: published, not yet used.
    Next,
    /// Another key under the current key's id.
    Foreign,
    /// No signature at all.
    None,
    /// HMAC, keyed with the public key: the classic confusion.
    Hs256PublicKey,
}

async fn any_token(
    State(issuer): State<Arc<Issuer>>,
    Json(order): Json<Order>,
) -> Result<String, StatusCode> {
    // Not a sign-in: an order is filled even when the account is gone.
    let admin = issuer.persona("admin").or_else(|| Persona::all().into_iter().next());
    let admin = admin.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let grant = Grant { client_id: SPA.into(), scope: all_scopes(), gty: None };
    let claims = merged(tokens::access(&issuer.settings, &issuer.name, &admin, &grant), &order.claims);
    let current = issuer.current_key();
    Ok(match order.key {
        OrderedKey::Current => current.sign(&order.header, &claims),
        OrderedKey::Next => issuer.state().next.sign(&order.header, &claims),
        OrderedKey::Foreign => {
            let header = merged(json!({"kid": current.kid}), &order.header);
            issuer.state().foreign.sign(&header, &claims)
        }
        OrderedKey::None => {
            let header = merged(json!({"alg": "none", "typ": "JWT", "kid": current.kid}), &order.header);
            format!("{}.{}.", encoded(&header), encoded(&claims))
        }
        OrderedKey::Hs256PublicKey => {
            let header = merged(json!({"alg": "HS256", "typ": "JWT", "kid": current.kid}), &order.header);
            let signed = format!("{}.{}", encoded(&header), encoded(&claims));
            let modulus =
                current.jwk()["n"].as_str().and_then(|n| URL_SAFE_NO_PAD.decode(n).ok()).unwrap_or_default();
            let secret = EncodingKey::from_secret(&modulus);
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, Algorithm::HS256)
                .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            format!("{signed}.{signature}")
        }
    })
}

async fn personas(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let known = PERSONAS.iter().filter_map(|(name, _)| issuer.persona(name));
    Json(known.map(|persona| json!({"sub": persona.sub(), "persona": persona})).collect())
}

/// Changes at the identity provider: a role given or taken, another address.
#[derive(Deserialize)]
struct Edit {
    roles: Option<Vec<String>>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
}

async fn edit(
    State(issuer): State<Arc<Issuer>>,
    Path(name): Path<String>,
    Json(edit): Json<Edit>,
) -> StatusCode {
    let mut state = issuer.state();
    let Tenant { personas, roles: known, .. } = &mut *state;
    let Some(persona) = personas.iter_mut().find(|persona| persona.name == name) else {
        return StatusCode::NOT_FOUND;
    };
    if let Some(roles) = edit.roles {
        known.extend(roles.iter().cloned());
        persona.roles = roles;
    }
    if let Some(email) = edit.email {
        persona.email = Some(email);
    }
    if let Some(verified) = edit.email_verified {
        persona.email_verified = verified;
    }
    if let Some(name) = edit.name {
        persona.full_name = Some(name);
    }
    persona.account.touch();
    StatusCode::NO_CONTENT
}

/// The next key signs from now on; the current one stays published.
async fn rotate(State(issuer): State<Arc<Issuer>>) -> StatusCode {
    let Ok(new) = tokio::task::spawn_blocking(SigningKey::new).await else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let mut state = issuer.state();
    let next = std::mem::replace(&mut state.next, new);
    let current = std::mem::replace(&mut state.current, next);
    state.previous = Some(current);
    StatusCode::NO_CONTENT
}

/// The previous key is gone, and its tokens with it.
async fn revoke(State(issuer): State<Arc<Issuer>>) -> StatusCode {
    issuer.state().previous = None;
    StatusCode::NO_CONTENT
}
