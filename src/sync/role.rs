//! Giving and taking one role.

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
}

impl Sync {
    /// Gives `role` to `user` in their tenant.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nothing was changed.
    pub async fn assign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let deadline = self.deadline();
        // While Permit cannot be asked the change is taken, and the attempt finds out.
        if matches!(self.0.facts.role_exists(role).await, Ok(false)) {
            return Ok(RoleChange::UnknownRole);
        }
        let item = store.give_role(user, role).await?;
        let progress = self.carried_out(item, deadline).await?;
        Ok(match outcome(role, OutcomeKind::Kept, progress) {
            RoleOutcome { kind: OutcomeKind::UnknownRole, .. } => RoleChange::UnknownRole,
            outcome => RoleChange::Done(outcome),
        })
    }

    /// Takes `role` from `user` in their tenant. Two administrators who demote each other at once cannot both succeed.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nothing was changed.
    pub async fn unassign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let deadline = self.deadline();
        let item = match store.take_role(user, role).await? {
            Ok(item) => item,
            Err(LastAdmin) => return Ok(RoleChange::LastAdmin),
        };
        let progress = self.carried_out(item, deadline).await?;
        Ok(RoleChange::Done(outcome(role, OutcomeKind::Removed, progress)))
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
