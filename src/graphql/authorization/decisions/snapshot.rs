//! What a caller was found to hold, kept for reads for a short time (the setting `PERMIT_DECISION_TTL`).
//!
//! A snapshot is the answer of `/user-permissions` about one user in one tenant, asked for once however many operations
//! wait for it. Only its "yes" is used. What it does not name is asked live: a grant holds on the very next request,
//! and a rule that the snapshot cannot show (attributes, single objects) denies nobody. A "no" is therefore never old,
//! a "yes" is at most as old as the setting says.
//!
//! It is dropped by a login, by whatever any node changes about the user's roles, and by a token with another `iat`
//! or other roles. No write is decided by it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::future::Cache;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use crate::{
    auth::{RolesClaim, VerifiedUser},
    permit::{Check, Pdp, PermitError},
    store::{Feed, Person, Signal},
};

/// Users of whom something is kept.
const MAX_SNAPSHOTS: u64 = 10_000;

/// What users of this node were found to hold.
pub(in crate::graphql) struct Snapshots {
    ttl: Duration,
    taken: Cache<Person, Arc<Snapshot>>,
    changes: Mutex<Changes>,
}

/// Whose permissions changed, and when that was noticed.
struct Changes {
    signals: Receiver<Signal>,
    noticed: HashMap<Person, Instant>,
    /// When it was last noticed that signals had been missed.
    missed: Option<Instant>,
}

/// What a user held at one moment.
pub(super) struct Snapshot {
    token: Token,
    /// Before it was asked for.
    taken_at: Instant,
    /// As `resource:action`.
    permissions: HashSet<String>,
}

/// What a token says that could change what its user holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    issued_at: Option<i64>,
    roles: RolesClaim,
}

/// The snapshot of one caller, taken when it is asked for.
#[derive(Clone)]
pub(in crate::graphql) struct CallerSnapshot {
    snapshots: Arc<Snapshots>,
    user: Arc<VerifiedUser>,
    pdp: Pdp,
}

/// A snapshot, and the calls that it took now.
type Found = (Arc<Snapshot>, u32);

impl Snapshots {
    /// `None` when nothing is to be kept.
    pub(in crate::graphql) fn new(ttl: Duration, feed: &Feed) -> Option<Arc<Self>> {
        let changes = Changes { signals: feed.listen(), noticed: HashMap::new(), missed: None };
        let taken = Cache::builder().max_capacity(MAX_SNAPSHOTS).time_to_live(ttl).build();
        (!ttl.is_zero()).then(|| Arc::new(Self { ttl, taken, changes: Mutex::new(changes) }))
    }

    /// For `user`, whose operation asks `pdp`.
    pub(in crate::graphql) fn of(self: &Arc<Self>, user: &Arc<VerifiedUser>, pdp: Pdp) -> CallerSnapshot {
        CallerSnapshot { snapshots: self.clone(), user: user.clone(), pdp }
    }

    async fn find(&self, user: &VerifiedUser, pdp: &Pdp) -> Result<Found, Arc<PermitError>> {
        let person = Person { tenant: user.tenant.as_str().into(), subject: user.id.as_str().into() };
        let token = Token { issued_at: user.issued_at, roles: user.roles.clone() };
        if let Some(snapshot) = self.taken.get(&person).await {
            if self.is_good(&snapshot, &person, &token) {
                return Ok((snapshot, 0));
            }
            self.taken.invalidate(&person).await;
        }
        let mut remote_calls = 0;
        let take = async {
            remote_calls = 1;
            // What was told until now is no reason to doubt what is asked from now on.
            self.changes().notice(self.ttl);
            let taken_at = Instant::now();
            let held = pdp.user_permissions(&user.id, &user.tenant).await?;
            let permissions = held.permissions.into_iter().collect();
            Ok(Arc::new(Snapshot { token: token.clone(), taken_at, permissions }))
        };
        let snapshot = self.taken.try_get_with(person.clone(), take).await?;
        if !self.is_good(&snapshot, &person, &token) {
            // It was on its way already when something changed: good for nobody, and not for us.
            self.taken.invalidate(&person).await;
            let empty = Snapshot { token, taken_at: Instant::now(), permissions: HashSet::new() };
            return Ok((Arc::new(empty), remote_calls));
        }
        Ok((snapshot, remote_calls))
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_good(&self, snapshot: &Snapshot, person: &Person, token: &Token) -> bool {
        let mut changes = self.changes();
        changes.notice(self.ttl);
        let since = changes.noticed.get(person).max(changes.missed.as_ref());
        snapshot.token == *token
            && snapshot.taken_at.elapsed() < self.ttl
            && since.is_none_or(|since| snapshot.taken_at > *since)
    }
}

impl Changes {
    /// Reads whatever was told since the last time, so that nothing which happened before this call is overlooked.
    fn notice(&mut self, ttl: Duration) {
        let now = Instant::now();
        let before = self.noticed.len();
        loop {
            match self.signals.try_recv() {
                Ok(Signal::Permissions(person)) => drop(self.noticed.insert(person, now)),
                Ok(Signal::Task(_)) => {}
                Ok(Signal::Gap) | Err(TryRecvError::Lagged(_)) => self.missed = Some(now),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if self.noticed.len() > before {
            self.noticed.retain(|_, at| at.elapsed() < ttl);
        }
    }
}

impl CallerSnapshot {
    /// What is known about the caller who asks all of `checks`; `None` when that is not one person, or nothing could
    /// be found out.
    pub(super) async fn find(&self, checks: &[Check]) -> Option<Found> {
        let own = |check: &Check| *check.user == *self.user.id && *check.tenant == *self.user.tenant;
        if !checks.iter().any(|check| own(check) && check.key.is_none()) {
            return None;
        }
        self.snapshots.find(&self.user, &self.pdp).await.ok()
    }

    pub(super) fn pdp(&self) -> &Pdp {
        &self.pdp
    }

    /// Whether `snapshot` answers `check` with yes.
    pub(super) fn allows(&self, snapshot: &Snapshot, check: &Check) -> bool {
        check.key.is_none()
            && *check.user == *self.user.id
            && *check.tenant == *self.user.tenant
            && snapshot.permissions.contains(&format!("{}:{}", check.resource, check.action))
    }
}

impl Snapshot {
    pub(super) fn age(&self) -> Duration {
        self.taken_at.elapsed()
    }
}
