//! Many questions of many people, asked together.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::board::TaskWatch;
use crate::{
    graphql::authorization::{decisions::Verdict, object_rules::Ruling},
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

    /// The first of `checks` that is denied, if there is one.
    ///
    /// # Errors
    /// None is denied, and one of them is undecided.
    pub(super) fn denied(&self, checks: &[Check]) -> Result<Option<Ruling>, PermitError> {
        let mut undecided = None;
        for check in checks {
            match self.on(check) {
                Ok(verdict) if verdict.allows() => {}
                Ok(verdict) => return Ok(Some(Ruling { check: check.clone(), verdict })),
                Err(error) => undecided = Some(error),
            }
        }
        undecided.map_or(Ok(None), Err)
    }
}

/// What a subscriber may be told of.
pub(super) enum Reach {
    /// Every task of the tenant.
    All,
    /// Perhaps single tasks.
    Single,
    None(Box<Ruling>),
    Undecided(PermitError),
}

/// What `verdicts` say about a subscriber of tasks. With object rules somebody may read single tasks who may not read
/// them in general; nothing makes up for a permission that a filter needs.
pub(super) fn reach(watch: &TaskWatch, verdicts: &Verdicts, object_rules: bool) -> Reach {
    let denied = match verdicts.denied(&watch.needs) {
        Ok(None) => return Reach::All,
        Ok(Some(ruling)) => ruling,
        Err(error) => return Reach::Undecided(error),
    };
    let Some((get, others)) = watch.needs.split_first().filter(|_| object_rules) else {
        return Reach::None(Box::new(denied));
    };
    match verdicts.denied(others) {
        Ok(None) if denied.check == *get => Reach::Single,
        Ok(other) => Reach::None(Box::new(other.unwrap_or(denied))),
        Err(error) => Reach::Undecided(error),
    }
}
