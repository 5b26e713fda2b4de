//! The bearer token of a request, and whether this issuer signed it.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{Issuer, keys::SigningKey, tokens};

/// What follows `Bearer`.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The claims of a token that one of our published keys signed and that has not expired.
pub(super) fn verified(issuer: &Issuer, token: &str) -> Option<Value> {
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
