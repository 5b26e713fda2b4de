//! Users that an administrator creates before they sign in for the first time.

use entity::user;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{RoleOutcome, Sync, split_name};
use crate::{
    permit::{PermitError, UserProfile},
    store::{Idempotency, KeyReused, NewUser, Role, Source, StoreError, TenantStore, UserCreation},
};

/// A user who was created, now or by an earlier call with the same idempotency key.
#[derive(Debug)]
pub struct UserCreated {
    /// `None` if the user was removed since.
    pub user: Option<user::Model>,
    pub outcomes: Vec<RoleOutcome>,
}

/// How the creation ended.
#[derive(Debug)]
pub enum UserCreationOutcome {
    Created(UserCreated),
    /// The tenant has the subject already.
    SubjectTaken,
    /// Another user of Permit has the e-mail address.
    EmailTaken,
    /// These roles, by their place in the input, do not exist; nothing was done.
    UnknownRoles(Vec<usize>),
    KeyReused,
    /// Permit did not do it; nothing was stored, and repeating is safe.
    Unavailable(PermitError),
}

/// What an idempotency key stands for.
#[derive(Serialize, Deserialize)]
struct Stored {
    user_id: Uuid,
    outcomes: Vec<RoleOutcome>,
}

impl Sync {
    /// Creates a user with `roles` in Permit and then here. The profile of a subject that Permit knows already,
    /// perhaps from another tenant, is not touched.
    ///
    /// # Errors
    /// Our own rows could not be read or written.
    pub async fn create_user(
        &self,
        store: &TenantStore,
        new: NewUser,
        roles: &[String],
        key: Option<&Idempotency>,
    ) -> Result<UserCreationOutcome, StoreError> {
        if let Some(key) = key
            && let Some(earlier) = recalled(store, key).await?
        {
            return Ok(earlier);
        }
        if store.user_of(&new.subject).await?.is_some() {
            return Ok(UserCreationOutcome::SubjectTaken);
        }
        let outcomes = match self.provision(store.id(), &new, roles).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(unknown)) => return Ok(UserCreationOutcome::UnknownRoles(unknown)),
            Err(PermitError::Conflict) => return Ok(UserCreationOutcome::EmailTaken),
            Err(error) => return Ok(UserCreationOutcome::Unavailable(error)),
        };
        let held: Vec<Role> = outcomes
            .iter()
            .filter(|outcome| outcome.holds())
            .map(|outcome| Role { role: outcome.role.clone(), source: Source::Manual })
            .collect();
        let stored = |user: &user::Model| Stored { user_id: user.id, outcomes: outcomes.clone() };
        Ok(match store.create_user(new, &held, key, stored).await? {
            UserCreation::Taken => UserCreationOutcome::SubjectTaken,
            UserCreation::Created(user) => {
                UserCreationOutcome::Created(UserCreated { user: Some(user), outcomes })
            }
        })
    }

    /// User, membership and roles at Permit; or the places of the roles that do not exist.
    async fn provision(
        &self,
        tenant: &str,
        new: &NewUser,
        roles: &[String],
    ) -> Result<Result<Vec<RoleOutcome>, Vec<usize>>, PermitError> {
        if !roles.is_empty() {
            let existing = self.facts.roles().await?;
            let unknown: Vec<usize> = (0..roles.len()).filter(|at| !existing.contains(&roles[*at])).collect();
            if !unknown.is_empty() {
                return Ok(Err(unknown));
            }
        }
        let known = self.facts.user(&new.subject).await?;
        if known.is_none() {
            let (first_name, last_name) = new.name.as_deref().map_or((None, None), split_name);
            let profile = UserProfile {
                key: new.subject.clone(),
                email: new.email.clone(),
                first_name,
                last_name,
                ..UserProfile::default()
            };
            self.facts.put_user(&profile).await?;
        }
        if !known.is_some_and(|user| user.tenants.iter().any(|member| member == tenant)) {
            self.facts.add_to_tenant(tenant, &new.subject).await?;
        }
        let mut outcomes = Vec::with_capacity(roles.len());
        for role in roles {
            outcomes.push(self.give(&new.subject, role, tenant, Source::Manual).await);
        }
        Ok(Ok(outcomes))
    }
}

async fn recalled(store: &TenantStore, key: &Idempotency) -> Result<Option<UserCreationOutcome>, StoreError> {
    Ok(match store.recall_user_creation::<Stored>(key).await? {
        None => None,
        Some(Err(KeyReused)) => Some(UserCreationOutcome::KeyReused),
        Some(Ok(stored)) => Some(UserCreationOutcome::Created(UserCreated {
            user: store.find_user(stored.user_id).await?,
            outcomes: stored.outcomes,
        })),
    })
}
