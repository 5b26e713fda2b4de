//! Reading tasks.

use async_graphql::{Context, Object, Result};

use super::{
    Task,
    filter::{TaskFilter, TaskOrder, listing},
    list::TaskConnection,
};
use crate::graphql::{
    authorization::{
        directives::{Scope, requires},
        guard::permitted,
    },
    execution::context::ContextExt as _,
    schema::{connection::PageArguments, id::TaskId},
};

#[derive(Default)]
pub(in crate::graphql) struct TaskQuery;

#[Object(guard = permitted("Query"))]
impl TaskQuery {
    /// The task with this id; null when it does not exist or the caller may not read it.
    #[graphql(directive = requires::apply("task", "get", Scope::Object))]
    async fn task(&self, ctx: &Context<'_>, id: TaskId) -> Result<Option<Task>> {
        Ok(ctx.signed_in()?.load_task(id.uuid).await?.map(Task))
    }

    /// The tasks of the caller's tenant, newest first unless ordered otherwise; 20 a page, at most 100.
    #[graphql(directive = requires::apply("task", "get", Scope::Tenant))]
    #[expect(clippy::too_many_arguments, reason = "a connection has four arguments of its own")]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TaskFilter>,
        order_by: Option<TaskOrder>,
    ) -> Result<Option<TaskConnection>> {
        let query = filter.unwrap_or_default().query(order_by)?;
        let request = PageArguments { first, after, last, before }.read(listing(query.order))?;
        Ok(Some(TaskConnection::load(ctx.operation()?, query, &request).await?))
    }
}
