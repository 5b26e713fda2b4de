//! What happens to tasks: each change writes its event in its own transaction, and once that is committed the event
//! is told to whoever listens, on every node. A change that is rolled back leaves none.

use std::sync::Arc;

use entity::{
    task,
    task_event::{ActiveModel, Entity, Kind, Model, Traits},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _};
use uuid::Uuid;

use super::{
    Signal, StoreError, TenantStore, commit,
    notice::{Notice, send},
    now,
};

/// A transaction that writes tasks, and what it has written so far.
pub(super) struct TaskWrite<'a> {
    pub(super) tx: DatabaseTransaction,
    tenant: &'a TenantStore,
    by: &'a str,
    events: Vec<Model>,
}

/// A task before and after a change.
pub(super) struct Changed {
    pub(super) before: task::Model,
    pub(super) after: task::Model,
}

impl TenantStore {
    /// Begins to write tasks for the subject `by`.
    pub(super) async fn begin_tasks<'a>(&'a self, by: &'a str) -> Result<TaskWrite<'a>, StoreError> {
        Ok(self.tasks_in(self.begin().await?, by))
    }

    /// Writes tasks for the subject `by` in a transaction that writes other things too.
    pub(super) fn tasks_in<'a>(&'a self, tx: DatabaseTransaction, by: &'a str) -> TaskWrite<'a> {
        TaskWrite { tx, tenant: self, by, events: Vec::new() }
    }
}

impl TaskWrite<'_> {
    pub(super) async fn created(&mut self, task: &task::Model) -> Result<(), StoreError> {
        self.note(vec![self.event(Kind::Created, task.version, None, Some(task), task)]).await
    }

    pub(super) async fn updated(&mut self, changes: &[Changed]) -> Result<(), StoreError> {
        let event = |Changed { before, after }: &Changed| {
            self.event(Kind::Updated, after.version, Some(before), Some(after), after)
        };
        self.note(changes.iter().map(event).collect()).await
    }

    pub(super) async fn deleted(&mut self, task: &task::Model) -> Result<(), StoreError> {
        self.note(vec![self.event(Kind::Deleted, task.version + 1, Some(task), None, task)]).await
    }

    /// Commits, and tells what happened: SQLite's one node at once, those over PostgreSQL by their relays.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        if self.tx.get_database_backend() == DbBackend::Postgres {
            let notice = |event: Model| Notice::Task { event: Box::new(event) };
            send(&self.tx, &self.events.into_iter().map(notice).collect::<Vec<_>>()).await?;
            return commit(self.tx).await;
        }
        commit(self.tx).await?;
        for event in self.events {
            self.tenant.feed.publish(Signal::Task(Arc::new(event)));
        }
        Ok(())
    }

    /// The same for a change of what `subject` may do.
    pub(super) async fn commit_permissions(self, subject: &str) -> Result<(), StoreError> {
        let tenant = self.tenant;
        tenant.send_permissions(&self.tx, subject).await?;
        let committed = self.commit().await;
        // Told even if the answer was lost: it may have been committed, and asking once more harms nobody.
        tenant.publish_permissions(subject);
        committed
    }

    fn event(
        &self,
        kind: Kind,
        version: i32,
        before: Option<&task::Model>,
        after: Option<&task::Model>,
        task: &task::Model,
    ) -> ActiveModel {
        ActiveModel {
            id: Set(Uuid::now_v7()),
            tenant_id: Set(task.tenant_id.clone()),
            task_id: Set(task.id),
            version: Set(version),
            kind: Set(kind),
            by: Set(Some(self.by.to_owned())),
            at: Set(after.map_or_else(now, |task| task.updated_at)),
            before: Set(before.map(Traits::from)),
            after: Set(after.map(Traits::from)),
            ..Default::default()
        }
    }

    async fn note(&mut self, events: Vec<ActiveModel>) -> Result<(), StoreError> {
        if !events.is_empty() {
            self.events.extend(Entity::insert_many(events).exec_with_returning(&self.tx).await?);
        }
        Ok(())
    }
}
