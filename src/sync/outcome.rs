//! What became of one role.

use serde::{Deserialize, Serialize};

use crate::{permit::PermitError, store::Source};

/// What became of a role, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOutcome {
    /// Spelled as in the token or in the input.
    pub role: String,
    pub kind: OutcomeKind,
    pub source: RoleSource,
    /// For people; `None` when there is nothing to add.
    pub detail: Option<String>,
}

/// [`Source`], in a form that can be stored with an idempotent outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleSource {
    Idp,
    Manual,
}

/// What became of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// Permit holds it now.
    Assigned,
    /// Permit held it already.
    Kept,
    /// It was taken away.
    Removed,
    /// Permit has no such role.
    UnknownRole,
    /// Permit did not do it; try again.
    Failed,
}

impl RoleOutcome {
    pub(super) fn new(role: &str, kind: OutcomeKind, source: Source) -> Self {
        Self { role: role.to_owned(), kind, source: source.into(), detail: None }
    }

    pub(super) fn failed(role: &str, source: Source, why: &PermitError) -> Self {
        let detail = format!("Permit did not do it ({}); try again.", why.cause().code());
        Self { detail: Some(detail), ..Self::new(role, OutcomeKind::Failed, source) }
    }

    /// Whether Permit holds the role.
    pub(super) fn holds(&self) -> bool {
        matches!(self.kind, OutcomeKind::Assigned | OutcomeKind::Kept)
    }
}

impl From<Source> for RoleSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Idp => Self::Idp,
            Source::Manual => Self::Manual,
        }
    }
}
