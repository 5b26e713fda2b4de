//! What our own rows say about somebody: enough to explain a denial without asking anybody else.

use super::{StoreError, TenantStore};

/// Why an item of the outbox fails as long as Permit has no such tenant.
pub const UNKNOWN_TENANT: &str = "UNKNOWN_TENANT";

/// How somebody stands in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They never signed in.
    Unknown,
    /// Permit, when it was told of them, did not know the tenant.
    NoTenant,
    /// No role of theirs is known.
    NoRole,
    /// They hold a role.
    Holder,
}

impl TenantStore {
    /// How `subject` stands in this tenant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn standing(&self, subject: &str) -> Result<Standing, StoreError> {
        let Some(user) = self.user_of(subject).await? else { return Ok(Standing::Unknown) };
        if !self.roles_of(vec![user.id]).await?.is_empty() {
            return Ok(Standing::Holder);
        }
        let waiting = self.unfinished_of(subject).await?;
        let unknown = waiting.iter().any(|item| item.cause.as_deref() == Some(UNKNOWN_TENANT));
        Ok(if unknown { Standing::NoTenant } else { Standing::NoRole })
    }
}
