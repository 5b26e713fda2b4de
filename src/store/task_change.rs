//! Tasks of a tenant, as they are created, changed and deleted. Each of these writes its event with it.

use entity::task::{self, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    QueryFilter as _, QuerySelect as _,
};
use uuid::Uuid;

use super::{
    Idempotency, StoreError, TenantStore,
    event::{Changed, TaskWrite},
    idempotency::Remembered,
    now,
};

/// A task to be created.
#[derive(Debug, Clone)]
pub struct NewTask {
    pub title: String,
    pub notes: Option<String>,
    pub owner_id: Option<Uuid>,
    pub assignee_id: Option<Uuid>,
}

/// How a creation ended.
#[derive(Debug)]
pub enum TaskCreation {
    /// Created now, or by an earlier call with the same key; `None` if it was deleted since.
    Created(Option<Model>),
    /// No such user in this tenant.
    AssigneeAbsent,
    /// The idempotency key was used with another input.
    KeyReused,
}

/// What to change: absent fields stay, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct TaskPatch {
    pub title: Option<String>,
    pub notes: Option<Option<String>>,
    pub assignee_id: Option<Option<Uuid>>,
    pub completed: Option<bool>,
}

/// Who owns a task and who is to do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relations {
    pub owner_id: Option<Uuid>,
    pub assignee_id: Option<Uuid>,
}

/// What a write relies on: a task that differs is left alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// The version that its author saw.
    pub version: Option<i32>,
    /// The relations by which it was allowed, when it was allowed by them.
    pub relations: Option<Relations>,
}

impl Relations {
    /// Those of `task`.
    pub const fn of(task: &Model) -> Self {
        Self { owner_id: task.owner_id, assignee_id: task.assignee_id }
    }
}

impl Expected {
    fn is_moved(self, task: &Model) -> bool {
        self.relations.is_some_and(|relations| relations != Relations::of(task))
    }

    fn is_outdated(self, task: &Model) -> bool {
        self.version.is_some_and(|version| version != task.version)
    }
}

/// How a change ended.
#[derive(Debug)]
pub enum TaskChange {
    /// The task as it is now; its version grew only if something differed.
    Done(Model),
    Absent,
    /// Somebody changed it meanwhile.
    Conflict {
        current: i32,
    },
    /// No such user in this tenant.
    AssigneeAbsent,
    /// The task is no longer related to the people by whom the change was allowed.
    Moved {
        current: i32,
    },
}

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskDeletion {
    Done,
    Absent,
    /// The task is no longer related to the people by whom the deletion was allowed.
    Moved,
}

impl TenantStore {
    /// Creates a task for the subject `by`, or finds the one that an earlier call with the same key created.
    ///
    /// # Errors
    /// The database failed; nothing was created, unless it is [in doubt](StoreError::InDoubt).
    pub async fn create_task(
        &self,
        new: NewTask,
        key: Option<&Idempotency>,
        by: &str,
    ) -> Result<TaskCreation, StoreError> {
        match self.try_create_task(new.clone(), key, by).await {
            // Another node stored the same key between our look and our insert: its outcome is the answer.
            Err(StoreError::Duplicate(_)) => self.try_create_task(new, key, by).await,
            outcome => outcome,
        }
    }

    async fn try_create_task(
        &self,
        new: NewTask,
        key: Option<&Idempotency>,
        by: &str,
    ) -> Result<TaskCreation, StoreError> {
        let mut write = self.begin_tasks(by).await?;
        if let Some(key) = key {
            match self.recall::<Uuid, _>(&write.tx, key).await? {
                Remembered::Nothing => {}
                Remembered::OtherInput => return Ok(TaskCreation::KeyReused),
                Remembered::Outcome(id) => {
                    drop(write);
                    return Ok(TaskCreation::Created(self.find_task(id).await?));
                }
            }
        }
        if !self.is_member(&write.tx, new.assignee_id).await? {
            return Ok(TaskCreation::AssigneeAbsent);
        }
        let task = self.insert_task(&write.tx, new).await?;
        write.created(&task).await?;
        if let Some(key) = key {
            self.remember(&write.tx, key, &task.id).await?;
        }
        write.commit().await?;
        Ok(TaskCreation::Created(Some(task)))
    }

    async fn insert_task(&self, db: &impl ConnectionTrait, new: NewTask) -> Result<Model, StoreError> {
        let at = now();
        let task = task::ActiveModel {
            id: Set(Uuid::now_v7()),
            tenant_id: Set(self.tenant.to_string()),
            title: Set(new.title),
            notes: Set(new.notes),
            completed_at: Set(None),
            owner_id: Set(new.owner_id),
            assignee_id: Set(new.assignee_id),
            version: Set(1),
            created_at: Set(at),
            updated_at: Set(at),
        };
        Ok(task.insert(db).await?)
    }

    /// Applies `patch` for the subject `by` if the task is still as `expected`.
    ///
    /// # Errors
    /// The database failed; nothing was changed, unless it is [in doubt](StoreError::InDoubt).
    pub async fn update_task(
        &self,
        id: Uuid,
        patch: TaskPatch,
        expected: Expected,
        by: &str,
    ) -> Result<TaskChange, StoreError> {
        let mut write = self.begin_tasks(by).await?;
        let Some(before) = self.locked(&write, id).await? else { return Ok(TaskChange::Absent) };
        if expected.is_moved(&before) {
            return Ok(TaskChange::Moved { current: before.version });
        }
        if expected.is_outdated(&before) {
            return Ok(TaskChange::Conflict { current: before.version });
        }
        if !self.is_member(&write.tx, patch.assignee_id.flatten()).await? {
            return Ok(TaskChange::AssigneeAbsent);
        }
        let Some(changed) = apply(&before, patch) else { return Ok(TaskChange::Done(before)) };
        let after = changed.update(&write.tx).await?;
        write.updated(&[Changed { before, after: after.clone() }]).await?;
        write.commit().await?;
        Ok(TaskChange::Done(after))
    }

    /// Deletes the task for the subject `by` if it is still as `expected`.
    ///
    /// # Errors
    /// The database failed; the task is still there.
    pub async fn delete_task(
        &self,
        id: Uuid,
        expected: Expected,
        by: &str,
    ) -> Result<TaskDeletion, StoreError> {
        let mut write = self.begin_tasks(by).await?;
        let Some(task) = self.locked(&write, id).await? else { return Ok(TaskDeletion::Absent) };
        if expected.is_moved(&task) {
            return Ok(TaskDeletion::Moved);
        }
        write.deleted(&task).await?;
        Entity::delete_by_id(id).exec(&write.tx).await?;
        write.commit().await?;
        Ok(TaskDeletion::Done)
    }

    /// The task `id`, which nobody else changes until the transaction ends.
    async fn locked(&self, write: &TaskWrite<'_>, id: Uuid) -> Result<Option<Model>, StoreError> {
        Ok(self.tasks().filter(Column::Id.eq(id)).lock_exclusive().one(&write.tx).await?)
    }
}

/// `None` when the patch would change nothing.
fn apply(task: &Model, patch: TaskPatch) -> Option<task::ActiveModel> {
    let mut next = task.clone();
    if let Some(title) = patch.title {
        next.title = title;
    }
    if let Some(notes) = patch.notes {
        next.notes = notes;
    }
    if let Some(assignee) = patch.assignee_id {
        next.assignee_id = assignee;
    }
    let at = now();
    if let Some(completed) = patch.completed.filter(|completed| *completed != task.completed_at.is_some()) {
        next.completed_at = completed.then_some(at);
    }
    (next != *task).then(|| task::ActiveModel {
        id: sea_orm::ActiveValue::Unchanged(task.id),
        title: Set(next.title),
        notes: Set(next.notes),
        completed_at: Set(next.completed_at),
        assignee_id: Set(next.assignee_id),
        version: Set(task.version + 1),
        updated_at: Set(at),
        ..Default::default()
    })
}
