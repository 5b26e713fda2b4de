//! What a change makes of the state at Permit, with everything that goes along.

use std::collections::BTreeSet;

use super::{change::Change, mark};
use crate::permit::policy::{Role, Side, State};

/// Does to `state` what Permit does.
pub(super) fn carry_out(state: &mut State, change: &Change) {
    match change.clone() {
        Change::CreateResource { key, resource } => drop(state.resources.insert(key, resource)),
        Change::CreateAction { resource, key, action } => {
            state.resources.entry(resource).or_default().actions.insert(key, action);
        }
        Change::CreateAttribute { resource, key, attribute } => {
            state.resources.entry(resource).or_default().attributes.insert(key, attribute);
        }
        Change::ChangeAttribute { resource, key, becomes, .. } => {
            let attributes = &mut state.resources.entry(resource).or_default().attributes;
            attributes.entry(key).and_modify(|attribute| attribute.kind = becomes);
        }
        Change::CreateSet { key, set } => drop(state.sets.insert(key, set)),
        Change::ChangeSet { key, conditions } => {
            state.sets.entry(key).and_modify(|set| set.conditions = conditions);
        }
        Change::ReplaceSet { key, set } => {
            drop_set(state, &key);
            state.sets.insert(key, set);
        }
        Change::CreateRole { key, role } => drop(state.roles.insert(key, role)),
        Change::Grant { role, permissions } => grant(state.roles.entry(role).or_default(), permissions),
        Change::Revoke { role, permissions } => revoke(state.roles.entry(role).or_default(), &permissions),
        Change::Forget { role, permissions } => {
            mark::forget(state.roles.entry(role).or_default(), &permissions);
        }
        Change::CreateRule { rule, .. } => drop(state.rules.insert(rule)),
        Change::DeleteRule { rule, .. } => drop(state.rules.remove(&rule)),
        Change::DeleteSet { key } => drop_set(state, &key),
        Change::DeleteRole { key } => drop_role(state, &key),
        Change::DeleteAttribute { resource, key } => {
            state.resources.entry(resource).or_default().attributes.remove(&key);
        }
        Change::DeleteAction { resource, key } => drop_action(state, &resource, &key),
        Change::DeleteResource { key } => drop_resource(state, &key),
    }
}

fn grant(role: &mut Role, permissions: BTreeSet<String>) {
    mark::remember(role, &permissions);
    role.permissions.extend(permissions);
}

fn revoke(role: &mut Role, permissions: &BTreeSet<String>) {
    role.permissions.retain(|permission| !permissions.contains(permission));
    mark::forget(role, permissions);
}

fn drop_action(state: &mut State, resource: &str, key: &str) {
    state.resources.entry(resource.to_owned()).or_default().actions.remove(key);
    drop_permissions(state, |permission| *permission == format!("{resource}:{key}"));
}

/// Removes a set and its rules.
pub(super) fn drop_set(state: &mut State, key: &str) {
    state.sets.remove(key);
    let this = Side::Set(key.to_owned());
    state.rules.retain(|rule| rule.users != this && rule.resources != this);
}

fn drop_role(state: &mut State, key: &str) {
    state.roles.remove(key);
    for role in state.roles.values_mut() {
        role.extends.remove(key);
    }
    let this = Side::All(key.to_owned());
    state.rules.retain(|rule| rule.users != this);
}

fn drop_resource(state: &mut State, key: &str) {
    state.resources.remove(key);
    let sets: Vec<String> = state
        .sets
        .iter()
        .filter(|(_, set)| set.resource.as_deref() == Some(key))
        .map(|(set, _)| set.clone())
        .collect();
    for set in sets {
        drop_set(state, &set);
    }
    let this = Side::All(key.to_owned());
    state.rules.retain(|rule| rule.resources != this);
    drop_permissions(state, |permission| permission.split(':').next() == Some(key));
}

fn drop_permissions(state: &mut State, goes: impl Fn(&String) -> bool) {
    for role in state.roles.values_mut() {
        role.permissions.retain(|permission| !goes(permission));
    }
    state.rules.retain(|rule| !goes(&rule.permission));
}
