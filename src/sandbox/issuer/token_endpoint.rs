//! `/oauth/token`: codes, refresh tokens, passwords and client credentials become tokens; `/oauth/revoke`.
//!
//! Forms and JSON are both read, as Auth0 reads both; errors are Auth0's.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Issuer, management,
    personas::Persona,
    tokens::{self, Grant, LIFETIME, MACHINE, MACHINE_SECRET, SPA},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    code: Option<String>,
    code_verifier: Option<String>,
    redirect_uri: Option<String>,
    refresh_token: Option<String>,
    username: Option<String>,
    password: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
    token: Option<String>,
}

/// One sign-in and all the refresh tokens that follow from it. A token that is used twice ends the family.
#[derive(Debug, Clone)]
struct Family {
    persona: String,
    grant: Grant,
    audience: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct RefreshTokens {
    families: HashMap<Uuid, Family>,
    /// Token to its family, and whether it was used.
    tokens: HashMap<String, (Uuid, bool)>,
}

type Refusal = (StatusCode, Json<serde_json::Value>);

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/oauth/token", post(token)).route("/oauth/revoke", post(revoke))
}

fn refusal(status: StatusCode, error: &str, description: &str) -> Refusal {
    (status, Json(json!({"error": error, "error_description": description})))
}

fn invalid_grant(description: &str) -> Refusal {
    refusal(StatusCode::FORBIDDEN, "invalid_grant", description)
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, Refusal> {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let read = if kind.starts_with("application/json") {
        serde_json::from_slice(body).ok()
    } else {
        serde_urlencoded::from_bytes(body).ok()
    };
    let mut parameters: Parameters =
        read.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "invalid_request", "The body cannot be read"))?;
    if let Some((id, secret)) = basic(headers) {
        parameters.client_id = Some(id);
        parameters.client_secret = Some(secret);
    }
    Ok(parameters)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

async fn token(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = read(&headers, &body).and_then(|parameters| match parameters.grant_type.as_str() {
        "authorization_code" => by_code(&issuer, &parameters),
        "refresh_token" => by_refresh_token(&issuer, &parameters),
        "password" | "http://auth0.com/oauth/grant-type/password-realm" => by_password(&issuer, &parameters),
        "client_credentials" => by_client(&issuer, &parameters),
        _ => Err(refusal(StatusCode::FORBIDDEN, "unsupported_grant_type", "Unsupported grant type")),
    });
    answer.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

type Issued = Result<Json<serde_json::Value>, Refusal>;

fn by_code(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let code = parameters.code.as_deref().unwrap_or_default();
    let pending =
        issuer.state().codes.take(code).ok_or_else(|| invalid_grant("Invalid authorization code"))?;
    let verifier = parameters.code_verifier.as_deref().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != pending.challenge {
        return Err(invalid_grant("Failed to verify code verifier"));
    }
    let same = parameters.redirect_uri.as_ref() == Some(&pending.redirect_uri)
        && parameters.client_id.as_ref() == Some(&pending.client_id);
    if !same {
        return Err(invalid_grant("Invalid authorization code"));
    }
    let grant = Grant { client_id: pending.client_id, scope: pending.scope, gty: None };
    issue(issuer, &pending.persona, &grant, pending.audience.as_deref(), pending.nonce.as_deref())
}

fn by_refresh_token(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let token = parameters.refresh_token.as_deref().unwrap_or_default();
    let exchanged = issuer.state().refresh_tokens.exchange(token);
    let (id, family) = exchanged.ok_or_else(|| invalid_grant("Unknown or invalid refresh token."))?;
    let grant = Grant { gty: Some("refresh_token"), ..family.grant };
    let mut answer = issue(issuer, &family.persona, &grant, family.audience.as_deref(), None)?;
    answer["refresh_token"] = json!(issuer.state().refresh_tokens.next(id));
    Ok(answer)
}

fn by_password(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let username = parameters.username.as_deref().unwrap_or_default();
    let name = username.split('@').next().unwrap_or_default();
    if issuer.persona(name).is_none() || parameters.password.as_deref() != Some(name) {
        return Err(invalid_grant("Wrong email or password."));
    }
    let client_id = parameters.client_id.clone().unwrap_or_else(|| SPA.to_owned());
    let grant =
        Grant { client_id, scope: parameters.scope.clone().unwrap_or_default(), gty: Some("password") };
    issue(issuer, name, &grant, parameters.audience.as_deref(), None)
}

fn by_client(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let known = parameters.client_id.as_deref() == Some(MACHINE)
        && parameters.client_secret.as_deref() == Some(MACHINE_SECRET);
    if !known {
        return Err(refusal(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized"));
    }
    let mut answer = json!({"expires_in": LIFETIME, "token_type": "Bearer"});
    let management = management::audience(issuer);
    let claims = if parameters.audience.as_ref() == Some(&management) {
        let scope = management::granted(parameters.scope.as_deref());
        answer["scope"] = json!(scope);
        tokens::machine(&management, &issuer.name, scope)
    } else {
        known_audience(issuer, parameters.audience.as_deref())?;
        tokens::machine(&issuer.settings.audience, &issuer.name, String::new())
    };
    answer["access_token"] = json!(issuer.current_key().sign(&json!({}), &claims));
    Ok(Json(answer))
}

/// `Ok(false)` when none was asked for.
fn known_audience(issuer: &Issuer, audience: Option<&str>) -> Result<bool, Refusal> {
    match audience {
        None => Ok(false),
        Some(audience) if audience == issuer.settings.audience => Ok(true),
        Some(audience) => {
            let description = format!("Service not found: {audience}");
            Err(refusal(StatusCode::FORBIDDEN, "access_denied", &description))
        }
    }
}

fn issue(issuer: &Issuer, name: &str, grant: &Grant, audience: Option<&str>, nonce: Option<&str>) -> Issued {
    let persona: Persona = issuer.persona(name).ok_or_else(|| invalid_grant("Unknown user"))?;
    if persona.is_blocked() {
        return Err(refusal(StatusCode::UNAUTHORIZED, "unauthorized", "user is blocked"));
    }
    let key = issuer.current_key();
    let access_token = if known_audience(issuer, audience)? {
        key.sign(&json!({}), &tokens::access(&issuer.settings, &issuer.name, &persona, grant))
    } else {
        // Without an audience Auth0 gives a token that only it can read.
        Uuid::new_v4().simple().to_string()
    };
    let mut answer = json!({
        "access_token": access_token, "scope": grant.scope, "expires_in": LIFETIME, "token_type": "Bearer",
    });
    if grant.has("openid") {
        let claims = tokens::id(&issuer.name, &persona, grant, nonce, &issuer.settings.roles_claim);
        answer["id_token"] = json!(key.sign(&json!({}), &claims));
    }
    if grant.has("offline_access") && grant.gty != Some("refresh_token") {
        let family =
            Family { persona: name.to_owned(), grant: grant.clone(), audience: audience.map(str::to_owned) };
        answer["refresh_token"] = json!(issuer.state().refresh_tokens.give(family));
    }
    Ok(Json(answer))
}

async fn revoke(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: Bytes) -> Response {
    match read(&headers, &body) {
        Ok(parameters) => {
            issuer.state().refresh_tokens.end(parameters.token.as_deref().unwrap_or_default());
            StatusCode::OK.into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

impl RefreshTokens {
    fn give(&mut self, family: Family) -> String {
        let id = Uuid::new_v4();
        self.families.insert(id, family);
        self.next(id)
    }

    fn next(&mut self, family: Uuid) -> String {
        let token = Uuid::new_v4().simple().to_string();
        self.tokens.insert(token.clone(), (family, false));
        token
    }

    /// The sign-in behind an unused token. A used one is stolen or replayed: the whole family ends.
    fn exchange(&mut self, token: &str) -> Option<(Uuid, Family)> {
        let (id, used) = self.tokens.get_mut(token)?;
        if std::mem::replace(used, true) {
            let id = *id;
            self.families.remove(&id);
            return None;
        }
        Some((*id, self.families.get(id).cloned()?))
    }

    /// Ends every sign-in of a persona.
    pub(super) fn end_all_of(&mut self, persona: &str) {
        self.families.retain(|_, family| family.persona != persona);
    }

    fn end(&mut self, token: &str) {
        if let Some((id, _)) = self.tokens.remove(token) {
            self.families.remove(&id);
        }
    }
}
