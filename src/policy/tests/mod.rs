//! The policy file and the plans made of it, without Permit.

use super::*;
use crate::permit::policy::{
    Action, Attribute, ConditionSet, Metadata, ResourceType, Role, Rule, Side, State,
};

mod ability;
mod laws;
mod ownership;
mod replay;
mod table;

/// The policy of a file with these rows.
fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// The file that the program was built with.
fn ours() -> Policy {
    policy(DEFAULT)
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}
