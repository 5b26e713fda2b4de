//! What is forgotten, so that nothing grows without an end. What is kept for ever, and why: the events of a task that is
//! there are its history; a tombstone refuses tokens and logins until `createUser` lifts it; an item of the outbox that
//! was given up waits for an operator. Outcomes of idempotent creates go with the [next one](super::idempotency), the
//! log of decisions has a retention of its own.

use std::collections::HashMap;

use entity::{
    outbox,
    task_event::{self, Kind},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use super::{Store, StoreError, now};

/// Finished items are kept this long, in microseconds: longer than an idempotency key, whose outcome they are.
const FINISHED_MICROS: i64 = 25 * 60 * 60 * 1_000_000;

/// Deleted tasks that are forgotten at once: each statement is short.
const TASKS_AT_ONCE: u64 = 200;

impl Store {
    /// Forgets items that were done long ago, and some of the tasks that were deleted long ago.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        outbox::Entity::delete_many()
            .filter(outbox::Column::State.eq(outbox::State::Done))
            .filter(outbox::Column::FinishedAt.lt(now() - FINISHED_MICROS))
            .exec(&self.db)
            .await?;
        if !self.deleted_task_retention.is_zero() {
            let age = i64::try_from(self.deleted_task_retention.as_micros()).unwrap_or(i64::MAX);
            self.forget_deleted_tasks(now().saturating_sub(age)).await?;
        }
        Ok(())
    }

    /// Forgets what happened to tasks that were deleted before `time`, at most [`TASKS_AT_ONCE`] of them.
    async fn forget_deleted_tasks(&self, time: i64) -> Result<(), StoreError> {
        let deleted: Vec<(String, Uuid)> = deleted_before(time).into_tuple().all(&self.db).await?;
        let mut tenants: HashMap<String, Vec<Uuid>> = HashMap::new();
        for (tenant, task) in deleted {
            tenants.entry(tenant).or_default().push(task);
        }
        for (tenant, tasks) in tenants {
            task_event::Entity::delete_many()
                .filter(task_event::Column::TenantId.eq(tenant))
                .filter(task_event::Column::TaskId.is_in(tasks))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }
}

/// Tenants and ids of the tasks that were deleted first.
pub(super) fn deleted_before(time: i64) -> Select<task_event::Entity> {
    task_event::Entity::find()
        .select_only()
        .columns([task_event::Column::TenantId, task_event::Column::TaskId])
        .filter(task_event::Column::Kind.eq(Kind::Deleted))
        .filter(task_event::Column::At.lt(time))
        .order_by_asc(task_event::Column::At)
        .limit(TASKS_AT_ONCE)
}
