//! When something was broken on purpose, so that what follows from it is no finding.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::timeline::Window;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Issuer,
    PermitApi,
    Pdp,
    Database,
    Server,
}

#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<Vec<(Part, Window)>>);

/// An outage that lasts until it is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage(usize);

impl Outages {
    pub(crate) fn begin(&self, part: Part) -> Outage {
        let mut all = self.all();
        all.push((part, Window::since(Instant::now())));
        Outage(all.len() - 1)
    }

    pub(crate) fn end(&self, outage: Outage) {
        self.all()[outage.0].1.until = Some(Instant::now());
    }

    /// Whether `part` was broken at some instant of `window`, or less than `after` before it.
    pub(crate) fn explains(&self, part: Part, window: Window, after: Duration) -> bool {
        let from = window.from.checked_sub(after).unwrap_or(window.from);
        let window = Window { from, ..window };
        self.all().iter().any(|(broken, when)| *broken == part && when.overlap(window).is_some())
    }

    fn all(&self) -> MutexGuard<'_, Vec<(Part, Window)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
