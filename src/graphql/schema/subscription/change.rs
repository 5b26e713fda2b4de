//! What subscribers are told, as types of the schema.

use std::sync::Arc;

use async_graphql::{Enum, ID, SimpleObject};
use entity::{
    task,
    task_event::{Kind, Model},
};
use time::OffsetDateTime;

use crate::graphql::{
    execution::error::ApiError,
    instant,
    schema::{
        id::{NodeKind, global_id},
        task::Task,
    },
};

/// A change of a task, as a subscriber is told it.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct TaskChange {
    /// What happened.
    kind: TaskChangeKind,
    /// Id of the task.
    task_id: ID,
    /// The task as it is now; null when it is gone, or when the caller may not read it any more.
    task: Option<Task>,
    /// When it happened.
    at: OffsetDateTime,
}

/// What happened to a task.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum TaskChangeKind {
    /// It is new.
    Created,
    /// It was changed.
    Updated,
    /// It is gone.
    Deleted,
    /// It was changed, and the caller may not read it any more. Only in `taskChanged`.
    NoLongerVisible,
}

/// What the caller may do from now on.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct PermissionsChange {
    /// The permissions of this API that the caller holds, as `task:get`, sorted.
    pub(super) permissions: Vec<String>,
    /// When they were found to be others than before.
    pub(super) at: OffsetDateTime,
}

impl From<Kind> for TaskChangeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Created => Self::Created,
            Kind::Updated => Self::Updated,
            Kind::Deleted => Self::Deleted,
        }
    }
}

impl TaskChange {
    /// # Errors
    /// The stored time is out of range.
    pub(super) fn new(
        kind: TaskChangeKind,
        event: &Model,
        task: Option<Arc<task::Model>>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            kind,
            task_id: global_id(NodeKind::Task, event.task_id),
            task: task.map(Task),
            at: instant(event.at)?,
        })
    }
}
