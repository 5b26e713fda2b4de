//! Many questions of many people, asked together.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{
    graphql::decisions::Verdict,
    permit::{Check, Freshness, Pdp, PermitError},
};

/// The answers to some checks, each of which was asked once.
pub(super) struct Verdicts(HashMap<Check, Result<Verdict, PermitError>>);

impl Verdicts {
    /// Asks now: nobody's cache may make a revoked permission last longer.
    pub(super) async fn ask(pdp: &Pdp, checks: HashSet<Check>) -> Self {
        let checks: Vec<Check> = checks.into_iter().collect();
        let answers = pdp.decide(&checks, Freshness::Fresh).await.decisions;
        let verdicts =
            answers.into_iter().map(|answer| answer.map(|decision| Verdict { decision, id: Uuid::now_v7() }));
        Self(checks.into_iter().zip(verdicts).collect())
    }

    /// The answer to `check`. What has none is undecided, also when it was never asked.
    pub(super) fn on(&self, check: &Check) -> Result<Verdict, PermitError> {
        self.0.get(check).cloned().unwrap_or(Err(PermitError::Incomplete { asked: 1, got: 0 }))
    }

    /// Whether all of `checks` are allowed; else the first of them that is denied, if there is one.
    pub(super) fn all<'a>(&self, checks: &'a [Check]) -> Result<All<'a>, PermitError> {
        let mut undecided = None;
        for check in checks {
            match self.on(check) {
                Ok(verdict) if verdict.allows() => {}
                Ok(verdict) => return Ok(All::Denied(check, verdict)),
                Err(error) => undecided = Some(error),
            }
        }
        undecided.map_or(Ok(All::Allowed), Err)
    }
}

/// What is known about a list of checks.
pub(super) enum All<'a> {
    Allowed,
    Denied(&'a Check, Verdict),
}
