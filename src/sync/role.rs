//! Giving and taking one role.

use std::time::Instant;

use entity::user;

use super::{OutcomeKind, RoleOutcome, Sync, report::Report};
use crate::store::{LastAdmin, Progress, Source, StoreError, TenantStore};

/// How giving or taking a role ended.
#[derive(Debug)]
pub enum RoleChange {
    Done(RoleOutcome),
    /// Permit has no such role.
    UnknownRole,
    /// Nobody else in the tenant is an administrator.
    LastAdmin,
    /// The user was removed meanwhile.
    Absent,
}

impl Sync {
    /// Gives `role` to `user` in their tenant.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nothing was changed, unless it is [in doubt](StoreError::InDoubt).
    pub async fn assign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let deadline = self.deadline();
        if self.is_unknown(role, deadline).await {
            return Ok(RoleChange::UnknownRole);
        }
        let Some(item) = store.give_role(user, role).await? else { return Ok(RoleChange::Absent) };
        let progress = self.carried_out(item, deadline).await;
        Ok(match outcome(role, OutcomeKind::Kept, progress) {
            RoleOutcome { kind: OutcomeKind::UnknownRole, .. } => RoleChange::UnknownRole,
            outcome => RoleChange::Done(outcome),
        })
    }

    /// Takes `role` from `user` in their tenant. Two administrators who demote each other at once cannot both succeed.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nothing was changed, unless it is [in doubt](StoreError::InDoubt).
    pub async fn unassign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let deadline = self.deadline();
        let ledger = store.ledger_of(user.id).await?;
        if !ledger.iter().any(|entry| entry.role == role) && self.is_unknown(role, deadline).await {
            return Ok(RoleChange::UnknownRole);
        }
        let item = match store.take_role(user, role).await? {
            Ok(Some(item)) => item,
            Ok(None) => return Ok(RoleChange::Absent),
            Err(LastAdmin) => return Ok(RoleChange::LastAdmin),
        };
        let progress = self.carried_out(item, deadline).await;
        Ok(RoleChange::Done(outcome(role, OutcomeKind::Removed, progress)))
    }

    /// Whether Permit says that it has no such role. While it cannot be asked, the attempt finds out.
    async fn is_unknown(&self, role: &str, deadline: Instant) -> bool {
        let asked = tokio::time::timeout_at(deadline.into(), self.0.facts.role_exists(role)).await;
        matches!(asked, Ok(Ok(false)))
    }
}

/// What the report says about `role`; `usual` if it was done together with something else.
pub(super) fn outcome(role: &str, usual: OutcomeKind, progress: Progress) -> RoleOutcome {
    match progress {
        Progress::Done { report } => Report::read(&report)
            .outcome_of(role)
            .cloned()
            .unwrap_or_else(|| RoleOutcome::new(role, usual, Source::Manual)),
        Progress::Waiting => RoleOutcome::queued(role, Source::Manual, None),
        Progress::Failed { cause } => RoleOutcome::queued(role, Source::Manual, Some(&cause)),
        Progress::Dead { cause } => RoleOutcome::failed(role, Source::Manual, &cause),
    }
}
