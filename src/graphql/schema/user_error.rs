//! What a *person* can fix, as part of a mutation's payload. What a client got wrong is a GraphQL error instead.

use async_graphql::{Enum, SimpleObject};

/// What is wrong with an input.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum UserErrorCode {
    /// Nothing is left after trimming.
    Blank,
    /// Longer than the field allows.
    TooLong,
    /// Contains something that the field does not allow.
    Invalid,
    /// Something that the input refers to does not exist.
    NotFound,
    /// Somebody has it already.
    Taken,
    /// The object was changed since it was read; `currentVersion` tells what it is now.
    VersionConflict,
    /// The same idempotency key was used with another input.
    IdempotencyKeyReused,
    /// The tenant would be left without an administrator.
    LastAdmin,
    /// Nobody can remove themselves.
    SelfDelete,
    /// Permit does not know the role.
    UnknownRole,
}

/// A problem with the input that a person can fix. Nothing was changed.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) struct UserError {
    /// What is wrong, for programs.
    code: UserErrorCode,
    /// What is wrong, for people.
    message: String,
    /// Path of the input field, for example `["input", "title"]`; null when no single field is to blame.
    field: Option<Vec<String>>,
    /// With `VERSION_CONFLICT`: the version that the object has now.
    current_version: Option<i32>,
}

impl UserError {
    pub(in crate::graphql) fn new(code: UserErrorCode, field: &[&str], message: impl Into<String>) -> Self {
        let path = std::iter::once("input").chain(field.iter().copied());
        Self {
            code,
            message: message.into(),
            field: (!field.is_empty()).then(|| path.map(str::to_owned).collect()),
            current_version: None,
        }
    }

    pub(super) fn version_conflict(current: i32) -> Self {
        Self {
            current_version: Some(current),
            ..Self::new(
                UserErrorCode::VersionConflict,
                &["expectedVersion"],
                "Somebody changed it meanwhile; load it again.",
            )
        }
    }

    pub(super) fn absent_user(field: &str) -> Self {
        Self::new(UserErrorCode::NotFound, &[field], "There is no such user.")
    }

    pub(super) fn key_reused() -> Self {
        Self::new(
            UserErrorCode::IdempotencyKeyReused,
            &["idempotencyKey"],
            "This key was used with another input; take a new key for a new request.",
        )
    }

    pub(super) fn last_admin() -> Self {
        Self::new(
            UserErrorCode::LastAdmin,
            &[],
            "The tenant needs an administrator; appoint another one first.",
        )
    }

    pub(super) fn unknown_role(field: &[&str], role: &str) -> Self {
        Self::new(UserErrorCode::UnknownRole, field, format!("Permit has no role `{role}`; mind the case."))
    }
}
