//! Policy as code: one file says who may do what ([`table`]), and this room says what that means at Permit ([`desired`]),
//! what differs from what Permit holds, and what to do about it ([`mod@plan`]).
//!
//! It is pure: it reads no file and calls nobody. `taskgate policy` fetches the state, carries the changes out and prints.
//! Invariant: a plan that is carried out leaves nothing to plan, and so does one that is interrupted anywhere and made
//! again.

mod ability;
mod change;
mod desired;
mod effect;
mod extra;
pub mod mark;
mod plan;
pub mod replay;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use ability::{Holder, Needed};
pub use change::{Change, Drift};
pub use plan::{Difference, Reach, differences, drift, outcome, plan};
pub use table::{MAX_BYTES, Mistake, Policy, Relation};

/// The policy that the program was built with.
pub const DEFAULT: &str = include_str!("../../policy.txt");

/// How the rows of a policy and the permissions that the schema asks for agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Asked for, without a row: nobody could ever have them.
    pub missing: Vec<String>,
    /// A row that no field asks for.
    pub idle: Vec<String>,
}

impl Policy {
    /// Compares the rows with what the schema asks for, each as (resource, action).
    pub fn coverage(&self, required: &BTreeSet<(String, String)>) -> Coverage {
        let written = |(resource, action): &(String, String)| format!("{resource}:{action}");
        Coverage {
            missing: required.difference(&self.permissions).map(written).collect(),
            idle: self.permissions.difference(required).map(written).collect(),
        }
    }
}
