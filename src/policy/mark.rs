//! What tells the things that we made at Permit from those that people made, so that only ours are ever taken away.
//!
//! Permit has no place for this that all kinds of objects share. Resource types, actions and roles carry metadata; what
//! carries none says it in its description. A permission of a role carries nothing: the role remembers which ones we gave
//! it, whoever made the role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::permit::policy::{Attribute, ConditionSet, Metadata, Role};

const MANAGED_BY: &str = "managed_by";
const US: &str = "taskgate";
const GRANTS: &str = "taskgate_grants";
/// In a description.
const TEXT: &str = "managed by taskgate";

/// The metadata of an object that we make.
pub(super) fn ours() -> Metadata {
    Metadata::from_iter([(MANAGED_BY.to_owned(), US.into())])
}

/// A description, said to be ours.
pub(super) fn described(what: &str) -> String {
    format!("{what} ({TEXT})")
}

pub(super) fn is_ours(metadata: &Metadata) -> bool {
    metadata.get(MANAGED_BY).and_then(Value::as_str) == Some(US)
}

pub(super) fn is_our_attribute(attribute: &Attribute) -> bool {
    says_so(attribute.description.as_ref())
}

pub(super) fn is_our_set(set: &ConditionSet) -> bool {
    says_so(set.description.as_ref())
}

fn says_so(description: Option<&String>) -> bool {
    description.is_some_and(|text| text.contains(TEXT))
}

/// The permissions that we gave the role.
pub(super) fn granted(role: &Role) -> BTreeSet<String> {
    let listed = role.metadata.get(GRANTS).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Remembers that these permissions are ours. To be written before they are given.
pub fn remember<'a>(role: &mut Role, permissions: impl IntoIterator<Item = &'a String>) {
    let mut all = granted(role);
    all.extend(permissions.into_iter().cloned());
    role.metadata.insert(GRANTS.to_owned(), json!(all));
}

/// Forgets that these permissions were ours. To be written after they are taken away.
pub fn forget<'a>(role: &mut Role, permissions: impl IntoIterator<Item = &'a String>) {
    let mut all = granted(role);
    for permission in permissions {
        all.remove(permission);
    }
    // A role that we did not make gets back the look that it had.
    if all.is_empty() && !is_ours(&role.metadata) {
        role.metadata.remove(GRANTS);
    } else {
        role.metadata.insert(GRANTS.to_owned(), json!(all));
    }
}
