//! The issuer's keys in memory.
//!
//! - A request whose key is known never waits for the issuer, however slow it is.
//! - An unknown key id causes one shared fetch, and no other before the cool-down has passed. The cool-down is
//!   counted from the end of the last *attempt*, whatever came of it: a made-up key id must not become traffic to the
//!   issuer, and a broken issuer must not be asked by every request.
//! - Whoever comes during an attempt shares its outcome. Requests never queue for attempts of their own, each as long
//!   as a hanging issuer takes.
//! - Keys are replaced as a whole, so that a revoked one is gone, and only by a set that can be used.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex as AsyncMutex;

use super::{AuthError, Reason, issuer::Issuer, keys::Keys};

/// Keys older than this are fetched again in the background; Auth0 advises 5 to 10 minutes.
const FRESH: Duration = Duration::from_mins(10);
/// Cool-down while there are no keys at all, when each attempt may end an outage.
const EMPTY_COOLDOWN: Duration = Duration::from_secs(1);

/// Keys and when they came.
#[derive(Clone)]
struct Known {
    keys: Arc<Keys>,
    since: Instant,
}

/// The keys of one issuer.
pub(super) struct KeyCache {
    issuer: Issuer,
    cooldown: Duration,
    max_stale: Duration,
    known: RwLock<Option<Known>>,
    /// When the last attempt ended.
    last_attempt: Mutex<Option<Instant>>,
    /// Held during a fetch, by nobody whose key is known.
    fetching: AsyncMutex<()>,
}

impl KeyCache {
    pub(super) fn new(issuer: Issuer, cooldown: Duration, max_stale: Duration) -> Arc<Self> {
        Arc::new(Self {
            issuer,
            cooldown,
            max_stale,
            known: RwLock::default(),
            last_attempt: Mutex::default(),
            fetching: AsyncMutex::default(),
        })
    }

    pub(super) const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The key called `kid`, from memory or, when the cool-down allows it, from the issuer.
    ///
    /// # Errors
    /// [`Reason::UnknownKey`] if the issuer does not publish it, or cannot be asked;
    /// [`AuthError::Unavailable`] if there are no keys at all.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Result<Arc<DecodingKey>, AuthError> {
        if let Some(key) = self.known_key(kid) {
            return Ok(key);
        }
        self.refresh().await;
        match self.usable() {
            None => Err(AuthError::Unavailable { retry_after: EMPTY_COOLDOWN }),
            Some(known) => known.keys.get(kid).cloned().ok_or(AuthError::Invalid(Reason::UnknownKey)),
        }
    }

    /// The key called `kid` if it is in memory. Old keys are served while new ones are fetched behind them.
    pub(super) fn known_key(self: &Arc<Self>, kid: &str) -> Option<Arc<DecodingKey>> {
        let known = self.usable()?;
        if known.since.elapsed() > FRESH && !self.is_cooling_down() && self.fetching.try_lock().is_ok() {
            let cache = self.clone();
            tokio::spawn(async move { cache.refresh_here().await });
        }
        known.keys.get(kid).cloned()
    }

    /// Makes sure that there are keys.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`].
    pub(super) async fn ready(self: &Arc<Self>) -> Result<(), AuthError> {
        if self.usable().is_none() {
            self.refresh().await;
        }
        match self.usable() {
            Some(_) => Ok(()),
            None => Err(AuthError::Unavailable { retry_after: EMPTY_COOLDOWN }),
        }
    }

    fn usable(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|known| known.since.elapsed() <= self.max_stale)
    }

    /// Fetches in a task of its own: a client that hangs up must not spend the cool-down for nothing.
    async fn refresh(self: &Arc<Self>) {
        let cache = self.clone();
        // A panic in there leaves the keys as they were, which the caller finds out by looking.
        let _ = tokio::spawn(async move { cache.refresh_here().await }).await;
    }

    async fn refresh_here(&self) {
        let came = Instant::now();
        let _one_at_a_time = self.fetching.lock().await;
        if self.last_attempt().is_some_and(|ended| ended >= came) || self.is_cooling_down() {
            return;
        }
        let outcome = match self.issuer.keys().await {
            Ok(keys) => {
                let known = Known { keys: Arc::new(keys), since: Instant::now() };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                metrics::gauge!("jwks_last_success_timestamp_seconds").set(now.as_secs_f64());
                "success"
            }
            Err(error) => {
                tracing::warn!(%error, "signing keys not refreshed");
                "failure"
            }
        };
        *self.last_attempt.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        metrics::counter!("jwks_refresh_total", "outcome" => outcome).increment(1);
    }

    fn last_attempt(&self) -> Option<Instant> {
        *self.last_attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cooling_down(&self) -> bool {
        let cooldown =
            if self.usable().is_some() { self.cooldown } else { EMPTY_COOLDOWN.min(self.cooldown) };
        self.last_attempt().is_some_and(|ended| ended.elapsed() < cooldown)
    }
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCache").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
