//! What the oracle has against the server, counted, with the first examples of each.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Examples that are printed of each.
const EXAMPLES: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// Something was shown or done that could be right at no instant of the request.
    WrongAllow,
    /// `FORBIDDEN` to somebody who surely held the permission all the while.
    WrongRefusal,
    /// An acknowledged write that is not in the database as it was acknowledged.
    LostWrite,
    /// A write that nobody asked for, or that was done twice.
    ExtraWrite,
    /// A read that does not show what was acknowledged before it began.
    StaleRead,
    /// An error without a known code, without the fields of its code, or with another status.
    UntypedError,
    /// A typed error of an outage that there was none of.
    UnexplainedError,
    /// No answer from a server that was not being stopped.
    Surprise,
}

pub(crate) const ALL: [(Finding, &str); 8] = [
    (Finding::WrongAllow, "wrong allows"),
    (Finding::WrongRefusal, "wrong refusals"),
    (Finding::LostWrite, "lost writes"),
    (Finding::ExtraWrite, "extra writes"),
    (Finding::StaleRead, "stale reads"),
    (Finding::UntypedError, "untyped errors"),
    (Finding::UnexplainedError, "unexplained errors"),
    (Finding::Surprise, "requests without an answer"),
];

/// What was found and what was counted.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    found: BTreeMap<Finding, (usize, Vec<String>)>,
    /// Answers by their codes.
    codes: BTreeMap<String, u64>,
}

impl Findings {
    pub(crate) fn report(&self, finding: Finding, what: impl Into<String>) {
        let mut counted = self.counted();
        let (count, examples) = counted.found.entry(finding).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(what.into());
        }
    }

    pub(crate) fn count(&self, code: &str) {
        *self.counted().codes.entry(code.to_owned()).or_default() += 1;
    }

    pub(crate) fn codes(&self) -> BTreeMap<String, u64> {
        self.counted().codes.clone()
    }

    /// How often, and the first examples.
    pub(crate) fn of(&self, finding: Finding) -> (usize, Vec<String>) {
        self.counted().found.get(&finding).cloned().unwrap_or_default()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
