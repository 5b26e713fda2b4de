//! Removing a user: their roles here first, then Permit, then their row.

use entity::user;

use super::Sync;
use crate::{
    permit::PermitError,
    store::{AdminRemoval, StoreError, TenantStore},
};

/// What a removal did in one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemOutcome {
    pub state: SystemState,
    pub detail: Option<String>,
}

/// How far a removal got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemState {
    Done,
    /// Waits for another system; repeat the removal.
    Pending,
    Failed,
    /// The person belongs to another tenant too; only what concerns this tenant was removed.
    KeptElsewhere,
}

/// How the removal ended.
#[derive(Debug)]
pub enum Removal {
    /// State of our own rows, and of Permit.
    Attempted { here: SystemOutcome, permit: SystemOutcome },
    /// Nobody else in the tenant is an administrator; nothing was done.
    LastAdmin,
}

impl Sync {
    /// Removes `user` from their tenant, and from Permit when no other tenant has the subject. Repeating a removal
    /// that stopped half-way finishes it.
    ///
    /// # Errors
    /// Our own rows could not be read or written.
    pub async fn remove_user(&self, store: &TenantStore, user: &user::Model) -> Result<Removal, StoreError> {
        let taken = match store.take_roles(user.id, None).await? {
            AdminRemoval::LastAdmin => return Ok(Removal::LastAdmin),
            AdminRemoval::Taken(taken) => taken,
        };
        let elsewhere = store.is_known_elsewhere(&user.subject).await?;
        if let Err(error) = self.remove_at_permit(store.id(), &user.subject, elsewhere).await {
            tracing::warn!(cause = error.cause().code(), %error, "user not removed from Permit");
            store.put_back_roles(user.id, &taken).await?;
            let detail = format!("Permit did not do it ({}); remove the user again.", error.cause().code());
            return Ok(Removal::Attempted {
                here: SystemOutcome { state: SystemState::Pending, detail: None },
                permit: SystemOutcome { state: SystemState::Failed, detail: Some(detail) },
            });
        }
        store.delete_user(user.id).await?;
        let state = if elsewhere { SystemState::KeptElsewhere } else { SystemState::Done };
        Ok(Removal::Attempted {
            here: SystemOutcome { state: SystemState::Done, detail: None },
            permit: SystemOutcome { state, detail: None },
        })
    }

    async fn remove_at_permit(
        &self,
        tenant: &str,
        subject: &str,
        elsewhere: bool,
    ) -> Result<(), PermitError> {
        if elsewhere {
            self.facts.remove_from_tenant(tenant, subject).await
        } else {
            self.facts.delete_user(subject).await
        }
    }
}
