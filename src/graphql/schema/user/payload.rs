//! Inputs and payloads of the user mutations.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::{RoleSource, User};
use crate::{
    graphql::schema::{id::UserId, user_error::UserError},
    sync::{self, OutcomeKind},
};

/// A user to create before they sign in for the first time.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateUserInput {
    /// The `sub` that this person's tokens will carry, at most 255 characters.
    pub(super) subject: String,
    /// At most 200 characters.
    pub(super) name: Option<String>,
    /// At most 254 characters.
    pub(super) email: Option<String>,
    /// Roles to give, at most 50, spelled as in Permit.
    pub(super) roles: Option<Vec<String>>,
    /// Repeat a create with the same key and input within 24 hours, and you get the first outcome again.
    /// At most 200 characters.
    pub(super) idempotency_key: Option<String>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// A user to remove from the caller's tenant.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct DeleteUserInput {
    /// The user.
    pub(super) id: UserId,
    /// What becomes of the tasks that the user owns or is to do; absent: they stay, without owner or assignee.
    pub(super) tasks: Option<TasksOnRemoval>,
    /// Who takes the tasks over; needed with `REASSIGN`, and only then.
    pub(super) reassign_to: Option<UserId>,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// What becomes of the tasks of a user who is removed.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum TasksOnRemoval {
    /// They stay, without owner or assignee.
    KeepUnassigned,
    /// `reassignTo` takes them over.
    Reassign,
}

/// A role to give or to take.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct RoleInput {
    /// The user.
    pub(super) user_id: UserId,
    /// Key of the role, spelled as in Permit.
    pub(super) role: String,
    /// Returned as it is.
    pub(super) client_mutation_id: Option<String>,
}

/// What came of `createUser`.
#[derive(SimpleObject, Default)]
pub(in crate::graphql) struct CreateUserPayload {
    /// The user; null when nobody was created, or when the caller may not read users.
    pub(super) user: Option<User>,
    /// What became of each role.
    pub(super) role_outcomes: Vec<RoleOutcome>,
    /// What the person can fix; empty when it was done.
    pub(super) user_errors: Vec<UserError>,
    /// As sent.
    pub(super) client_mutation_id: Option<String>,
}

/// What came of `deleteUser`.
#[derive(SimpleObject, Default)]
pub(in crate::graphql) struct DeleteUserPayload {
    /// Id of the user who is gone from this tenant, whatever the other systems say; null when nothing was done.
    pub(super) deleted_user_id: Option<ID>,
    /// How far each system is.
    pub(super) systems: Vec<SystemOutcome>,
    /// What the person can fix; empty when it was done.
    pub(super) user_errors: Vec<UserError>,
    /// As sent.
    pub(super) client_mutation_id: Option<String>,
}

/// What came of `assignRole` or `unassignRole`.
#[derive(SimpleObject, Default)]
pub(in crate::graphql) struct RolePayload {
    /// The user with the roles they have now; null when the caller may not read users.
    pub(super) user: Option<User>,
    /// What became of the role; null when nothing was done.
    pub(super) outcome: Option<RoleOutcome>,
    /// What the person can fix; empty when it was done.
    pub(super) user_errors: Vec<UserError>,
    /// As sent.
    pub(super) client_mutation_id: Option<String>,
}

/// What became of one role.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct RoleOutcome {
    /// The role, spelled as in the token or in the input.
    role: String,
    /// Key of the tenant.
    tenant: String,
    /// What became of it.
    outcome: RoleOutcomeKind,
    /// Who gave it.
    source: RoleSource,
    /// For people; null when there is nothing to add.
    detail: Option<String>,
}

/// What became of a role.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum RoleOutcomeKind {
    /// The user holds it now.
    Assigned,
    /// The user held it already.
    Kept,
    /// Permit has no such role; names are case-sensitive.
    UnknownRole,
    /// Permit did not do it for too long; an operator has to look.
    Failed,
    /// The user holds it no longer.
    Removed,
    /// Not given: somebody took it away in Permit, or the server's role policy does not give it.
    SkippedByPolicy,
    /// Not done yet; it is tried again by itself.
    Queued,
}

/// How far a removal is in one system.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct SystemOutcome {
    /// The system.
    pub(super) system: RemovalSystem,
    /// How far it is.
    pub(super) state: RemovalState,
    /// For people; null when there is nothing to add.
    pub(super) detail: Option<String>,
}

/// A system that a user is removed from.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum RemovalSystem {
    /// This server's own rows.
    Taskgate,
    /// Permit: membership, roles, and the user when no other tenant has them.
    Permit,
    /// The account at Auth0.
    #[graphql(name = "AUTH0")]
    Auth0,
}

/// How far a removal is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum RemovalState {
    /// The user is gone.
    Done,
    /// Not done yet; it is done by itself.
    Pending,
    /// Did not work so far; it is tried again by itself, and at once when the mutation is repeated.
    Failed,
    /// This server has no access to it.
    NotConfigured,
    /// The person belongs to another tenant too, which keeps them.
    KeptElsewhere,
}

impl SystemOutcome {
    pub(super) fn of(system: RemovalSystem, outcome: sync::SystemOutcome) -> Self {
        let state = match outcome.state {
            sync::SystemState::Done => RemovalState::Done,
            sync::SystemState::Pending => RemovalState::Pending,
            sync::SystemState::Failed => RemovalState::Failed,
            sync::SystemState::NotConfigured => RemovalState::NotConfigured,
            sync::SystemState::KeptElsewhere => RemovalState::KeptElsewhere,
        };
        Self { system, state, detail: outcome.detail }
    }
}

/// The outcomes of roles in `tenant`.
pub(in crate::graphql) fn outcomes(tenant: &str, outcomes: Vec<sync::RoleOutcome>) -> Vec<RoleOutcome> {
    outcomes.into_iter().map(|outcome| role_outcome(tenant, outcome)).collect()
}

pub(super) fn role_outcome(tenant: &str, outcome: sync::RoleOutcome) -> RoleOutcome {
    RoleOutcome {
        role: outcome.role,
        tenant: tenant.to_owned(),
        outcome: match outcome.kind {
            OutcomeKind::Assigned => RoleOutcomeKind::Assigned,
            OutcomeKind::Kept => RoleOutcomeKind::Kept,
            OutcomeKind::Removed => RoleOutcomeKind::Removed,
            OutcomeKind::UnknownRole => RoleOutcomeKind::UnknownRole,
            OutcomeKind::Failed => RoleOutcomeKind::Failed,
            OutcomeKind::SkippedByPolicy => RoleOutcomeKind::SkippedByPolicy,
            OutcomeKind::Queued => RoleOutcomeKind::Queued,
        },
        source: match outcome.source {
            sync::RoleSource::Idp => RoleSource::Idp,
            sync::RoleSource::Manual => RoleSource::Manual,
        },
        detail: outcome.detail,
    }
}
