//! Creating and removing users, giving and taking roles. Always in the caller's own tenant.

use async_graphql::{Context, ID, Object, Result};
use entity::user::Model;

use super::{
    User,
    payload::{
        CreateUserInput, CreateUserPayload, DeleteUserInput, DeleteUserPayload, RemovalSystem, RoleInput,
        RolePayload, SystemOutcome, TasksOnRemoval, outcomes, role_outcome,
    },
    shown,
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
            id::{NodeKind, UserId},
            input,
            user_error::{UserError, UserErrorCode},
        },
    },
    store::{self, Idempotency, NewUser},
    sync::{self, Removal, RoleChange, Sync, SystemState, UserCreationOutcome},
};

/// Most roles that are given at once.
const MAX_ROLES: usize = 50;

#[derive(Default)]
pub(in crate::graphql) struct UserMutation;

#[Object(guard = permitted("Mutation"))]
impl UserMutation {
    /// Creates a user with roles, so that they may act from their first sign-in on. At most 50 roles.
    #[graphql(directive = requires::apply("user", "create", Scope::Tenant))]
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
    ) -> Result<Option<CreateUserPayload>> {
        let client_mutation_id = input.client_mutation_id.clone();
        let payload = create(ctx.signed_in()?, ctx.sync()?, input).await?;
        let user = shown(ctx.operation()?, payload.user).await?;
        Ok(Some(CreateUserPayload { user, client_mutation_id, ..payload }))
    }

    /// Removes a user from the caller's tenant, and from Permit and Auth0 when no other tenant has them. Their tokens
    /// are refused from then on, and a login does not bring them back; `createUser` does. What cannot be done at once
    /// is done later by itself; repeating the mutation tries it at once.
    #[graphql(directive = requires::apply("user", "delete", Scope::Tenant))]
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        input: DeleteUserInput,
    ) -> Result<Option<DeleteUserPayload>> {
        let client_mutation_id = input.client_mutation_id.clone();
        let payload = remove(ctx.signed_in()?, ctx.sync()?, input).await?;
        Ok(Some(DeleteUserPayload { client_mutation_id, ..payload }))
    }

    /// Gives a user a role in the caller's tenant. It holds on that user's next request, without a new login.
    #[graphql(directive = requires::apply("user", "assign-role", Scope::Tenant))]
    async fn assign_role(&self, ctx: &Context<'_>, input: RoleInput) -> Result<Option<RolePayload>> {
        let caller = ctx.signed_in()?;
        let user = existing(caller, input.user_id).await?;
        let change =
            ctx.sync()?.assign_role(&caller.store, &user, &input.role).await.map_err(ApiError::from)?;
        let payload = role_payload(caller, user, input, change).await?;
        let user = shown(ctx.operation()?, payload.user).await?;
        Ok(Some(RolePayload { user, ..payload }))
    }

    /// Takes a role from a user in the caller's tenant. It is gone on that user's next request.
    #[graphql(directive = requires::apply("user", "assign-role", Scope::Tenant))]
    async fn unassign_role(&self, ctx: &Context<'_>, input: RoleInput) -> Result<Option<RolePayload>> {
        let caller = ctx.signed_in()?;
        let user = existing(caller, input.user_id).await?;
        let change =
            ctx.sync()?.unassign_role(&caller.store, &user, &input.role).await.map_err(ApiError::from)?;
        let payload = role_payload(caller, user, input, change).await?;
        let user = shown(ctx.operation()?, payload.user).await?;
        Ok(Some(RolePayload { user, ..payload }))
    }
}

/// A valid `CreateUserInput`.
struct Wanted {
    new: NewUser,
    roles: Vec<String>,
    key: Option<Idempotency>,
}

fn wanted(caller: &SignedIn, input: CreateUserInput) -> Result<Wanted, Vec<UserError>> {
    let mut errors = Vec::new();
    let mut roles = input.roles.unwrap_or_default();
    roles.sort();
    roles.dedup();
    if roles.len() > MAX_ROLES {
        errors.push(UserError::new(
            UserErrorCode::TooLong,
            &["roles"],
            format!("At most {MAX_ROLES} roles."),
        ));
    }
    let parts = (
        input::subject(&input.subject),
        input::name(input.name),
        input::email(input.email),
        input::idempotency_key(input.idempotency_key),
    );
    match parts {
        (Ok(subject), Ok(name), Ok(email), Ok(key)) if errors.is_empty() => {
            let mut hashed = vec![Some(subject.as_str()), name.as_deref(), email.as_deref()];
            hashed.extend(roles.iter().map(|role| Some(role.as_str())));
            let input_hash = input::hash(&hashed);
            let key = key.map(|key| Idempotency {
                subject: caller.subject.to_string(),
                mutation: "createUser",
                key,
                input_hash,
            });
            Ok(Wanted { new: NewUser { subject, name, email }, roles, key })
        }
        (subject, name, email, key) => {
            errors.extend([subject.err(), name.err(), email.err(), key.err()].into_iter().flatten());
            Err(errors)
        }
    }
}

async fn create(
    caller: &SignedIn,
    sync: &Sync,
    input: CreateUserInput,
) -> Result<CreateUserPayload, ApiError> {
    let Wanted { new, roles, key } = match wanted(caller, input) {
        Ok(wanted) => wanted,
        Err(user_errors) => return Ok(CreateUserPayload { user_errors, ..Default::default() }),
    };
    let refused = |error| CreateUserPayload { user_errors: vec![error], ..Default::default() };
    let taken = |field: &str, what: &str| refused(UserError::new(UserErrorCode::Taken, &[field], what));
    Ok(match sync.create_user(&caller.store, new, &roles, key.as_ref()).await? {
        UserCreationOutcome::Created(created) => CreateUserPayload {
            user: created.user.map(User),
            role_outcomes: outcomes(&caller.tenant, created.outcomes),
            ..Default::default()
        },
        UserCreationOutcome::SubjectTaken => taken("subject", "This user exists already."),
        UserCreationOutcome::EmailTaken => taken("email", "Another user has this e-mail address."),
        UserCreationOutcome::KeyReused => refused(UserError::key_reused()),
        UserCreationOutcome::UnknownRoles(places) => {
            let unknown = places.into_iter().map(|at| UserError::unknown_role(&["roles"], &roles[at]));
            CreateUserPayload { user_errors: unknown.collect(), ..Default::default() }
        }
    })
}

async fn remove(
    caller: &SignedIn,
    sync: &Sync,
    input: DeleteUserInput,
) -> Result<DeleteUserPayload, ApiError> {
    let id = input.id;
    let refused = |error| Ok(DeleteUserPayload { user_errors: vec![error], ..Default::default() });
    if caller.row().await?.is_some_and(|me| me.id == id.uuid) {
        return refused(UserError::new(
            UserErrorCode::SelfDelete,
            &["id"],
            "Somebody else has to remove you.",
        ));
    }
    let tasks = match tasks_on_removal(&input) {
        Ok(tasks) => tasks,
        Err(error) => {
            existing(caller, id).await?;
            return refused(error);
        }
    };
    let (permit, auth0) = match sync.remove_user(&caller.store, id.uuid, tasks, &caller.subject).await? {
        Removal::Absent => return Err(ApiError::NotFound { kind: NodeKind::User, id: id.text() }),
        Removal::LastAdmin => return refused(UserError::last_admin()),
        Removal::HeirAbsent => return refused(UserError::absent_user("reassignTo")),
        Removal::Begun { permit, auth0 } => (permit, auth0),
    };
    let here = sync::SystemOutcome { state: SystemState::Done, detail: None };
    Ok(DeleteUserPayload {
        deleted_user_id: Some(ID(id.text())),
        systems: vec![
            SystemOutcome::of(RemovalSystem::Taskgate, here),
            SystemOutcome::of(RemovalSystem::Permit, permit),
            SystemOutcome::of(RemovalSystem::Auth0, auth0),
        ],
        ..Default::default()
    })
}

fn tasks_on_removal(input: &DeleteUserInput) -> Result<store::TasksOnRemoval, UserError> {
    let invalid = |message| Err(UserError::new(UserErrorCode::Invalid, &["reassignTo"], message));
    match (input.tasks.unwrap_or(TasksOnRemoval::KeepUnassigned), input.reassign_to) {
        (TasksOnRemoval::KeepUnassigned, None) => Ok(store::TasksOnRemoval::KeepUnassigned),
        (TasksOnRemoval::Reassign, Some(heir)) => Ok(store::TasksOnRemoval::Reassign(heir.uuid)),
        (TasksOnRemoval::KeepUnassigned, Some(_)) => {
            invalid("Say `tasks: REASSIGN` as well, or leave this out.")
        }
        (TasksOnRemoval::Reassign, None) => invalid("Say who takes the tasks over."),
    }
}

async fn existing(caller: &SignedIn, id: UserId) -> Result<Model, ApiError> {
    let found = caller.store.find_user(id.uuid).await?;
    found.ok_or_else(|| ApiError::NotFound { kind: NodeKind::User, id: id.text() })
}

async fn role_payload(
    caller: &SignedIn,
    user: Model,
    input: RoleInput,
    change: RoleChange,
) -> Result<RolePayload, ApiError> {
    // The payload shows the roles as they are after the change.
    caller.forget(user.id).await;
    let refused = |error| RolePayload { user_errors: vec![error], ..Default::default() };
    let payload = match change {
        RoleChange::Done(outcome) => {
            RolePayload { outcome: Some(role_outcome(&caller.tenant, outcome)), ..Default::default() }
        }
        RoleChange::UnknownRole => refused(UserError::unknown_role(&["role"], &input.role)),
        RoleChange::LastAdmin => refused(UserError::last_admin()),
        RoleChange::Absent => {
            return Err(ApiError::NotFound { kind: NodeKind::User, id: input.user_id.text() });
        }
    };
    Ok(RolePayload { user: Some(User(user)), client_mutation_id: input.client_mutation_id, ..payload })
}
