//! What an attempt did, as it is kept for whoever waits for it.

use serde::{Deserialize, Serialize};

use super::RoleOutcome;

/// What a synchronisation did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) outcomes: Vec<RoleOutcome>,
    /// Something was written to Permit.
    pub(super) wrote: bool,
    /// How long the PDP took to see the roles that were written, in milliseconds; `None` if nobody watched.
    pub(super) lag_ms: Option<u64>,
    /// For people.
    pub(super) warnings: Vec<String>,
}

impl Report {
    /// A report that was swept away is an empty one.
    pub(super) fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    pub(super) fn json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The latest outcome of a role is the one that counts.
    pub(super) fn note(&mut self, outcome: RoleOutcome) {
        self.outcomes.retain(|earlier| earlier.role != outcome.role);
        self.outcomes.push(outcome);
    }

    pub(super) fn warn(&mut self, warning: &str) {
        if !self.warnings.iter().any(|earlier| earlier == warning) {
            self.warnings.push(warning.to_owned());
        }
    }

    pub(super) fn outcome_of(&self, role: &str) -> Option<&RoleOutcome> {
        self.outcomes.iter().find(|outcome| outcome.role == role)
    }
}
