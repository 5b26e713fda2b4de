//! What an operation's decisions leave behind: the reasons of its denials, who could have done it, and the lines of the
//! log.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    decisions::{Undecided, Verdict},
    reason::DenialReason,
    roles::RoleBook,
    rules::Rules,
};
use crate::{
    audit::{self, Cause, Entry, Grounds, Log, Origin},
    auth::{SubjectKind, VerifiedUser},
    permit::Check,
    store::{Standing, StoreError, TenantStore},
};

/// What all trails have in common.
#[derive(Clone)]
pub(in crate::graphql) struct TrailContext {
    pub(in crate::graphql) rules: Arc<Rules>,
    pub(in crate::graphql) roles: RoleBook,
    pub(in crate::graphql) log: Log,
}

/// The trail of one operation of a signed-in caller.
pub(in crate::graphql) struct Trail {
    pub(in crate::graphql) context: TrailContext,
    caller: Arc<VerifiedUser>,
    /// The caller, as checks name them.
    subject: Arc<str>,
    store: TenantStore,
    origin: Arc<Origin>,
    /// One for each subject that was asked about: nearly always the caller alone.
    grounds: Mutex<Vec<Arc<Grounds>>>,
}

impl Trail {
    pub(in crate::graphql) fn new(
        context: TrailContext,
        caller: Arc<VerifiedUser>,
        store: TenantStore,
        origin: Origin,
    ) -> Self {
        let subject = caller.id.as_str().into();
        Self { context, caller, subject, store, origin: Arc::new(origin), grounds: Mutex::default() }
    }

    /// That of the same request later on, when our rows may say something else.
    pub(in crate::graphql) fn afresh(&self) -> Self {
        Self {
            context: self.context.clone(),
            caller: self.caller.clone(),
            subject: self.subject.clone(),
            store: self.store.clone(),
            origin: self.origin.clone(),
            grounds: Mutex::default(),
        }
    }

    /// How `subject` stands in the tenant.
    ///
    /// # Errors
    /// The database failed.
    pub(in crate::graphql) async fn standing(&self, subject: &Arc<str>) -> Result<Standing, StoreError> {
        self.grounds(subject).standing().await
    }

    /// Logs the verdicts among the `answers` to `checks`. What no field asks about decides nothing, and anybody may ask
    /// about it: made-up words would fill the log.
    pub(in crate::graphql) fn record(&self, checks: &[Check], answers: &[Result<Verdict, Undecided>]) {
        let at = audit::now();
        let rules = &self.context.rules;
        let is_real = |check: &Check| rules.impossible(&check.resource, &check.action).is_none();
        let given = checks.iter().zip(answers).filter(|(check, _)| is_real(check));
        let entries = given.filter_map(|(check, answer)| Some(self.entry(check, *answer.as_ref().ok()?, at)));
        self.context.log.record(entries.collect());
    }

    fn entry(&self, check: &Check, verdict: Verdict, at: i64) -> Entry {
        let denied = (!verdict.allows()).then(|| match verdict.deny_code() {
            Some(code) => Cause::Known(code.code()),
            None => self.inferred(check),
        });
        Entry {
            id: verdict.id,
            at,
            tenant: check.tenant.clone(),
            subject: check.user.clone(),
            resource: check.resource.clone(),
            action: check.action.clone(),
            key: check.key.clone(),
            denied,
            origin: self.origin.clone(),
            asked_by: (check.user != self.subject).then(|| self.subject.clone()),
        }
    }

    /// Why `check` was denied, for which the PDP gave no reason: from our rows and the manifest.
    pub(in crate::graphql) fn inferred(&self, check: &Check) -> Cause {
        let impossible = self.context.rules.impossible(&check.resource, &check.action);
        if self.is_machine(&check.user) {
            // No login copies a machine, so that our rows say nothing about it.
            return Cause::Known(impossible.unwrap_or(DenialReason::Unknown).code());
        }
        let otherwise = impossible.unwrap_or(DenialReason::NoPermission).code();
        Cause::Inferred { grounds: self.grounds(&check.user), otherwise }
    }

    fn is_machine(&self, subject: &str) -> bool {
        self.caller.kind == SubjectKind::Service && self.caller.id.as_str() == subject
    }

    fn grounds(&self, subject: &Arc<str>) -> Arc<Grounds> {
        let mut known = self.grounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grounds) = known.iter().find(|grounds| grounds.subject() == &**subject) {
            return grounds.clone();
        }
        let grounds = Arc::new(Grounds::new(subject.clone(), self.store.clone()));
        known.push(grounds.clone());
        grounds
    }
}
