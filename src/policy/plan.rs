//! Compares what Permit holds with what the policy wants, and says what to do.
//!
//! What the policy names becomes as the policy says. What it does not name is taken away if we made it and nobody has built
//! on it since; everything else is people's, and stays unless that is asked for. So a plan never undoes what somebody
//! did at Permit by hand, but for what the policy speaks about.
//!
//! The order is the one in which the changes can be carried out: what others stand on is created first and removed last.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{change::Change, effect, extra, table::Policy};
use crate::permit::policy::State;

/// Something that is not as the policy says.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub change: Change,
    /// People made it, so the policy does not mind.
    pub is_peoples: bool,
}

impl Difference {
    pub(super) const fn ours(change: Change) -> Self {
        Self { change, is_peoples: false }
    }

    pub(super) const fn peoples(change: Change) -> Self {
        Self { change, is_peoples: true }
    }
}

/// Whose things may be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What we made.
    Ours,
    /// Everything that the policy does not name.
    Everything,
}

/// What to do, in order.
pub fn plan(policy: &Policy, actual: &State, reach: Reach) -> Vec<Change> {
    let all = differences(policy, actual).into_iter();
    all.filter(|difference| reach == Reach::Everything || !difference.is_peoples)
        .map(|difference| difference.change)
        .collect()
}

/// Everything that is not as the policy says, people's own things included.
pub fn differences(policy: &Policy, actual: &State) -> Vec<Difference> {
    let desired = policy.desired();
    let mut found = Vec::new();
    resources(&desired, actual, &mut found);
    let actual = &sets(&desired, actual, &mut found);
    roles(&desired, actual, &mut found);
    rules(policy, actual, &mut found);
    extra::find(policy, &desired, actual, &mut found);
    found
}

/// What people see of the differences: bookkeeping of ours is none of it.
pub fn drift(policy: &Policy, actual: &State, reach: Reach) -> Vec<Difference> {
    let mut all = differences(policy, actual);
    all.retain(|difference| !matches!(difference.change, Change::Forget { .. }));
    all.retain(|difference| reach == Reach::Everything || !difference.is_peoples);
    all
}

/// What Permit would hold after the plan.
pub fn outcome(policy: &Policy, actual: &State, reach: Reach) -> State {
    let mut state = actual.clone();
    for change in plan(policy, actual, reach) {
        effect::carry_out(&mut state, &change);
    }
    state
}

fn resources(desired: &State, actual: &State, found: &mut Vec<Difference>) {
    for (key, wanted) in &desired.resources {
        let Some(there) = actual.resources.get(key) else {
            found.push(Difference::ours(Change::CreateResource {
                key: key.clone(),
                resource: wanted.clone(),
            }));
            continue;
        };
        let missing = wanted.actions.iter().filter(|(action, _)| !there.actions.contains_key(*action));
        found.extend(missing.map(|(action, wanted)| {
            Difference::ours(Change::CreateAction {
                resource: key.clone(),
                key: action.clone(),
                action: wanted.clone(),
            })
        }));
        for (name, attribute) in &wanted.attributes {
            let (resource, name, attribute) = (key.clone(), name.clone(), attribute.clone());
            found.extend(match there.attributes.get(&name) {
                None => Some(Difference::ours(Change::CreateAttribute { resource, key: name, attribute })),
                Some(other) if other.kind != attribute.kind => {
                    let (was, becomes) = (other.kind.clone(), attribute.kind);
                    Some(Difference::ours(Change::ChangeAttribute { resource, key: name, was, becomes }))
                }
                Some(_) => None,
            });
        }
    }
}

/// Returns the state without the sets that are replaced: their rules go along, whoever made them.
fn sets(desired: &State, actual: &State, found: &mut Vec<Difference>) -> State {
    let mut left = actual.clone();
    for (key, wanted) in &desired.sets {
        let (key, set) = (key.clone(), wanted.clone());
        match actual.sets.get(&key) {
            None => found.push(Difference::ours(Change::CreateSet { key, set })),
            Some(there) if there.resource != wanted.resource => {
                effect::drop_set(&mut left, &key);
                found.push(Difference::ours(Change::ReplaceSet { key, set }));
            }
            Some(there) if core(&there.conditions) != core(&wanted.conditions) => {
                found.push(Difference::ours(Change::ChangeSet { key, conditions: set.conditions }));
            }
            Some(_) => {}
        }
    }
    left
}

/// Conditions without the nesting that says nothing.
fn core(conditions: &Value) -> &Value {
    match conditions.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("allOf")) {
        Some(Value::Array(all)) if all.len() == 1 => core(&all[0]),
        _ => conditions,
    }
}

fn roles(desired: &State, actual: &State, found: &mut Vec<Difference>) {
    for (key, wanted) in &desired.roles {
        match actual.roles.get(key) {
            None => {
                found.push(Difference::ours(Change::CreateRole { key: key.clone(), role: wanted.clone() }));
            }
            Some(there) => {
                let permissions: BTreeSet<String> =
                    wanted.permissions.difference(&there.permissions).cloned().collect();
                if !permissions.is_empty() {
                    found.push(Difference::ours(Change::Grant { role: key.clone(), permissions }));
                }
            }
        }
    }
}

fn rules(policy: &Policy, actual: &State, found: &mut Vec<Difference>) {
    let missing = policy.rules().filter(|(_, rule)| !actual.rules.contains(rule));
    found.extend(
        missing.map(|(relation, rule)| {
            Difference::ours(Change::CreateRule { rule, name: relation.to_string() })
        }),
    );
}
