//! The issuer's signing keys (RFC 7517, section 5): which of them may verify, picked one by one, so that an odd
//! entry does not spoil the set.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// Shortest modulus that is accepted, in bytes: 2048 bits.
const MIN_MODULUS_BYTES: usize = 256;
/// Most keys that are kept; Auth0 publishes two or three.
const MAX_KEYS: usize = 32;

/// Keys by their id.
pub(super) type Keys = HashMap<String, Arc<DecodingKey>>;

/// A key set as published.
#[derive(Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

/// One entry; `x5c` and `x5t` are ignored, because the certificate in them means nothing.
#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: String,
    n: String,
    e: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    /// A private key in a public place.
    d: Option<Value>,
}

impl KeySet {
    /// How many entries there are, usable or not.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that may verify RS256.
    pub(super) fn usable(self) -> Keys {
        let entries = self.keys.into_iter().filter_map(|entry| serde_json::from_value::<Entry>(entry).ok());
        entries
            .filter_map(|entry| Some((entry.kid.clone(), Arc::new(entry.verifying_key()?))))
            .take(MAX_KEYS)
            .collect()
    }
}

impl Entry {
    fn verifying_key(&self) -> Option<DecodingKey> {
        let fits = self.kty == "RSA"
            && self.d.is_none()
            && self.alg.as_deref().is_none_or(|alg| alg == "RS256")
            && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|op| op == "verify"));
        let modulus = URL_SAFE_NO_PAD.decode(&self.n).ok()?;
        let significant = modulus.iter().skip_while(|byte| **byte == 0).count();
        (fits && significant >= MIN_MODULUS_BYTES)
            .then(|| DecodingKey::from_rsa_components(&self.n, &self.e).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": URL_SAFE_NO_PAD.encode([0xC3; 256]), "e": "AQAB"})
    }

    fn with(kid: &str, name: &str, value: Value) -> Value {
        let mut entry = entry(kid);
        entry[name] = value;
        entry
    }

    #[test]
    fn only_keys_that_may_verify_rs256_are_kept() {
        let keys = vec![
            entry("plain"),
            with("sig", "use", json!("sig")),
            with("rs256", "alg", json!("RS256")),
            with("ops", "key_ops", json!(["verify"])),
            with("enc", "use", json!("enc")),
            with("rs512", "alg", json!("RS512")),
            with("sign-only", "key_ops", json!(["sign"])),
            with("private", "d", json!("AQAB")),
            with("short", "n", json!(URL_SAFE_NO_PAD.encode([0xC3; 128]))),
            with("padded", "n", json!(URL_SAFE_NO_PAD.encode([vec![0; 200], vec![0xC3; 128]].concat()))),
            with("oct", "kty", json!("oct")),
            with("number", "n", json!(7)),
            json!("not an object"),
            json!({"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"}),
        ];
        let usable = KeySet { keys }.usable();
        let mut kids: Vec<_> = usable.keys().map(String::as_str).collect();
        kids.sort_unstable();
        assert_eq!(kids, ["ops", "plain", "rs256", "sig"]);
    }
}
