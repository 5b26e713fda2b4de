//! `/oauth/token`: codes, refresh tokens, passwords and client credentials become tokens; `/oauth/revoke`.
//!
//! Forms and JSON are both read, as Auth0 reads both; errors are Auth0's. Nothing is given to an unknown client: the
//! browser's has only a name, the machine's has to prove who it is.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA},
    },
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

use super::{
    Issuer, management,
    personas::Persona,
    refresh_tokens::Family,
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

impl Parameters {
    fn client(&self) -> Result<&'static str, Refusal> {
        match self.client_id.as_deref() {
            Some(SPA) => Ok(SPA),
            Some(MACHINE) if self.client_secret.as_deref() == Some(MACHINE_SECRET) => Ok(MACHINE),
            _ => Err(refusal(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized")),
        }
    }
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
    // RFC 6749, section 5.1.
    let never_stored = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    (never_stored, answer).into_response()
}

type Issued = Result<Json<serde_json::Value>, Refusal>;

fn by_code(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let client = parameters.client()?;
    let code = parameters.code.as_deref().unwrap_or_default();
    let pending =
        issuer.state().codes.take(code).ok_or_else(|| invalid_grant("Invalid authorization code"))?;
    let verifier = parameters.code_verifier.as_deref().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != pending.challenge {
        return Err(invalid_grant("Failed to verify code verifier"));
    }
    if parameters.redirect_uri.as_ref() != Some(&pending.redirect_uri) || client != pending.client_id {
        return Err(invalid_grant("Invalid authorization code"));
    }
    let grant = Grant { client_id: pending.client_id, scope: pending.scope, gty: None };
    issue(issuer, &pending.persona, &grant, pending.audience.as_deref(), pending.nonce.as_deref())
}

fn by_refresh_token(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let client = parameters.client()?;
    let token = parameters.refresh_token.as_deref().unwrap_or_default();
    let exchanged = issuer.state().refresh_tokens.exchange(token, client);
    let (id, family) = exchanged.ok_or_else(|| invalid_grant("Unknown or invalid refresh token."))?;
    let grant = Grant { gty: Some("refresh_token"), ..family.grant };
    let mut answer = issue(issuer, &family.persona, &grant, family.audience.as_deref(), None)?;
    answer["refresh_token"] = json!(issuer.state().refresh_tokens.next(id));
    Ok(answer)
}

fn by_password(issuer: &Issuer, parameters: &Parameters) -> Issued {
    let client_id = parameters.client()?.to_owned();
    let username = parameters.username.as_deref().unwrap_or_default();
    let name = username.split('@').next().unwrap_or_default();
    if issuer.persona(name).is_none() || parameters.password.as_deref() != Some(name) {
        return Err(invalid_grant("Wrong email or password."));
    }
    let grant =
        Grant { client_id, scope: parameters.scope.clone().unwrap_or_default(), gty: Some("password") };
    issue(issuer, name, &grant, parameters.audience.as_deref(), None)
}

fn by_client(issuer: &Issuer, parameters: &Parameters) -> Issued {
    if parameters.client()? != MACHINE {
        let description = "Grant type 'client_credentials' not allowed for the client.";
        return Err(refusal(StatusCode::FORBIDDEN, "unauthorized_client", description));
    }
    let mut answer = json!({"expires_in": LIFETIME, "token_type": "Bearer"});
    let management = management::audience(issuer);
    let claims = if parameters.audience.as_ref() == Some(&management) {
        let scope = management::granted(parameters.scope.as_deref());
        answer["scope"] = json!(scope);
        tokens::machine(&management, &issuer.name, scope)
    } else if known_audience(issuer, parameters.audience.as_deref())? {
        tokens::machine(&issuer.settings.audience, &issuer.name, String::new())
    } else {
        let description = "No audience parameter was provided, and no default audience has been configured";
        return Err(refusal(StatusCode::FORBIDDEN, "access_denied", description));
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
        issuer.state().opaque_tokens.give(tokens::opaque(&issuer.name, &persona, grant))
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

async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let parameters = read(&headers, &body)?;
    let token = parameters.token.as_deref().unwrap_or_default();
    issuer.state().refresh_tokens.end(token, parameters.client()?);
    Ok(StatusCode::OK)
}
