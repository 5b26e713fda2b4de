//! Changing tasks. The guard has asked for the permission, and for `task:get`, before anything here runs.

use std::sync::Arc;

use async_graphql::{Context, Guard as _, ID, MaybeUndefined, Object, Result};

use super::{
    Task,
    payload::{
        AssignTaskInput, AssignTaskPayload, CreateTaskInput, CreateTaskPayload, DeleteTaskInput,
        DeleteTaskPayload, Outcome, SetTaskCompletedInput, SetTaskCompletedPayload, UpdateTaskInput,
        UpdateTaskPayload,
    },
};
use crate::{
    graphql::{
        authorization::{
            directives::{Scope, requires},
            guard::permitted,
        },
        execution::{
            context::{ContextExt as _, SignedIn},
            error::ApiError,
        },
        schema::{
            id::{NodeKind, TaskId, UserId},
            input,
            user_error::{UserError, UserErrorCode},
        },
    },
    store::{Expected, Idempotency, NewTask, TaskChange, TaskCreation, TaskDeletion, TaskPatch},
};

/// How often a write is decided anew because the relations by which it was allowed changed meanwhile.
const MAX_ATTEMPTS: u32 = 4;

#[derive(Default)]
pub(in crate::graphql) struct TaskMutation;

#[Object(guard = permitted("Mutation"))]
impl TaskMutation {
    /// Creates a task that the caller owns.
    #[graphql(directive = requires::apply("task", "create", Scope::Tenant))]
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskInput,
    ) -> Result<Option<CreateTaskPayload>> {
        let client_mutation_id = input.client_mutation_id.clone();
        let outcome = create(ctx.signed_in()?, input).await?;
        Ok(Some(CreateTaskPayload::new(outcome, client_mutation_id)))
    }

    /// Changes title, notes or assignee of a task.
    #[graphql(directive = requires::apply("task", "update", Scope::Object))]
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskInput,
    ) -> Result<Option<UpdateTaskPayload>> {
        let outcome = match patch(input.title, input.notes, input.assignee_id) {
            Ok(patch) => change(ctx, input.id, patch, input.expected_version).await?,
            Err(errors) => refused(ctx.signed_in()?, input.id, errors).await?,
        };
        Ok(Some(UpdateTaskPayload::new(outcome, input.client_mutation_id)))
    }

    /// Ticks a task off, or opens it again. Saying what is so already changes nothing.
    #[graphql(directive = requires::apply("task", "check", Scope::Object))]
    async fn set_task_completed(
        &self,
        ctx: &Context<'_>,
        input: SetTaskCompletedInput,
    ) -> Result<Option<SetTaskCompletedPayload>> {
        let patch = TaskPatch { completed: Some(input.completed), ..TaskPatch::default() };
        let outcome = change(ctx, input.id, patch, input.expected_version).await?;
        Ok(Some(SetTaskCompletedPayload::new(outcome, input.client_mutation_id)))
    }

    /// Says who is to do a task. Without `assigneeId` nothing changes.
    #[graphql(directive = requires::apply("task", "assign", Scope::Object))]
    async fn assign_task(
        &self,
        ctx: &Context<'_>,
        input: AssignTaskInput,
    ) -> Result<Option<AssignTaskPayload>> {
        let assignee_id = input.assignee_id.map_value(|id| id.uuid).into();
        let patch = TaskPatch { assignee_id, ..TaskPatch::default() };
        let outcome = change(ctx, input.id, patch, input.expected_version).await?;
        Ok(Some(AssignTaskPayload::new(outcome, input.client_mutation_id)))
    }

    /// Deletes a task for good.
    #[graphql(directive = requires::apply("task", "delete", Scope::Object))]
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskInput,
    ) -> Result<Option<DeleteTaskPayload>> {
        delete(ctx, input.id).await?;
        Ok(Some(DeleteTaskPayload {
            deleted_task_id: Some(ID(input.id.text())),
            user_errors: Vec::new(),
            client_mutation_id: input.client_mutation_id,
        }))
    }
}

async fn create(caller: &SignedIn, input: CreateTaskInput) -> Result<Outcome, ApiError> {
    let key = input::idempotency_key(input.idempotency_key);
    let (title, notes, key) = match (input::title(&input.title), input::notes(input.notes), key) {
        (Ok(title), Ok(notes), Ok(key)) => (title, notes, key),
        (title, notes, key) => {
            let errors = [title.err(), notes.err(), key.err()];
            return Ok(Outcome::refused(errors.into_iter().flatten().collect()));
        }
    };
    let assignee = input.assignee_id.map(|id| id.text());
    let key = key.map(|key| Idempotency {
        subject: caller.subject.to_string(),
        mutation: "createTask",
        key,
        input_hash: input::hash(&[Some(&title), notes.as_deref(), assignee.as_deref()]),
    });
    let owner_id = caller.row().await?.map(|row| row.id);
    let new = NewTask { title, notes, owner_id, assignee_id: input.assignee_id.map(|id| id.uuid) };
    Ok(match caller.store.create_task(new, key.as_ref(), &caller.subject).await? {
        TaskCreation::Created(task) => Outcome::done(task.map(|task| Task(Arc::new(task)))),
        TaskCreation::AssigneeAbsent => Outcome::refused(vec![UserError::absent_user("assigneeId")]),
        TaskCreation::KeyReused => Outcome::refused(vec![UserError::key_reused()]),
    })
}

fn patch(
    title: MaybeUndefined<String>,
    notes: MaybeUndefined<String>,
    assignee_id: MaybeUndefined<UserId>,
) -> Result<TaskPatch, Vec<UserError>> {
    let title = match title {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => {
            Err(UserError::new(UserErrorCode::Blank, &["title"], "A title cannot be cleared."))
        }
        MaybeUndefined::Value(title) => input::title(&title).map(Some),
    };
    let notes = match notes {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(notes) => input::notes(Some(notes)).map(Some),
    };
    let assignee_id = assignee_id.map_value(|id| id.uuid).into();
    match (title, notes) {
        (Ok(title), Ok(notes)) => Ok(TaskPatch { title, notes, assignee_id, completed: None }),
        (title, notes) => Err([title.err(), notes.err()].into_iter().flatten().collect()),
    }
}

/// What a person can fix, on a task that is there: an absent one cannot be mended by another title.
async fn refused(caller: &SignedIn, id: TaskId, errors: Vec<UserError>) -> Result<Outcome, ApiError> {
    match caller.store.find_task(id.uuid).await? {
        Some(_) => Ok(Outcome::refused(errors)),
        None => Err(absent(id)),
    }
}

async fn change(
    ctx: &Context<'_>,
    id: TaskId,
    patch: TaskPatch,
    expected_version: Option<i32>,
) -> Result<Outcome> {
    let mut attempts = 0;
    loop {
        let caller = ctx.signed_in()?;
        let expected = Expected { version: expected_version, relations: ctx.operation()?.relied_on(id.uuid) };
        let change = caller.store.update_task(id.uuid, patch.clone(), expected, &caller.subject).await;
        attempts += 1;
        return Ok(match change.map_err(ApiError::from)? {
            TaskChange::Done(task) => Outcome::done(Some(Task(Arc::new(task)))),
            TaskChange::Absent => return Err(absent(id).into()),
            TaskChange::AssigneeAbsent => Outcome::refused(vec![UserError::absent_user("assigneeId")]),
            TaskChange::Moved { .. } if attempts < MAX_ATTEMPTS => {
                permitted("Mutation").check(ctx).await?;
                continue;
            }
            TaskChange::Moved { current } | TaskChange::Conflict { current } => {
                Outcome::refused(vec![UserError::version_conflict(current)])
            }
        });
    }
}

async fn delete(ctx: &Context<'_>, id: TaskId) -> Result<()> {
    for _ in 0..MAX_ATTEMPTS {
        let caller = ctx.signed_in()?;
        let expected = Expected { version: None, relations: ctx.operation()?.relied_on(id.uuid) };
        let deletion = caller.store.delete_task(id.uuid, expected, &caller.subject).await;
        match deletion.map_err(ApiError::from)? {
            TaskDeletion::Done => return Ok(()),
            TaskDeletion::Absent => break,
            TaskDeletion::Moved => permitted("Mutation").check(ctx).await?,
        }
    }
    Err(absent(id).into())
}

fn absent(id: TaskId) -> ApiError {
    ApiError::NotFound { kind: NodeKind::Task, id: id.text() }
}
