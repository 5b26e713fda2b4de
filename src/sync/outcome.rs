//! What became of one role.

use serde::{Deserialize, Serialize};

use crate::store::{Entry, Source, State};

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

/// [`Source`], in a form that can be stored with a report.
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
    /// Not given, because what a person did, or the first login, counts more.
    SkippedByPolicy,
    /// Permit has no such role.
    UnknownRole,
    /// Not done yet; it is tried again until it is.
    Queued,
    /// Given up after many attempts; an operator has to look.
    Failed,
}

impl RoleOutcome {
    pub(super) fn new(role: &str, kind: OutcomeKind, source: Source) -> Self {
        Self { role: role.to_owned(), kind, source: source.into(), detail: None }
    }

    /// Not done, for the reason with this code.
    pub(super) fn queued(role: &str, source: Source, cause: Option<&str>) -> Self {
        let detail = match cause {
            Some(cause) => format!("Permit did not do it ({cause}); it is tried again by itself."),
            None => "It is being done.".to_owned(),
        };
        Self { detail: Some(detail), ..Self::new(role, OutcomeKind::Queued, source) }
    }

    /// Given up, for the reason with this code.
    pub(super) fn failed(role: &str, source: Source, cause: &str) -> Self {
        let detail = Some(format!("Permit did not do it for too long ({cause}); an operator has to look."));
        Self { detail, ..Self::new(role, OutcomeKind::Failed, source) }
    }

    /// What the ledger says about a role of a token, when nothing had to be done about it.
    pub(super) fn of_entry(role: &str, entry: Option<&Entry>) -> Self {
        let source = entry.map_or(Source::Idp, |entry| entry.source);
        match entry.map(|entry| entry.state) {
            Some(State::Held) => Self::new(role, OutcomeKind::Kept, source),
            Some(State::Giving | State::Taking) => Self::queued(role, source, None),
            Some(State::Revoked) => Self {
                detail: Some(
                    "Somebody took it away in Permit; it stays away until the token drops it.".to_owned(),
                ),
                ..Self::new(role, OutcomeKind::SkippedByPolicy, source)
            },
            None => Self {
                detail: Some("The server's role policy does not give it.".to_owned()),
                ..Self::new(role, OutcomeKind::SkippedByPolicy, source)
            },
        }
    }

    /// Whether nothing is left to do about the role.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.kind, OutcomeKind::Queued | OutcomeKind::Failed | OutcomeKind::UnknownRole)
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
