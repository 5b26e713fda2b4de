//! Giving and taking one role.

use entity::user;

use super::{OutcomeKind, RoleOutcome, Sync};
use crate::{
    permit::{Assigned, PermitError},
    store::{AdminRemoval, Role, Source, StoreError, TenantStore},
};

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
    /// Our copy could not be written; Permit may hold the role, and repeating is safe.
    pub async fn assign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let outcome = self.give(&user.subject, role, store.id(), Source::Manual).await;
        match outcome.kind {
            OutcomeKind::UnknownRole => return Ok(RoleChange::UnknownRole),
            OutcomeKind::Assigned | OutcomeKind::Kept => {
                let role = Role { role: role.to_owned(), source: Source::Manual };
                store.add_role(user.id, &role).await?;
            }
            OutcomeKind::Removed | OutcomeKind::Failed => {}
        }
        Ok(RoleChange::Done(outcome))
    }

    /// Takes `role` from `user` in their tenant. Our copy goes first, so that two administrators who demote each
    /// other at once cannot both succeed, and comes back if Permit does not follow.
    ///
    /// # Errors
    /// Our copy could not be written.
    pub async fn unassign_role(
        &self,
        store: &TenantStore,
        user: &user::Model,
        role: &str,
    ) -> Result<RoleChange, StoreError> {
        let taken = match store.take_roles(user.id, Some(role)).await? {
            AdminRemoval::LastAdmin => return Ok(RoleChange::LastAdmin),
            AdminRemoval::Taken(taken) => taken,
        };
        let source = taken.first().map_or(Source::Manual, |role| role.source);
        Ok(RoleChange::Done(match self.facts.unassign(&user.subject, role, store.id()).await {
            Ok(_) => RoleOutcome::new(role, OutcomeKind::Removed, source),
            Err(error) => {
                store.put_back_roles(user.id, &taken).await?;
                RoleOutcome::failed(role, source, &error)
            }
        }))
    }

    /// Gives a role in Permit and says what became of it.
    pub(super) async fn give(&self, user: &str, role: &str, tenant: &str, source: Source) -> RoleOutcome {
        match self.try_give(user, role, tenant).await {
            Ok(kind) => {
                let detail = (kind == OutcomeKind::UnknownRole)
                    .then(|| "Permit has no role of this name; mind the case.".to_owned());
                RoleOutcome { detail, ..RoleOutcome::new(role, kind, source) }
            }
            Err(error) => {
                tracing::warn!(cause = error.cause().code(), %error, "role not assigned");
                RoleOutcome::failed(role, source, &error)
            }
        }
    }

    async fn try_give(&self, user: &str, role: &str, tenant: &str) -> Result<OutcomeKind, PermitError> {
        match self.facts.assign(user, role, tenant).await?.what {
            Assigned::New => Ok(OutcomeKind::Assigned),
            Assigned::Already => Ok(OutcomeKind::Kept),
            // The answer does not say what is missing in a form to rely on, so ask for the likeliest.
            Assigned::NotFound if self.facts.role_exists(role).await? => Err(PermitError::NotFound),
            Assigned::NotFound => Ok(OutcomeKind::UnknownRole),
        }
    }
}
