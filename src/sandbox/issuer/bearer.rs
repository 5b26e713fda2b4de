//! The bearer token of a request, and whether this issuer gave it out.

use std::collections::HashMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use uuid::Uuid;

use super::{Issuer, Tenant, tokens};

/// Tokens that only the issuer can read, with what they stand for.
#[derive(Debug, Default)]
pub(super) struct OpaqueTokens(HashMap<String, Value>);

impl OpaqueTokens {
    pub(super) fn give(&mut self, claims: Value) -> String {
        self.0.retain(|_, claims| lives(claims));
        let token = Uuid::new_v4().simple().to_string();
        self.0.insert(token.clone(), claims);
        token
    }
}

/// What follows `Bearer`.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The claims of a token that is opaque or that the published key it names signed, and that has not expired.
pub(super) fn verified(issuer: &Issuer, token: &str) -> Option<Value> {
    let state = issuer.state();
    let opaque = state.opaque_tokens.0.get(token).cloned();
    opaque.or_else(|| signed(&state, token)).filter(lives)
}

fn signed(tenant: &Tenant, token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header = decoded(header)?;
    let key = tenant.published_keys().find(|key| header["kid"] == key.kid.as_str())?.jwk();
    let key = DecodingKey::from_rsa_components(key["n"].as_str()?, key["e"].as_str()?).ok()?;
    let fits = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, Algorithm::RS256).ok()?;
    if fits { decoded(payload) } else { None }
}

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn lives(claims: &Value) -> bool {
    claims["exp"].as_u64().is_some_and(|end| end > tokens::unix_now())
}
