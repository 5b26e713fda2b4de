//! Tasks: the object, what may be read of it, and its list.

mod filter;
mod history;
mod list;
mod mutation;
mod narrowed;
mod payload;
mod query;

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use entity::task::Model;
use futures_util::FutureExt as _;
use time::OffsetDateTime;

pub(in crate::graphql) use filter::TaskFilter;
pub(in crate::graphql) use mutation::TaskMutation;
pub(in crate::graphql) use query::TaskQuery;

use self::history::{TaskEventConnection, history};
use super::{
    id::{NodeKind, global_id},
    permission::{PermissionResult, Question, ask_one},
    user::User,
};
use crate::graphql::{
    authorization::{
        directives::{Scope, requires},
        guard::permitted,
    },
    execution::{context::ContextExt as _, eager::Eager},
    instant,
};

/// Something to be done.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Task(pub(in crate::graphql) Arc<Model>);

/// Something to be done.
#[Object(guard = permitted("Task").on(&self.0))]
impl Task {
    /// Globally unique and stable; good for `node(id:)`.
    pub(in crate::graphql) async fn id(&self) -> ID {
        global_id(NodeKind::Task, self.0.id)
    }

    /// What is to be done, 1 to 200 characters.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Whether it is done.
    async fn completed(&self) -> bool {
        self.0.completed_at.is_some()
    }

    /// When it was ticked off; null while it is open.
    async fn completed_at(&self) -> Result<Option<OffsetDateTime>> {
        Ok(self.0.completed_at.map(instant).transpose()?)
    }

    /// Grows by one with every change; send it as `expectedVersion` so as not to overwrite somebody else's change.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was created.
    async fn created_at(&self) -> Result<OffsetDateTime> {
        Ok(instant(self.0.created_at)?)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<OffsetDateTime> {
        Ok(instant(self.0.updated_at)?)
    }

    /// Details, at most 10,000 characters.
    #[graphql(directive = requires::apply("task", "read-notes", Scope::Object))]
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// Who created it; null when that user was removed.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.owner_id).await
    }

    /// Who is to do it.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.assignee_id).await
    }

    /// What the caller may do with this task, for the buttons of a client.
    async fn viewer_permissions(&self) -> Option<Eager<TaskPermissions>> {
        Some(Eager(TaskPermissions(self.0.clone())))
    }

    /// What happened to it, newest first; 20 a page, at most 100. It begins with the first change that was recorded.
    #[graphql(directive = requires::apply("audit", "get", Scope::Tenant))]
    async fn history(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Option<TaskEventConnection>> {
        Ok(Some(history(ctx, self.0.id, first, after).boxed().await?))
    }
}

async fn person(ctx: &Context<'_>, id: Option<uuid::Uuid>) -> Result<Option<User>> {
    match id {
        Some(id) => Ok(ctx.signed_in()?.load_user(id).boxed().await?.map(User)),
        None => Ok(None),
    }
}

/// What the caller may do with a task. Each answer is null only when it cannot be decided at the moment.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct TaskPermissions(Arc<Model>);

/// What the caller may do with a task. Each answer is null only when it cannot be decided at the moment.
#[Object]
impl TaskPermissions {
    /// Whether the caller may change title and notes.
    async fn can_update(&self, ctx: &Context<'_>) -> Result<Option<Eager<PermissionResult>>> {
        self.can(ctx, "update").await
    }

    /// Whether the caller may tick it off.
    async fn can_check(&self, ctx: &Context<'_>) -> Result<Option<Eager<PermissionResult>>> {
        self.can(ctx, "check").await
    }

    /// Whether the caller may choose who is to do it.
    async fn can_assign(&self, ctx: &Context<'_>) -> Result<Option<Eager<PermissionResult>>> {
        self.can(ctx, "assign").await
    }

    /// Whether the caller may delete it.
    async fn can_delete(&self, ctx: &Context<'_>) -> Result<Option<Eager<PermissionResult>>> {
        self.can(ctx, "delete").await
    }
}

impl TaskPermissions {
    async fn can(&self, ctx: &Context<'_>, action: &'static str) -> Result<Option<Eager<PermissionResult>>> {
        Ok(ask_one(ctx, Question::task(action, &self.0)).await?.map(Eager))
    }
}
