//! Keeps Permit in step with who signs in and what administrators do: users, tenant membership, role assignments.
//!
//! Permit is written before our own copy says that it was, and every call may be repeated: 409 on an assignment
//! and 404 on its removal are success. Nothing here decides anything; it only copies.

mod login;
mod outcome;
mod removal;
mod role;
mod user;

use std::time::Duration;

pub use login::{LoginReport, SignedInPerson};
pub use outcome::{OutcomeKind, RoleOutcome, RoleSource};
pub use removal::{Removal, SystemOutcome, SystemState};
pub use role::RoleChange;
pub use user::{UserCreated, UserCreationOutcome};

use crate::permit::{Facts, Pdp};

/// Copies users and roles to Permit. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sync {
    facts: Facts,
    pdp: Pdp,
    deadline: Duration,
}

impl Sync {
    /// `deadline` is the longest that a login waits for its roles to reach the PDP (`LOGIN_DEADLINE_MS`).
    pub const fn new(facts: Facts, pdp: Pdp, deadline: Duration) -> Self {
        Self { facts, pdp, deadline }
    }
}

/// Given and family name, as Permit wants them, from the one name that tokens carry.
fn split_name(name: &str) -> (Option<String>, Option<String>) {
    let mut words = name.split_whitespace();
    let first = words.next().map(str::to_owned);
    let rest = words.collect::<Vec<_>>().join(" ");
    (first, (!rest.is_empty()).then_some(rest))
}
