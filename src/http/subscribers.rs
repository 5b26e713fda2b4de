//! How many subscriptions are open at this node, by whoever pays for them: each costs memory and a part of every event,
//! over however many connections it came.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::rejection::Rejection;
use crate::rate_limit::Payer;

/// What is counted.
const WHAT: &str = "open subscriptions of one subject";
const ADVICE: &str = "You have too many subscriptions open; complete one of them first.";

type Counts = Arc<Mutex<HashMap<Payer, usize>>>;

/// All of them.
pub(super) struct Subscribers {
    limit: usize,
    open: Counts,
}

/// An open subscription, which counts until it is dropped.
pub(super) struct Seat {
    payer: Payer,
    open: Counts,
}

impl Subscribers {
    /// At most `limit` for each payer, which is at least one.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Counts::default() }
    }

    /// Room for one more.
    pub(super) fn seat(&self, payer: &Payer) -> Result<Seat, Rejection> {
        let mut open = lock(&self.open);
        let count = open.entry(payer.clone()).or_default();
        if *count >= self.limit {
            return Err(Rejection::too_many_subscriptions(ADVICE, WHAT, self.limit));
        }
        *count += 1;
        Ok(Seat { payer: payer.clone(), open: self.open.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = lock(&self.open).entry(self.payer.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn lock(open: &Counts) -> MutexGuard<'_, HashMap<Payer, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
