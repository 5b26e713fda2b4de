//! Who is asking: verifies the access tokens that Auth0 issues. Knows tokens and HTTP; knows neither GraphQL nor
//! Permit.
//!
//! In order: one `Authorization` header with the Bearer scheme (RFC 6750), a compact JWS of at most 16 KiB signed
//! with RS256 (RFC 7515, RFC 8725), by a key that the configured issuer publishes, with the exact issuer, our
//! audience, `exp`, `nbf`, `iat` and `sub` (RFC 7519), not bound to its sender. Whatever fails is refused with a
//! [`Reason`]; no credentials at all are [`Subject::Anonymous`].
//!
//! A verified token is remembered by its hash, at most five minutes and never past its `exp`, so that the signature
//! is checked once and not with every request.

mod bearer;
mod claims;
mod diagnosis;
mod error;
mod issuer;
mod key_cache;
mod keys;
mod token;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use moka::{Expiry, future::Cache};
use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};

pub use bearer::{AccessToken, MAX_TOKEN_BYTES};
pub use claims::{Profile, RolesClaim, SubjectKind, VerifiedUser};
pub use diagnosis::PublishedKeys;
pub use error::{AuthError, Reason, UserInfoError};
pub use issuer::FetchError;

use claims::Claims;
use issuer::Issuer;
use key_cache::KeyCache;
use token::SignedToken;

/// Verified tokens that are remembered.
const REMEMBERED_TOKENS: u64 = 10_000;
/// Longest time that a verified token is remembered.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// Whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Config {
    /// `https://DOMAIN/` from `AUTH0_DOMAIN`, or `AUTH0_ISSUER`: compared byte for byte, trailing slash included.
    pub issuer: String,
    /// `AUTH0_AUDIENCE`: identifier of this API.
    pub audience: String,
    /// `AUTH0_ROLES_CLAIM`: name of the claim that lists role names; e-mail and name are read beside it.
    pub roles_claim: String,
    /// `ALLOWED_TENANTS`: organizations that may use this server; empty means any.
    pub allowed_tenants: BTreeSet<String>,
    /// `AUTH0_CA_FILE`: a further root certificate, PEM.
    pub ca_file: Option<PathBuf>,
    /// `JWKS_COOLDOWN_MS`: shortest time between two fetches of the keys. Default 30 s.
    pub jwks_cooldown: Duration,
    /// `JWKS_MAX_STALE_MS`: how long the last good keys are used while the issuer is down. Default 24 h.
    pub jwks_max_stale: Duration,
}

impl Config {
    /// The default limits for one issuer.
    pub fn for_issuer(issuer: &str, audience: &str, roles_claim: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            roles_claim: roles_claim.to_owned(),
            allowed_tenants: BTreeSet::new(),
            ca_file: None,
            jwks_cooldown: Duration::from_secs(30),
            jwks_max_stale: Duration::from_hours(24),
        }
    }
}

/// Why no verifier can be built from a [`Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the issuer is not a URL")]
    Issuer,
    #[error("the file with the root certificate cannot be read")]
    CaFile(#[source] std::io::Error),
    #[error("no HTTP client can be built with these settings")]
    Client(#[source] reqwest::Error),
}

/// Who is asking.
#[derive(Debug, Clone)]
pub enum Subject {
    /// No credentials were sent. Wrong credentials never get this far.
    Anonymous,
    User(Arc<VerifiedUser>),
}

impl Subject {
    /// The user, if somebody signed in.
    pub const fn verified(&self) -> Option<&Arc<VerifiedUser>> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(user),
        }
    }
}

/// What a request carried.
#[derive(Debug)]
pub struct Credentials {
    pub subject: Subject,
    pub token: Option<AccessToken>,
}

/// Verifies tokens of one issuer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Authenticator {
    config: Arc<Config>,
    keys: Arc<KeyCache>,
    verified: Cache<[u8; 32], Remembered>,
}

/// A verified token and the key that verified it.
#[derive(Debug, Clone)]
struct Remembered {
    user: Arc<VerifiedUser>,
    kid: Arc<str>,
}

/// Forgets a token when it expires.
struct UntilExpiry;

impl Expiry<[u8; 32], Remembered> for UntilExpiry {
    fn expire_after_create(&self, _: &[u8; 32], value: &Remembered, _: Instant) -> Option<Duration> {
        let left = u64::try_from(value.user.expires_at).unwrap_or(0).saturating_sub(unix_now().as_secs());
        Some(Duration::from_secs(left).min(REMEMBERED_FOR))
    }
}

impl Authenticator {
    /// A verifier that has not asked the issuer for anything yet.
    ///
    /// # Errors
    /// The settings name no usable issuer or certificate.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let keys = KeyCache::new(Issuer::new(&config)?, config.jwks_cooldown, config.jwks_max_stale);
        let verified = Cache::builder().max_capacity(REMEMBERED_TOKENS).expire_after(UntilExpiry).build();
        Ok(Self { config: Arc::new(config), keys, verified })
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    /// Credentials were sent and are not accepted, or cannot be verified at the moment.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Credentials, AuthError> {
        let Some(token) = bearer::token(headers)? else {
            return Ok(Credentials { subject: Subject::Anonymous, token: None });
        };
        let user = self.authenticate_token(&token).await?;
        Ok(Credentials { subject: Subject::User(user), token: Some(token) })
    }

    /// The token that a request with these headers presents; `None` when it presents no credentials at all.
    ///
    /// # Errors
    /// Anything but one header with the Bearer scheme and one token.
    pub fn presented(headers: &HeaderMap) -> Result<Option<AccessToken>, AuthError> {
        bearer::token(headers)
    }

    /// Whose token this is, if it was verified before and is still good.
    pub async fn remembered(&self, token: &AccessToken) -> Option<Arc<VerifiedUser>> {
        let hash = hash(token);
        let remembered = self.verified.get(&hash).await?;
        // A key that is no longer published takes its tokens with it.
        if self.keys.known_key(&remembered.kid).is_some() && !has_expired(&remembered.user) {
            metrics::counter!("token_cache_total", "outcome" => "hit").increment(1);
            return Some(remembered.user);
        }
        self.verified.invalidate(&hash).await;
        None
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// It is not accepted, or cannot be verified at the moment.
    pub async fn authenticate_token(&self, token: &AccessToken) -> Result<Arc<VerifiedUser>, AuthError> {
        if let Some(user) = self.remembered(token).await {
            return Ok(user);
        }
        let hash = hash(token);
        metrics::counter!("token_cache_total", "outcome" => "miss").increment(1);
        let verify = async { self.verify(token.expose()).await };
        match self.verified.try_get_with(hash, verify).await {
            Ok(remembered) => Ok(remembered.user),
            Err(error) => Err(AuthError::clone(&error)),
        }
    }

    async fn verify(&self, token: &str) -> Result<Remembered, AuthError> {
        let signed = SignedToken::parse(token)?;
        let key = self.keys.key(&signed.kid).await?;
        let claims: Claims = signed.verify(&key)?;
        let user = claims.verify(&self.config, unix_now().as_secs_f64())?;
        Ok(Remembered { user: Arc::new(user), kid: signed.kid.into() })
    }

    /// Makes sure that there are keys to verify with, fetching them if there are none.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`].
    pub async fn ready(&self) -> Result<(), AuthError> {
        self.keys.ready().await
    }

    /// The profile that the issuer tells the bearer of `token`. Only called when a login needs it: Auth0 allows a
    /// few such calls a minute and user.
    ///
    /// # Errors
    /// The issuer did not tell, or told about somebody else.
    pub async fn user_info(&self, token: &AccessToken, subject: &str) -> Result<Profile, UserInfoError> {
        self.keys.issuer().user_info(token, subject).await
    }
}

fn hash(token: &AccessToken) -> [u8; 32] {
    Sha256::digest(token.expose()).into()
}

fn has_expired(user: &VerifiedUser) -> bool {
    i64::try_from(unix_now().as_secs()).is_ok_and(|now| user.expires_at <= now)
}

fn unix_now() -> Duration {
    // A clock before 1970 makes every token "not yet valid", which fails closed.
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
