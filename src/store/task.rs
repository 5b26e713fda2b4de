//! Tasks of a tenant.

use entity::task::{self, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    ModelTrait as _, QueryFilter as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use super::{Idempotency, StoreError, TenantStore, idempotency::Remembered, now};

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

impl Relations {
    /// Those of `task`.
    pub const fn of(task: &Model) -> Self {
        Self { owner_id: task.owner_id, assignee_id: task.assignee_id }
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
    /// The task is no longer related to the people that the change relies on.
    Moved {
        current: i32,
    },
}

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskDeletion {
    Done,
    Absent,
    /// The task is no longer related to the people that the deletion relies on.
    Moved,
}

impl TenantStore {
    pub(super) fn tasks(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// The task `id`, if this tenant has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_task(&self, id: Uuid) -> Result<Option<Model>, StoreError> {
        Ok(self.tasks().filter(Column::Id.eq(id)).one(&self.db).await?)
    }

    /// Those of `ids` that this tenant has, in no order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_tasks(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(self.tasks().filter(Column::Id.is_in(ids)).all(&self.db).await?)
    }

    /// Creates a task, or finds the one that an earlier call with the same key created.
    ///
    /// # Errors
    /// The database failed; nothing was created.
    pub async fn create_task(
        &self,
        new: NewTask,
        key: Option<&Idempotency>,
    ) -> Result<TaskCreation, StoreError> {
        match self.try_create_task(new.clone(), key).await {
            // Another node stored the same key between our look and our insert: its outcome is the answer.
            Err(StoreError::Duplicate(_)) => self.try_create_task(new, key).await,
            outcome => outcome,
        }
    }

    async fn try_create_task(
        &self,
        new: NewTask,
        key: Option<&Idempotency>,
    ) -> Result<TaskCreation, StoreError> {
        let tx = self.begin().await?;
        if let Some(key) = key {
            match self.recall::<Uuid, _>(&tx, key).await? {
                Remembered::Nothing => {}
                Remembered::OtherInput => return Ok(TaskCreation::KeyReused),
                Remembered::Outcome(id) => {
                    drop(tx);
                    return Ok(TaskCreation::Created(self.find_task(id).await?));
                }
            }
        }
        if !self.is_member(&tx, new.assignee_id).await? {
            return Ok(TaskCreation::AssigneeAbsent);
        }
        let task = self.insert_task(&tx, new).await?;
        if let Some(key) = key {
            self.remember(&tx, key, &task.id).await?;
        }
        tx.commit().await?;
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

    /// Applies `patch` if the task still has `expected_version`, when one is given, and the relations by which the
    /// change was `allowed_by`, when it was.
    ///
    /// # Errors
    /// The database failed; nothing was changed.
    pub async fn update_task(
        &self,
        id: Uuid,
        patch: TaskPatch,
        expected_version: Option<i32>,
        allowed_by: Option<Relations>,
    ) -> Result<TaskChange, StoreError> {
        let tx = self.begin().await?;
        let Some(task) = self.tasks().filter(Column::Id.eq(id)).lock_exclusive().one(&tx).await? else {
            return Ok(TaskChange::Absent);
        };
        if allowed_by.is_some_and(|relations| relations != Relations::of(&task)) {
            return Ok(TaskChange::Moved { current: task.version });
        }
        if expected_version.is_some_and(|expected| expected != task.version) {
            return Ok(TaskChange::Conflict { current: task.version });
        }
        if !self.is_member(&tx, patch.assignee_id.flatten()).await? {
            return Ok(TaskChange::AssigneeAbsent);
        }
        let Some(changed) = apply(&task, patch) else { return Ok(TaskChange::Done(task)) };
        let task = changed.update(&tx).await?;
        tx.commit().await?;
        Ok(TaskChange::Done(task))
    }

    /// Deletes the task, if it still has the relations by which that was `allowed_by`, when it was.
    ///
    /// # Errors
    /// The database failed; the task is still there.
    pub async fn delete_task(
        &self,
        id: Uuid,
        allowed_by: Option<Relations>,
    ) -> Result<TaskDeletion, StoreError> {
        let tx = self.begin().await?;
        let Some(task) = self.tasks().filter(Column::Id.eq(id)).lock_exclusive().one(&tx).await? else {
            return Ok(TaskDeletion::Absent);
        };
        if allowed_by.is_some_and(|relations| relations != Relations::of(&task)) {
            return Ok(TaskDeletion::Moved);
        }
        task.delete(&tx).await?;
        tx.commit().await?;
        Ok(TaskDeletion::Done)
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
