//! `/userinfo` (OpenID Connect Core, section 5.3): what the granted scopes tell about the bearer of a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{
    Issuer,
    keys::SigningKey,
    tokens::{self, Grant, SPA},
};

pub(super) fn routes() -> Router<Arc<Issuer>> {
    Router::new().route("/userinfo", get(user_info).post(user_info))
}

async fn user_info(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    let told = token.and_then(|token| verified(&issuer, token)).and_then(|claims| profile(&issuer, &claims));
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

/// The claims of a token that one of our published keys signed and that has not expired.
fn verified(issuer: &Issuer, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let state = issuer.state();
    let published = [Some(&state.current), Some(&state.next), state.previous.as_ref()];
    let fits = |key: &SigningKey| {
        let jwk = key.jwk();
        let key = DecodingKey::from_rsa_components(jwk["n"].as_str()?, jwk["e"].as_str()?).ok()?;
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, Algorithm::RS256).ok()
    };
    let signed_here = published.into_iter().flatten().any(|key| fits(key) == Some(true));
    (signed_here && claims["exp"].as_u64()? > tokens::unix_now()).then_some(claims)
}
