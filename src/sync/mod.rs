//! Keeps Permit and Auth0 in step with who signs in and what administrators do.
//!
//! Nothing is told to them directly. A change writes our own rows and an item of the outbox in one transaction
//! ([`crate::store`]); workers lease items ([`worker`]), bring Permit in step with the ledger ([`synchronise`]) or
//! remove somebody ([`removal`]), and try again until it is done. Whoever made the change waits for the item, up to a
//! deadline. Every step may be repeated: what is to happen is written down before Permit is told, so that a crash in
//! between is finished by the next attempt. Nothing here decides anything; it only copies.

mod desired;
mod login;
mod outcome;
mod policy;
mod removal;
mod report;
mod role;
mod synchronise;
mod user;
mod worker;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

pub use desired::SignedInPerson;
pub use login::{Login, LoginReport};
pub use outcome::{OutcomeKind, RoleOutcome, RoleSource};
pub use policy::RolePolicy;
pub use removal::{Removal, SystemOutcome, SystemState};
pub use role::RoleChange;
pub use user::{UserCreated, UserCreationOutcome};
pub use worker::Worker;

use crate::{
    auth0_admin::Admin,
    permit::{Facts, Pdp},
    store::{Progress, Store, StoreError},
};

/// Longest pause between two looks at an item that another node may carry out.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How users and roles are copied.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `ROLE_POLICY`: whose word counts when a token and Permit disagree. Default `MERGE`.
    pub policy: RolePolicy,
    /// `CREATE_TENANTS`: whether an organization that Permit does not know becomes a tenant at the first login.
    /// Default false.
    pub create_tenants: bool,
    /// `COPY_UNVERIFIED_EMAIL`: whether an address that Auth0 has not verified is told to Permit. Default false.
    pub copy_unverified_email: bool,
    /// `LOGIN_DEADLINE_MS`: longest that a login, or a change of roles or users, waits. Default 5 s.
    pub deadline: Duration,
    /// `SYNC_GIVE_UP_AFTER_MS`: age at which an item that keeps failing waits for an operator. Default 24 h.
    pub give_up_after: Duration,
    /// `SYNC_LEASE_MS`: time until somebody takes over from a node that died. Default 30 s.
    pub lease: Duration,
}

/// Copies users and roles to Permit, and removes them there and at Auth0. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sync(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    facts: Facts,
    pdp: Pdp,
    /// `None` without access to Auth0's Management API.
    admin: Option<Admin>,
    config: Config,
    /// Something is due.
    nudge: Notify,
    /// An attempt ended.
    ended: watch::Sender<()>,
}

impl Sync {
    pub fn new(store: Store, facts: Facts, pdp: Pdp, admin: Option<Admin>, config: Config) -> Self {
        let (nudge, ended) = (Notify::new(), watch::Sender::new(()));
        Self(Arc::new(Inner { store, facts, pdp, admin, config, nudge, ended }))
    }

    /// Starts carrying out what is in the outbox; ends when the answer is dropped or stopped.
    pub fn start(&self) -> Worker {
        worker::start(self.clone())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.0.config.deadline
    }

    /// Wakes the workers, and waits until the item is done or an attempt failed, at most until `deadline`.
    ///
    /// The change that it belongs to is committed by now, and whoever made it is not told that it failed: while the
    /// database cannot say how far the item is, it is waiting.
    async fn carried_out(&self, item: i64, deadline: Instant) -> Progress {
        let mut ended = self.0.ended.subscribe();
        self.0.nudge.notify_one();
        loop {
            let progress = self.0.store.progress(item).await;
            match progress {
                Ok(Some(Progress::Waiting)) | Err(_) if Instant::now() < deadline => {}
                Ok(Some(progress)) => return progress,
                // Done, and swept away since.
                Ok(None) => return Progress::Done { report: String::new() },
                Err(error) => {
                    unseen(&error);
                    return Progress::Waiting;
                }
            }
            let pause = LOOK_AGAIN.min(deadline.saturating_duration_since(Instant::now()));
            // Whichever comes first: the sender lives as long as we do, and another node wakes nobody here.
            let _ = tokio::time::timeout(pause, ended.changed()).await;
        }
    }
}

/// Logs why nobody can tell what came of something that is committed.
fn unseen(error: &StoreError) {
    tracing::error!(cause = error.cause(), %error, "what came of a change cannot be looked up");
}

/// Given and family name, as Permit wants them, from the one name that tokens carry.
fn split_name(name: &str) -> (Option<String>, Option<String>) {
    let mut words = name.split_whitespace();
    let first = words.next().map(str::to_owned);
    let rest = words.collect::<Vec<_>>().join(" ");
    (first, (!rest.is_empty()).then_some(rest))
}
