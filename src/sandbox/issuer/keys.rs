//! Signing keys: new at every start of the process, so that nothing signed before or elsewhere is ever valid.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair, KeySize, PublicKeyComponents},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use uuid::Uuid;

/// A key and what the world is told about it.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) kid: String,
    secret: EncodingKey,
    modulus: String,
    exponent: String,
}

/// The first keys of a process. Its issuers share them, each under its own key ids: generating them takes a good part
/// of a second.
static POOL: OnceLock<Vec<Pair>> = OnceLock::new();

/// The current and the next key of an issuer, and one that is never published.
const POOL_SIZE: usize = 3;

/// Secret, modulus and exponent.
type Pair = (EncodingKey, String, String);

impl SigningKey {
    /// The first keys of an issuer: current, next and a foreign one.
    pub(super) fn first() -> [Self; POOL_SIZE] {
        let pool = POOL.get_or_init(|| (0..POOL_SIZE).map(|_| generate()).collect());
        std::array::from_fn(|n| Self::of(pool[n].clone()))
    }

    /// A key that nobody has seen: a pair that came back under another id would bring a revoked key back.
    pub(super) fn new() -> Self {
        Self::of(generate())
    }

    fn of((secret, modulus, exponent): Pair) -> Self {
        // Auth0's ids have 21 characters.
        let kid = URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())[..21].to_owned();
        Self { kid, secret, modulus, exponent }
    }

    /// Signs `claims` with RS256. Members of `header` go over the usual ones; `null` removes one.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let header = merged(json!({"alg": "RS256", "typ": "JWT", "kid": self.kid}), header);
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.secret, Algorithm::RS256)
            .expect("an RSA key signs any message");
        format!("{signed}.{signature}")
    }

    /// The entry of the key set (RFC 7517). Without `x5c` and `x5t`: a certificate would say nothing more.
    pub(super) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.modulus,
            "e": self.exponent,
        })
    }
}

/// `base` with the members of `over`; `null` removes one.
pub(super) fn merged(mut base: Value, over: &Value) -> Value {
    if let (Some(base), Some(over)) = (base.as_object_mut(), over.as_object()) {
        for (name, value) in over {
            if value.is_null() {
                base.remove(name);
            } else {
                base.insert(name.clone(), value.clone());
            }
        }
    }
    base
}

pub(super) fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn generate() -> Pair {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("the operating system gives random numbers");
    let der = pair.as_der().expect("a new key can be written down");
    let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
    // PKCS #8, which the signing library reads only as PEM.
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let secret = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a new key can be read back");
    (secret, URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e))
}
