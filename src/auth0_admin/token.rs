//! The machine's token for the Management API: client credentials (RFC 6749, section 4.4), kept and shared.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use reqwest::{Method, StatusCode, header::HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    AdminError, Config, Denied, Flaw, error,
    exchange::{self, Exchange},
};

/// A token this close to its end is not used for another call.
const MARGIN: Duration = Duration::from_mins(1);
/// Longest that a token is kept, whatever its issuer says: the usual lifetime.
const LONGEST: Duration = Duration::from_hours(24);

/// A token, as the header that carries it.
#[derive(Debug, Clone)]
pub(super) struct Token {
    bearer: HeaderValue,
    good_until: Instant,
}

impl Token {
    pub(super) fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }

    /// Whether a call that was refused with `refused` may hope for this one.
    fn is_good_after(&self, refused: Option<&Self>) -> bool {
        Instant::now() < self.good_until && refused.is_none_or(|refused| refused.bearer != self.bearer)
    }
}

/// Tokens of one application for one audience.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Source>);

struct Source {
    exchange: Exchange,
    client_id: String,
    client_secret: SecretString,
    audience: String,
    memory: Mutex<Memory>,
}

/// The last token, and the fetch of the next one while there is one. Held weakly: a fetch that nobody waits for any
/// more makes no progress, and must not be what the next caller waits for.
#[derive(Default)]
struct Memory {
    token: Option<Token>,
    fetch: Option<WeakShared<Fetch>>,
}

type Fetched = Result<Token, AdminError>;
type Fetch = BoxFuture<'static, Fetched>;

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds. RFC 6749 only recommends it: without it the token is used at once and not kept.
    #[serde(default)]
    expires_in: u64,
}

impl Tokens {
    pub(super) fn new(exchange: Exchange, config: &Config) -> Self {
        Self(Arc::new(Source {
            exchange,
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            audience: config.audience.clone(),
            memory: Mutex::default(),
        }))
    }

    /// A token other than the one that was refused: from memory, or from one fetch however many wait for it.
    pub(super) async fn usable(&self, refused: Option<&Token>) -> Fetched {
        let fetch: Shared<Fetch> = {
            let mut memory = self.0.memory();
            if let Some(token) = memory.token.as_ref().filter(|token| token.is_good_after(refused)) {
                return Ok(token.clone());
            }
            memory.fetch.as_ref().and_then(WeakShared::upgrade).unwrap_or_else(|| {
                let fetch = fetch(self.0.clone()).boxed().shared();
                memory.fetch = fetch.downgrade();
                fetch
            })
        };
        fetch.await
    }
}

/// Bounded by itself: a caller who joins late must not keep a fetch that hangs alive for the next one.
async fn fetch(source: Arc<Source>) -> Fetched {
    let fetched = source.exchange.in_time(source.ask()).await;
    error::count("token", &fetched);
    let mut memory = source.memory();
    memory.fetch = None;
    memory.token = fetched.as_ref().ok().cloned();
    fetched
}

impl Source {
    /// Poisoning cannot matter here: each change of the memory is one assignment.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self) -> Fetched {
        // Counted from before the request: the token is older than its arrival.
        let asked = Instant::now();
        let request = self.exchange.request(Method::POST, "/oauth/token").form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("audience", &self.audience),
        ]);
        let response = self.exchange.send(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(AdminError::Unauthorized(Denied::Credentials)),
            StatusCode::FORBIDDEN => return Err(AdminError::Unauthorized(Denied::Audience)),
            status => return Err(AdminError::Rejected { status }),
        }
        let answer: Answer = exchange::json(response).await?;
        let bearer = format!("Bearer {}", answer.access_token);
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| Flaw::Malformed)?;
        bearer.set_sensitive(true);
        let lifetime = Duration::from_secs(answer.expires_in).min(LONGEST);
        Ok(Token { bearer, good_until: asked + lifetime.saturating_sub(MARGIN) })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
