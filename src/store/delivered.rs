//! Which task events this node has told already. Numbers are given before the commit, so commits overtake each other:
//! whoever reads on from the last number loses those that were overtaken. A look back begins well before the newest
//! number instead, and what was told is dropped.

use std::collections::BTreeSet;

/// How far a look back reaches, in numbers: far more than are given while one transaction is open, unless somebody with
/// thousands of tasks is removed.
const OVERLAP: i64 = 4_096;

/// The newest of the events that were told.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    newest: i64,
    /// Nothing that a look back cannot reach.
    recent: BTreeSet<i64>,
}

impl Delivered {
    /// The number behind which a look back begins.
    pub(super) fn horizon(&self) -> i64 {
        self.newest - OVERLAP
    }

    pub(super) fn has(&self, seq: i64) -> bool {
        self.recent.contains(&seq)
    }

    /// Notes that `seq` is told now; false if it was told before.
    pub(super) fn note(&mut self, seq: i64) -> bool {
        let is_new = self.recent.insert(seq);
        if seq > self.newest {
            self.newest = seq;
            self.recent = self.recent.split_off(&(self.horizon() + 1));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_overtaken_is_new_and_what_was_told_is_not() {
        let mut delivered = Delivered::default();
        assert!(delivered.note(10) && delivered.note(12));

        assert!(!delivered.note(12) && !delivered.note(10), "told before");
        assert!(delivered.note(11), "overtaken by 12");
        assert!(delivered.horizon() < 10);
    }

    #[test]
    fn it_remembers_what_a_look_back_can_find_and_no_more() {
        let mut delivered = Delivered::default();
        for seq in 1..=3 * OVERLAP {
            assert!(delivered.note(seq));
        }

        let horizon = delivered.horizon();
        assert!(delivered.has(horizon + 1) && !delivered.has(horizon));
        assert_eq!(i64::try_from(delivered.recent.len()).unwrap(), OVERLAP);
    }
}
