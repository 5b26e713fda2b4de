//! `/userinfo` (OpenID Connect Core, section 5.3): what the granted scopes tell about the bearer of a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Issuer, bearer,
    personas::Persona,
    tokens::{self, Grant, SPA},
};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/userinfo", get(user_info).post(user_info))
}

/// Why nothing is told (RFC 6750, section 3.1).
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Token,
    Scope,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Token => {
                let challenge = r#"Bearer realm="Users", error="invalid_token""#;
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], "Unauthorized").into_response()
            }
            Self::Scope => {
                let challenge = r#"Bearer realm="Users", error="insufficient_scope", scope="openid""#;
                let body = json!({"error": "insufficient_scope", "error_description": "openid is required"});
                (StatusCode::FORBIDDEN, [(WWW_AUTHENTICATE, challenge)], Json(body)).into_response()
            }
        }
    }
}

async fn user_info(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let claims = bearer::token(&headers).and_then(|token| bearer::verified(&issuer, token));
    let claims = claims.ok_or(Refusal::Token)?;
    let scope = claims["scope"].as_str().unwrap_or_default().to_owned();
    let grant = Grant { client_id: SPA.into(), scope, gty: None };
    if !grant.has("openid") {
        return Err(Refusal::Scope);
    }
    let persona = bearer_of(&issuer, &claims).ok_or(Refusal::Token)?;
    let allowance = issuer.state().allowances.call(persona.name);
    if !allowance.admitted {
        let body = json!({"error": "too_many_requests", "error_description": "Too Many Requests"});
        return Ok((StatusCode::TOO_MANY_REQUESTS, allowance.headers(), Json(body)).into_response());
    }
    let profile = tokens::profile(&persona, &grant, &issuer.settings.roles_claim);
    Ok((allowance.headers(), Json(profile)).into_response())
}

/// Whose the token is, if it is meant for this place.
fn bearer_of(issuer: &Issuer, claims: &Value) -> Option<Persona> {
    let here = format!("{}userinfo", issuer.name);
    let meant = claims["aud"].as_array()?.iter().any(|audience| *audience == here.as_str());
    let persona = issuer.persona(claims["sub"].as_str()?.strip_prefix("auth0|sandbox-")?)?;
    meant.then_some(persona)
}
