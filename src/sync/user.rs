//! Users that an administrator creates before they sign in for the first time.

use std::time::Instant;

use entity::user;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{OutcomeKind, RoleOutcome, Sync, desired::Wanted, role::outcome};
use crate::store::{Idempotency, KeyReused, NewUser, StoreError, TenantStore, UserCreation, given};

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
}

/// What an idempotency key stands for.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    user_id: Uuid,
    work: i64,
}

/// Why nobody is created.
enum Objection {
    EmailTaken,
    UnknownRoles(Vec<usize>),
}

impl Sync {
    /// Creates a user with `roles`. The profile of a person whom Permit knows already, perhaps from another tenant, is
    /// not touched; the tombstone of one who was removed from this tenant is lifted.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nobody was created, unless it is [in doubt](StoreError::InDoubt).
    pub async fn create_user(
        &self,
        store: &TenantStore,
        new: NewUser,
        roles: &[String],
        key: Option<&Idempotency>,
    ) -> Result<UserCreationOutcome, StoreError> {
        let deadline = self.deadline();
        if let Some(key) = key {
            match store.recall_user_creation::<Stored>(key).await? {
                None => {}
                Some(Err(KeyReused)) => return Ok(UserCreationOutcome::KeyReused),
                Some(Ok(stored)) => return self.repeated(store, stored, roles, deadline).await,
            }
        }
        let objection = tokio::time::timeout_at(deadline.into(), self.objection(&new, roles)).await;
        match objection.unwrap_or(None) {
            None => {}
            Some(Objection::EmailTaken) => return Ok(UserCreationOutcome::EmailTaken),
            Some(Objection::UnknownRoles(at)) => return Ok(UserCreationOutcome::UnknownRoles(at)),
        }
        let desired = Wanted::of_administrator(&new).desired(self.0.config.policy);
        let entries: Vec<_> = roles.iter().map(|role| given(role)).collect();
        let stored = |user: &user::Model, work| Stored { user_id: user.id, work };
        match store.create_user(new, &desired, &entries, key, stored).await? {
            UserCreation::Taken => Ok(UserCreationOutcome::SubjectTaken),
            UserCreation::KeyReused => Ok(UserCreationOutcome::KeyReused),
            UserCreation::Repeated(stored) => self.repeated(store, stored, roles, deadline).await,
            UserCreation::Created { user, work } => Ok(self.created(Some(user), work, roles, deadline).await),
        }
    }

    /// What Permit has against it. While Permit cannot be asked, nothing: the attempt finds out.
    async fn objection(&self, new: &NewUser, roles: &[String]) -> Option<Objection> {
        if !roles.is_empty()
            && let Ok(existing) = self.0.facts.roles().await
        {
            let unknown: Vec<usize> = (0..roles.len()).filter(|at| !existing.contains(&roles[*at])).collect();
            if !unknown.is_empty() {
                return Some(Objection::UnknownRoles(unknown));
            }
        }
        let email = new.email.as_deref()?;
        let is_new = matches!(self.0.facts.user(&new.subject).await, Ok(None));
        let taken = is_new && matches!(self.0.facts.is_email_taken(email).await, Ok(true));
        taken.then_some(Objection::EmailTaken)
    }

    async fn repeated(
        &self,
        store: &TenantStore,
        stored: Stored,
        roles: &[String],
        deadline: Instant,
    ) -> Result<UserCreationOutcome, StoreError> {
        let user = store.find_user(stored.user_id).await?;
        Ok(self.created(user, stored.work, roles, deadline).await)
    }

    async fn created(
        &self,
        user: Option<user::Model>,
        work: i64,
        roles: &[String],
        deadline: Instant,
    ) -> UserCreationOutcome {
        let progress = self.carried_out(work, deadline).await;
        let outcomes = roles.iter().map(|role| outcome(role, OutcomeKind::Kept, progress.clone())).collect();
        UserCreationOutcome::Created(UserCreated { user, outcomes })
    }
}
