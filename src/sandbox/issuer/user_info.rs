//! `/userinfo` (OpenID Connect Core, section 5.3): what the granted scopes tell about the bearer of a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;

use super::{
    Issuer, bearer,
    tokens::{self, Grant, SPA},
};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/userinfo", get(user_info).post(user_info))
}

async fn user_info(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    let claims = bearer::token(&headers).and_then(|token| bearer::verified(&issuer, token));
    let told = claims.and_then(|claims| profile(&issuer, &claims));
    let Some(told) = told else {
        let challenge = r#"Bearer realm="Users", error="invalid_token""#;
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], "Unauthorized").into_response();
    };
    Json(told).into_response()
}

fn profile(issuer: &Issuer, claims: &Value) -> Option<Value> {
    let scope = claims["scope"].as_str().unwrap_or_default().to_owned();
    let grant = Grant { client_id: SPA.into(), scope, gty: None };
    let persona = issuer.persona(claims["sub"].as_str()?.strip_prefix("auth0|sandbox-")?)?;
    let here = format!("{}userinfo", issuer.name);
    let meant = claims["aud"].as_array()?.iter().any(|audience| *audience == here.as_str());
    (meant && grant.has("openid")).then(|| tokens::profile(&persona, &grant))
}
