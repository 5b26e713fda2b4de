//! Inputs and payloads of the task mutations.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::Task;
use crate::graphql::{
    authorization::directives::{Scope, requires},
    execution::context::ContextExt as _,
    schema::{
        id::{TaskId, UserId},
        user_error::UserError,
    },
};

/// A task to create.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct CreateTaskInput {
    /// 1 to 200 characters after trimming.
    pub(super) title: String,
    /// At most 10,000 characters.
    pub(super) notes: Option<String>,
    /// Who is to do it.
    #[graphql(directive = requires::apply("task", "assign", Scope::Tenant))]
    pub(super) assignee_id: Option<UserId>,
    /// Repeat a create with the same key and input within 24 hours, and you get the first outcome again.
    /// At most 200 characters.
    pub(super) idempotency_key: Option<String>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// A change of a task: absent fields stay as they are, null clears.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct UpdateTaskInput {
    /// The task.
    pub(super) id: TaskId,
    /// 1 to 200 characters after trimming; it cannot be cleared.
    pub(super) title: MaybeUndefined<String>,
    /// At most 10,000 characters.
    pub(super) notes: MaybeUndefined<String>,
    /// Who is to do it.
    #[graphql(directive = requires::apply("task", "assign", Scope::Object))]
    pub(super) assignee_id: MaybeUndefined<UserId>,
    /// Change it only if it still has this version.
    pub(super) expected_version: Option<i32>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// Ticks a task off, or opens it again.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct SetTaskCompletedInput {
    /// The task.
    pub(super) id: TaskId,
    /// True when it is done.
    pub(super) completed: bool,
    /// Change it only if it still has this version.
    pub(super) expected_version: Option<i32>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// Says who is to do a task.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct AssignTaskInput {
    /// The task.
    pub(super) id: TaskId,
    /// Who is to do it; null: nobody; absent: whoever it is now.
    pub(super) assignee_id: MaybeUndefined<UserId>,
    /// Change it only if it still has this version.
    pub(super) expected_version: Option<i32>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// A task to delete.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct DeleteTaskInput {
    /// The task.
    pub(super) id: TaskId,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// What an outcome is, before it takes the shape of one mutation's payload.
pub(super) struct Outcome {
    task: Option<Task>,
    user_errors: Vec<UserError>,
}

impl Outcome {
    pub(super) fn done(task: Option<Task>) -> Self {
        Self { task, user_errors: Vec::new() }
    }

    pub(super) fn refused(user_errors: Vec<UserError>) -> Self {
        Self { task: None, user_errors }
    }

    /// The task, if the caller may read what it has become.
    async fn shown(&self, ctx: &Context<'_>) -> Result<Option<Task>> {
        let task = self.task.iter().map(|task| task.0.clone()).collect();
        Ok(ctx.operation()?.readable(task).await?.pop().map(Task))
    }
}

/// Declares payloads that differ in nothing but their name, as Relay wants one for each mutation.
macro_rules! task_payloads {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub(in crate::graphql) struct $name {
            outcome: Outcome,
            client_mutation_id: Option<String>,
        }

        $(#[$doc])*
        #[Object]
        impl $name {
            /// The task as it is now; null when nothing was done, or when the caller may not read it.
            async fn task(&self, ctx: &Context<'_>) -> Result<Option<Task>> {
                self.outcome.shown(ctx).await
            }

            /// What the person can fix; empty when it was done.
            async fn user_errors(&self) -> &[UserError] {
                &self.outcome.user_errors
            }

            /// As sent.
            async fn client_mutation_id(&self) -> Option<&str> {
                self.client_mutation_id.as_deref()
            }
        }

        impl $name {
            pub(super) const fn new(outcome: Outcome, client_mutation_id: Option<String>) -> Self {
                Self { outcome, client_mutation_id }
            }
        }
    )*};
}

task_payloads! {
    /// What came of `createTask`.
    CreateTaskPayload;
    /// What came of `updateTask`.
    UpdateTaskPayload;
    /// What came of `setTaskCompleted`.
    SetTaskCompletedPayload;
    /// What came of `assignTask`.
    AssignTaskPayload;
}

/// What came of `deleteTask`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DeleteTaskPayload {
    /// Id of the task that is gone.
    pub(super) deleted_task_id: Option<ID>,
    /// What the person can fix; empty when it was done.
    pub(super) user_errors: Vec<UserError>,
    /// As sent.
    pub(super) client_mutation_id: Option<String>,
}
