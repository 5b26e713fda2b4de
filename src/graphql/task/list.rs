//! A page of tasks.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::task::Model;

use super::{Task, filter::listing};
use crate::{
    graphql::{
        connection::{PageInfo, encode},
        context::ContextExt as _,
        error::ApiError,
        permission::{PermissionResult, Question, ask_one},
    },
    store::{Page, TaskListQuery, TaskOrder},
};

/// A page of a list of tasks.
pub(in crate::graphql) struct TaskConnection {
    pub(super) query: TaskListQuery,
    pub(super) page: Page<Model>,
}

/// A task and its place in the list.
#[derive(SimpleObject)]
pub(in crate::graphql) struct TaskEdge {
    /// The task.
    node: Task,
    /// Its place, for `after` and `before`.
    cursor: String,
}

/// A page of a list of tasks.
#[Object]
impl TaskConnection {
    /// The tasks of this page with their cursors.
    async fn edges(&self) -> Vec<TaskEdge> {
        let edge =
            |task: &Model| TaskEdge { node: Task(task.clone()), cursor: cursor(self.query.order, task) };
        self.page.rows.iter().map(edge).collect()
    }

    /// The tasks of this page.
    async fn nodes(&self) -> Vec<Task> {
        self.page.rows.iter().cloned().map(Task).collect()
    }

    /// Where this page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page, |task| cursor(self.query.order, task))
    }

    /// How many tasks the list has, over all its pages; null where it could not be told honestly.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let count = ctx.signed_in()?.store.count_tasks(&self.query).await.map_err(ApiError::from)?;
        Ok(i32::try_from(count).ok())
    }

    /// Whether the caller may create a task.
    async fn viewer_can_create(&self, ctx: &Context<'_>) -> Result<Option<PermissionResult>> {
        ask_one(ctx, Question::tenant("task", "create")).await
    }
}

fn cursor(order: TaskOrder, task: &Model) -> String {
    encode(listing(order), order.position(task))
}
