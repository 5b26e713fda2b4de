//! Removing a user: the tombstone here first, then Permit, then Auth0. Each step is an item of its own, so that it
//! can fail, be seen and be repeated without the others.

use uuid::Uuid;

use super::{
    Sync,
    worker::{Failure, Step},
};
use crate::store::{
    Job, KEPT_ELSEWHERE as KEPT, Progress, RemovalItems, RemovalStart, StoreError, TasksOnRemoval,
    TenantStore,
};

/// What an item's report says when the person is gone.
const GONE: &str = "DONE";

/// What a removal did in one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemOutcome {
    pub state: SystemState,
    /// For people; `None` when there is nothing to add.
    pub detail: Option<String>,
}

/// How far a removal got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemState {
    Done,
    /// Not done yet.
    Pending,
    /// An attempt failed; it is repeated.
    Failed,
    /// The server was given no access to this system.
    NotConfigured,
    /// The person belongs to another tenant too; only what concerns this tenant was removed.
    KeptElsewhere,
}

/// How the removal ended.
#[derive(Debug)]
pub enum Removal {
    /// Gone here; this is the state of Permit and of Auth0.
    Begun { permit: SystemOutcome, auth0: SystemOutcome },
    /// There is no such user.
    Absent,
    /// Nobody else in the tenant is an administrator; nothing was done.
    LastAdmin,
    /// The user who is to take the tasks over is not there; nothing was done.
    HeirAbsent,
}

impl Sync {
    /// Removes the user `id` for the subject `by` from their tenant, and from Permit and Auth0 when no other tenant has
    /// the person. Repeating a removal that is not finished tries what is left at once.
    ///
    /// # Errors
    /// Our own rows could not be read or written; nothing was done, unless it is [in doubt](StoreError::InDoubt).
    pub async fn remove_user(
        &self,
        store: &TenantStore,
        id: Uuid,
        tasks: TasksOnRemoval,
        by: &str,
    ) -> Result<Removal, StoreError> {
        let deadline = self.deadline();
        let items = match store.begin_removal(id, tasks, self.0.admin.is_some(), by).await? {
            RemovalStart::Begun(items) => items,
            RemovalStart::Absent => return Ok(Removal::Absent),
            RemovalStart::LastAdmin => return Ok(Removal::LastAdmin),
            RemovalStart::HeirAbsent => return Ok(Removal::HeirAbsent),
        };
        let RemovalItems { permit, account } = items;
        let permit = SystemOutcome::from(self.carried_out(permit, deadline).await);
        let auth0 = match account {
            None => SystemOutcome {
                state: SystemState::NotConfigured,
                detail: Some("The account stays; remove it at Auth0 as well.".to_owned()),
            },
            // Auth0 comes after Permit, so there is nothing to wait for while Permit is not done.
            Some(_) if permit.is_unfinished() => SystemOutcome { state: SystemState::Pending, detail: None },
            Some(item) => self.carried_out(item, deadline).await.into(),
        };
        Ok(Removal::Begun { permit, auth0 })
    }

    pub(super) async fn remove_at_permit(&self, job: &Job) -> Result<Step, Failure> {
        let (store, facts) = (&self.0.store, &self.0.facts);
        if store.tenant(&job.tenant).is_back_since(&job.subject, job.seq).await? {
            store.finish(job, GONE).await?;
            return Ok(Step::Done);
        }
        let Some(known) = facts.user(&job.subject).await? else {
            store.finish(job, GONE).await?;
            return Ok(Step::Done);
        };
        let tenants = known.tenants.iter().chain(known.roles.iter().map(|role| &role.tenant));
        let elsewhere = store.tenant(&job.tenant).is_known_elsewhere(&job.subject).await?
            || tenants.into_iter().any(|tenant| *tenant != job.tenant);
        if elsewhere {
            facts.remove_from_tenant(&job.tenant, &job.subject).await?;
            store.keep_account(&job.tenant, &job.subject).await?;
        } else {
            facts.delete_user(&job.subject).await?;
        }
        store.finish(job, if elsewhere { KEPT } else { GONE }).await?;
        Ok(Step::Done)
    }

    pub(super) async fn remove_account(&self, job: &Job) -> Result<Step, Failure> {
        // Without access any more there is nobody to ask; the account stays, as it would have without any.
        let Some(admin) = &self.0.admin else {
            self.0.store.finish(job, KEPT).await?;
            return Ok(Step::Done);
        };
        let kept = self.0.store.is_known(&job.subject).await?;
        if !kept {
            admin.delete_user(&job.subject).await?;
        }
        self.0.store.finish(job, if kept { KEPT } else { GONE }).await?;
        Ok(Step::Done)
    }
}

impl SystemOutcome {
    fn is_unfinished(&self) -> bool {
        matches!(self.state, SystemState::Pending | SystemState::Failed)
    }
}

impl From<Progress> for SystemOutcome {
    fn from(progress: Progress) -> Self {
        let (state, detail) = match progress {
            Progress::Done { report } if report == KEPT => (SystemState::KeptElsewhere, None),
            Progress::Done { .. } => (SystemState::Done, None),
            Progress::Waiting => (SystemState::Pending, None),
            Progress::Failed { cause } => {
                (SystemState::Failed, Some(format!("It failed ({cause}) and is tried again by itself.")))
            }
            Progress::Dead { cause } => (
                SystemState::Failed,
                Some(format!("It failed ({cause}) for too long; remove the user again.")),
            ),
        };
        Self { state, detail }
    }
}
