//! The one state behind the REST API and the PDP, and the distance between the two.
//!
//! What REST writes, the PDP sees after the propagation delay: each write keeps the picture from before it until it
//! is old enough. Without a delay (the default) nothing is copied and both see the same. Lowering the delay releases what
//! was waiting, so a test needs no sleep.

use std::{
    collections::VecDeque,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{debug::Debugger, environment::Environment, limits::Limits, refusal::Refusal};

/// An hour, above which sums of times could overflow.
const MAX_DELAY: Duration = Duration::from_hours(1);

/// Shared by both listeners.
#[derive(Debug)]
pub(super) struct Store {
    contents: RwLock<Contents>,
    delay: watch::Sender<Duration>,
    checks: AtomicU64,
    /// What the REST API admits, whichever way a request came.
    pub(super) limits: Limits,
    /// Whether the PDP has its facts proxy. The hosted one does not.
    has_proxy: AtomicBool,
    /// Whether the PDP decides by attributes. The hosted one does not.
    attribute_rules: AtomicBool,
    /// Whether and how the PDP says with each decision how it came to it.
    debugger: RwLock<Debugger>,
}

#[derive(Debug)]
struct Contents {
    environment: Environment,
    /// Oldest first.
    unseen: VecDeque<Unseen>,
}

/// A write that the PDP may not have seen yet.
#[derive(Debug)]
struct Unseen {
    written: Instant,
    before: Arc<Environment>,
}

impl Store {
    pub(super) fn new(environment: Environment) -> Self {
        Self {
            contents: RwLock::new(Contents { environment, unseen: VecDeque::new() }),
            delay: watch::Sender::new(Duration::ZERO),
            checks: AtomicU64::new(0),
            limits: Limits::default(),
            has_proxy: AtomicBool::new(true),
            attribute_rules: AtomicBool::new(true),
            debugger: RwLock::default(),
        }
    }

    /// Looks at what the REST API shows.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Environment) -> T) -> T {
        look(&self.contents().environment)
    }

    /// Looks at what the PDP knows by now.
    pub(super) fn seen_by_pdp<T>(&self, look: impl FnOnce(&Environment) -> T) -> T {
        let contents = self.contents();
        if contents.unseen.is_empty() {
            return look(&contents.environment);
        }
        let (now, delay) = (Instant::now(), *self.delay.borrow());
        let behind = contents.unseen.iter().find(|unseen| unseen.written + delay > now);
        look(behind.map_or(&contents.environment, |unseen| &unseen.before))
    }

    /// Changes the state. `change` must leave it alone when it refuses.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&mut Environment) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut contents = self.contents_mut();
        let delay = *self.delay.borrow();
        let now = Instant::now();
        contents.unseen.retain(|unseen| unseen.written + delay > now);
        let before = (!delay.is_zero()).then(|| Arc::new(contents.environment.clone()));
        let outcome = change(&mut contents.environment)?;
        contents.unseen.extend(before.map(|before| Unseen { written: now, before }));
        Ok(outcome)
    }

    /// Changes the state in several steps: all of them or, when one refuses, none.
    pub(super) fn transact<T>(
        &self,
        change: impl FnOnce(&mut Environment) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.write(|environment| {
            let mut next = environment.clone();
            let outcome = change(&mut next)?;
            *environment = next;
            Ok(outcome)
        })
    }

    /// Sets how long the PDP lags behind. Zero releases everything at once.
    pub(super) fn set_delay(&self, delay: Duration) {
        self.delay.send_replace(delay.min(MAX_DELAY));
    }

    /// Waits until the PDP has seen all that is written now; false when `limit` ends the wait.
    pub(super) async fn propagated(&self, limit: Option<Duration>) -> bool {
        let Some(written) = self.contents().unseen.back().map(|unseen| unseen.written) else { return true };
        let mut delay = self.delay.subscribe();
        let seen = async {
            loop {
                let due = written + *delay.borrow_and_update();
                tokio::select! {
                    () = tokio::time::sleep_until(due) => return,
                    // Fails only without a sender, and the sender is `self`.
                    _ = delay.changed() => {}
                }
            }
        };
        match limit {
            None => seen.await,
            Some(limit) => return tokio::time::timeout(limit, seen).await.is_ok(),
        }
        true
    }

    /// Counts `number` decided checks.
    pub(super) fn count_checks(&self, number: usize) {
        self.checks.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(super) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    pub(super) fn reset_checks(&self) {
        self.checks.store(0, Ordering::Relaxed);
    }

    pub(super) fn has_proxy(&self) -> bool {
        self.has_proxy.load(Ordering::Relaxed)
    }

    pub(super) fn set_proxy(&self, enabled: bool) {
        self.has_proxy.store(enabled, Ordering::Relaxed);
    }

    pub(super) fn has_attribute_rules(&self) -> bool {
        self.attribute_rules.load(Ordering::Relaxed)
    }

    pub(super) fn set_attribute_rules(&self, supported: bool) {
        self.attribute_rules.store(supported, Ordering::Relaxed);
    }

    pub(super) fn debugger(&self) -> Debugger {
        self.debugger.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_debugger(&self, debugger: Debugger) {
        *self.debugger.write().unwrap_or_else(PoisonError::into_inner) = debugger;
    }

    // A refused or panicked change has not been half done by the rule of `write`, so poison means nothing here.
    fn contents(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn contents_mut(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}
