//! Which roles hold a permission, for those who may know: whoever holds `policy:explain`.
//!
//! Permit's REST API tells it, in the background and no more than a minute old. Nobody waits for it: what is not known
//! at the moment is not told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use crate::permit::Facts;

/// Age at which what was read is no longer told.
const MAX_AGE: Duration = Duration::from_mins(1);
/// Pause between two readings.
const PAUSE: Duration = Duration::from_secs(20);
/// Reading ends when nobody wanted to know for so long.
const IDLE: Duration = Duration::from_mins(10);

/// What each role holds, as far as is known. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct RoleBook(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    facts: Facts,
    page: Mutex<Page>,
}

#[derive(Debug, Default)]
struct Page {
    /// Permissions by role, and since when they are known.
    known: Option<(Instant, BTreeMap<String, BTreeSet<String>>)>,
    /// When somebody last wanted to know.
    used: Option<Instant>,
    being_read: bool,
}

impl RoleBook {
    pub(in crate::graphql) fn new(facts: Facts) -> Self {
        Self(Arc::new(Inner { facts, page: Mutex::default() }))
    }

    /// The roles that hold `permission` by themselves, sorted; none while nothing is known.
    pub(in crate::graphql) fn holding(&self, permission: &str) -> Vec<String> {
        let mut page = self.0.page();
        page.used = Some(Instant::now());
        if !page.being_read {
            page.being_read = true;
            tokio::spawn(read(Arc::downgrade(&self.0)));
        }
        let Some((_, roles)) = page.known.as_ref().filter(|(at, _)| at.elapsed() < MAX_AGE) else {
            return Vec::new();
        };
        let holders = roles.iter().filter(|(_, permissions)| permissions.contains(permission));
        holders.map(|(role, _)| role.clone()).collect()
    }
}

impl Inner {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) {
        match self.facts.role_permissions().await {
            Ok(roles) => self.page().known = Some((Instant::now(), roles)),
            Err(error) => tracing::debug!(cause = error.cause().code(), "roles could not be read"),
        }
    }

    /// Whether nobody wants to know any more; then the next one who does begins anew.
    fn closes(&self) -> bool {
        let mut page = self.page();
        let idle = page.used.is_none_or(|at| at.elapsed() > IDLE);
        page.being_read &= !idle;
        idle
    }
}

/// Reads again and again, until nobody wants to know any more or the server is gone.
async fn read(book: Weak<Inner>) {
    while let Some(book) = book.upgrade() {
        book.read().await;
        if book.closes() {
            return;
        }
        drop(book);
        tokio::time::sleep(PAUSE).await;
    }
}
