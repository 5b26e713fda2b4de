//! A signed token: three parts, a header that names an allowed algorithm and a known key, a signature that fits.
//!
//! The order matters: nothing of the payload is read before the signature was checked, and nothing in the token
//! (`jku`, `x5u`, `jwk`, `iss`) ever causes a request.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use super::{AuthError, Reason};

/// Longest key id that is looked up, in bytes.
const MAX_KID_BYTES: usize = 256;

/// `header.payload.signature`, split but not trusted (RFC 7515, section 7.1).
pub(super) struct SignedToken<'a> {
    /// What the signature covers: the received bytes, not a re-encoding of them.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
    pub(super) kid: String,
}

/// The members of the header that matter; serde refuses any of them twice.
#[derive(Deserialize)]
struct Header {
    alg: Option<Value>,
    kid: Option<Value>,
    typ: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    b64: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    zip: Option<Value>,
}

/// A member that is there, if only as `null`: what must not be there is refused then too.
pub(super) fn present<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(member).map(Some)
}

impl<'a> SignedToken<'a> {
    /// Splits `token` and checks its header.
    ///
    /// # Errors
    /// Why it cannot be an access token of this API.
    pub(super) fn parse(token: &'a str) -> Result<Self, AuthError> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            // One part: an opaque token. Five parts: an encrypted one (RFC 7516, section 7.1).
            let reason = if matches!(parts.len(), 1 | 5) { Reason::OpaqueToken } else { Reason::Malformed };
            return Err(AuthError::Invalid(reason));
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        let kid = json::<Header>(header)?.check()?;
        if payload.is_empty() || signature.is_empty() {
            return Err(AuthError::Invalid(Reason::Malformed));
        }
        Ok(Self { signed, payload, signature, kid })
    }

    /// Checks the signature and reads the payload.
    ///
    /// # Errors
    /// [`Reason::BadSignature`], or [`Reason::Malformed`] for a payload that is not an object of claims.
    pub(super) fn verify<T: DeserializeOwned>(&self, key: &DecodingKey) -> Result<T, AuthError> {
        match jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, Algorithm::RS256) {
            Ok(true) => json(self.payload),
            Ok(false) | Err(_) => Err(AuthError::Invalid(Reason::BadSignature)),
        }
    }
}

impl Header {
    /// The key id of a header that may stand on an access token.
    fn check(self) -> Result<String, AuthError> {
        let refuse = |reason| Err(AuthError::Invalid(reason));
        if self.crit.is_some() || self.b64.is_some() {
            return refuse(Reason::UnsupportedCrit);
        }
        if self.zip.is_some() {
            return refuse(Reason::Malformed);
        }
        // Exact text: an algorithm is never chosen by the token, only confirmed.
        if self.alg.as_ref().and_then(Value::as_str) != Some("RS256") {
            return refuse(Reason::AlgorithmNotAllowed);
        }
        match &self.typ {
            None => {}
            Some(Value::String(typ)) if is_access_token_type(typ) => {}
            Some(_) => return refuse(Reason::WrongType),
        }
        match self.kid {
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Ok(kid),
            _ => refuse(Reason::UnknownKey),
        }
    }
}

/// Auth0's default profile says `JWT`, RFC 9068 (section 2.1) `at+jwt`.
fn is_access_token_type(typ: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, AuthError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Invalid(Reason::Malformed))?;
    serde_json::from_slice(&bytes).map_err(|_| AuthError::Invalid(Reason::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{Config, claims::Claims},
        fuzz::fuzz,
    };

    #[test]
    fn fuzz_tokens() {
        let key = DecodingKey::from_rsa_components(&URL_SAFE_NO_PAD.encode([0xC5; 256]), "AQAB").unwrap();
        let config = Config::for_issuer("https://issuer.example/", "api", "roles");
        let claims = r#"{"iss":"https://issuer.example/","aud":["api"],"sub":"auth0|ada","exp":1e10,"iat":1,"org_id":"o","roles":["a"]}"#;
        let [header, payload] =
            [r#"{"alg":"RS256","typ":"at+jwt","kid":"k"}"#, claims].map(|json| URL_SAFE_NO_PAD.encode(json));
        let token = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
        let mut read = 0;
        fuzz("tokens", &[&token, &format!("Bearer {token}"), "Bearer a.b.c", claims], |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let _ = crate::auth::AccessToken::from_authorization(&text);
            if let Ok(signed) = SignedToken::parse(&text) {
                assert!(signed.verify::<Claims>(&key).is_err(), "nobody signed this");
            }
            if let Ok(claims) = serde_json::from_slice::<Claims>(bytes) {
                read += 1;
                let _ = claims.verify(&config, 1_000.0);
            }
        });
        assert!(read > 0);
    }

    #[test]
    fn a_member_that_is_null_is_there() {
        for (member, reason) in
            [("crit", Reason::UnsupportedCrit), ("b64", Reason::UnsupportedCrit), ("zip", Reason::Malformed)]
        {
            let header = format!(r#"{{"alg": "RS256", "kid": "k", "{member}": null}}"#);
            let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(SignedToken::parse(&token).err(), Some(AuthError::Invalid(reason)), "{member}");
        }
        let plain = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg": "RS256", "kid": "k"}"#));
        assert!(SignedToken::parse(&plain).is_ok());
    }
}
