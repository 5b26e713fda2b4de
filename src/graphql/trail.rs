//! What an operation's decisions leave behind: the reasons of its denials, and who could have done it.

use std::sync::{Arc, Mutex, PoisonError};

use super::{reason::DenialReason, roles::RoleBook, rules::Rules};
use crate::{
    audit::{Cause, Grounds},
    auth::{SubjectKind, VerifiedUser},
    permit::Check,
    store::TenantStore,
};

/// The trail of one operation of a signed-in caller.
pub(super) struct Trail {
    caller: Arc<VerifiedUser>,
    store: TenantStore,
    pub(super) roles: RoleBook,
    /// One for each subject that was asked about: nearly always the caller alone.
    grounds: Mutex<Vec<Arc<Grounds>>>,
}

impl Trail {
    pub(super) fn new(caller: Arc<VerifiedUser>, store: TenantStore, roles: RoleBook) -> Self {
        Self { caller, store, roles, grounds: Mutex::default() }
    }

    /// Why `check` was denied, for which the PDP gave no reason: from our rows and the manifest.
    pub(super) fn inferred(&self, rules: &Rules, check: &Check) -> Cause {
        let impossible = rules.impossible(&check.resource, &check.action);
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
