//! A page of tasks.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use entity::task::Model;

use super::{Task, filter::listing, narrowed};
use crate::{
    graphql::{
        execution::{
            context::{ContextExt as _, Operation},
            eager::{Eager, EagerList},
            error::ApiError,
        },
        schema::{
            connection::{PageInfo, encode},
            permission::{PermissionResult, Question, ask_one},
        },
    },
    store::{Page, PageRequest, TaskListQuery, TaskOrder},
};

/// A page of a list of tasks.
pub(in crate::graphql) struct TaskConnection {
    query: TaskListQuery,
    page: Page<Arc<Model>>,
    /// Whether the list leaves out what the caller may not read.
    is_narrowed: bool,
}

/// A task and its place in the list.
pub(in crate::graphql) struct TaskEdge {
    task: Task,
    order: TaskOrder,
}

/// A task and its place in the list.
#[Object]
impl TaskEdge {
    /// The task.
    async fn node(&self) -> Eager<Task> {
        Eager(self.task.clone())
    }

    /// Its place, for `after` and `before`.
    async fn cursor(&self) -> String {
        cursor(self.order, &self.task.0)
    }
}

/// A page of a list of tasks.
#[Object]
impl TaskConnection {
    /// The tasks of this page with their cursors.
    async fn edges(&self) -> EagerList<TaskEdge> {
        let edge = |task: &Arc<Model>| TaskEdge { task: Task(task.clone()), order: self.query.order };
        EagerList(self.page.rows.iter().map(edge).collect())
    }

    /// The tasks of this page.
    async fn nodes(&self) -> EagerList<Task> {
        EagerList(self.page.rows.iter().cloned().map(Task).collect())
    }

    /// Where this page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page, |task| cursor(self.query.order, task))
    }

    /// How many tasks the list has, over all its pages; null for a caller who may read only single tasks.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        if self.is_narrowed {
            return Ok(None);
        }
        let count = ctx.signed_in()?.store.count_tasks(&self.query).await.map_err(ApiError::from)?;
        Ok(i32::try_from(count).ok())
    }

    /// Whether the caller may create a task.
    async fn viewer_can_create(&self, ctx: &Context<'_>) -> Result<Option<PermissionResult>> {
        ask_one(ctx, Question::tenant("task", "create")).await
    }
}

impl TaskConnection {
    /// The page of `query` that the caller may read.
    ///
    /// # Errors
    /// The database failed, or Permit did not decide about one of the rows.
    pub(super) async fn load(
        operation: &Operation,
        mut query: TaskListQuery,
        request: &PageRequest,
    ) -> Result<Self, ApiError> {
        let caller = operation.signed_in()?;
        let is_narrowed = operation.is_narrowed();
        let page = if is_narrowed {
            let row = caller.row().await?.ok_or(ApiError::Internal("a narrowed list of nobody"))?;
            query.related_to = Some(row.id);
            narrowed::page(operation, &query, request).await?
        } else {
            let page = caller.store.list_tasks(&query, request).await?.map(Arc::new);
            if operation.object_rules {
                caller.load_people(&page.rows).await?;
            }
            page
        };
        Ok(Self { query, page, is_narrowed })
    }
}

fn cursor(order: TaskOrder, task: &Model) -> String {
    encode(listing(order), order.position(task))
}
