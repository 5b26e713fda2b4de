//! Which task events this node has told already. Numbers are given before the commit, so commits overtake each other:
//! whoever reads on from the last number loses those that were overtaken. A look back begins well before the newest
//! number instead, and what was told is dropped.
//!
//! How far before? A transaction that is open now was given its numbers while it was open. So whatever was told before it
//! can have begun is smaller, however many numbers somebody with thousands of tasks takes, who is removed meanwhile.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

/// Longest that an operation may be given. A mutation that is late goes on for as long again.
pub const MAX_OPERATION_TIMEOUT: Duration = Duration::from_mins(1);
/// Longer than a transaction is open.
const OPEN: Duration = MAX_OPERATION_TIMEOUT.saturating_mul(2).saturating_add(Duration::from_secs(10));
/// How much further a look back reaches, in numbers: for those that were open when this node began to hear.
const OVERLAP: i64 = 4_096;
/// The newest number is noted so often.
const STEP: Duration = Duration::from_secs(1);

/// The newest of the events that were told.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    newest: i64,
    /// Nothing that a look back cannot reach.
    recent: BTreeSet<i64>,
    /// Numbers that were the newest, and when. The first was told [`OPEN`] before the last, or begins it all.
    steps: VecDeque<(Instant, i64)>,
}

impl Delivered {
    /// The number behind which a look back begins.
    pub(super) fn horizon(&self) -> i64 {
        self.steps.front().map_or(0, |(_, newest)| *newest) - OVERLAP
    }

    pub(super) fn has(&self, seq: i64) -> bool {
        self.recent.contains(&seq)
    }

    /// Notes that `seq` is told at this moment; false if it was told before.
    pub(super) fn note(&mut self, seq: i64, at: Instant) -> bool {
        let is_new = self.recent.insert(seq);
        if seq > self.newest {
            self.newest = seq;
            self.step(at);
        }
        is_new
    }

    fn step(&mut self, at: Instant) {
        if self.steps.back().is_some_and(|(last, _)| at < *last + STEP) {
            return;
        }
        self.steps.push_back((at, self.newest));
        while self.steps.get(1).is_some_and(|(told, _)| *told + OPEN <= at) {
            self.steps.pop_front();
        }
        self.recent = self.recent.split_off(&(self.horizon() + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_overtaken_is_new_and_what_was_told_is_not() {
        let (mut delivered, now) = (Delivered::default(), Instant::now());
        assert!(delivered.note(10, now) && delivered.note(12, now));

        assert!(!delivered.note(12, now) && !delivered.note(10, now), "told before");
        assert!(delivered.note(11, now), "overtaken by 12");
        assert!(delivered.horizon() < 10);
    }

    #[test]
    fn a_number_from_before_a_large_removal_is_looked_for_as_long_as_it_may_be_open() {
        let (mut delivered, began) = (Delivered::default(), Instant::now());
        delivered.note(OVERLAP, began);
        let given = OVERLAP + 1;
        let removed = given + 1..given + 3 * OVERLAP;
        let told = began + OPEN / 2;
        for (seq, after) in removed.zip(0..) {
            delivered.note(seq, told + Duration::from_millis(after));
        }

        assert!(delivered.horizon() < given && !delivered.has(given));
        assert!(delivered.note(given, told + OPEN));
    }

    #[test]
    fn it_remembers_what_a_look_back_can_find_and_no_more() {
        let (mut delivered, began) = (Delivered::default(), Instant::now());
        for (seq, after) in (1..=3 * OVERLAP).zip(0..) {
            delivered.note(seq, began + after * STEP);
        }

        let horizon = delivered.horizon();
        assert!(delivered.has(horizon + 1) && !delivered.has(horizon));
        let remembered = OVERLAP + i64::try_from(OPEN.as_secs()).unwrap();
        assert_eq!(i64::try_from(delivered.recent.len()).unwrap(), remembered);
        assert!(i64::try_from(delivered.steps.len()).unwrap() <= remembered - OVERLAP + 1);
    }
}
