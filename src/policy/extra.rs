//! What Permit holds beside the policy, and whose it is.
//!
//! A thing is ours if we made it and people have built nothing on it: no permission of ours goes that a person gave to a
//! role of theirs, and no role that a person gave something more. Then only what is ours of it goes.

use std::collections::BTreeSet;

use super::{change::Change, desired::EVERYONE, mark, plan::Difference, table::Policy};
use crate::permit::policy::{ResourceType, Role, Rule, Side, State};

/// Adds everything that the policy does not name, in the order in which it can be removed.
pub(super) fn find(policy: &Policy, desired: &State, actual: &State, found: &mut Vec<Difference>) {
    let extras = Extras { policy, desired, actual };
    extras.rules(found);
    extras.sets(found);
    extras.roles(found);
    extras.resources(found);
}

struct Extras<'a> {
    policy: &'a Policy,
    desired: &'a State,
    actual: &'a State,
}

impl Extras<'_> {
    fn rules(&self, found: &mut Vec<Difference>) {
        for rule in self.actual.rules.difference(&self.desired.rules) {
            let change = Change::DeleteRule { rule: rule.clone(), name: self.name(rule) };
            found.push(Difference { change, is_peoples: !self.is_our_rule(rule) });
        }
    }

    /// As the policy's column, if it has one.
    fn name(&self, rule: &Rule) -> String {
        let (users, resources) = (rule.users.key(), rule.resources.key());
        let column =
            self.policy.relations.keys().find(|relation| users == EVERYONE && relation.set() == resources);
        column.map_or_else(|| format!("{users} on {resources}"), ToString::to_string)
    }

    fn sets(&self, found: &mut Vec<Difference>) {
        for key in self.actual.sets.keys().filter(|key| !self.desired.sets.contains_key(*key)) {
            let change = Change::DeleteSet { key: key.clone() };
            found.push(Difference { change, is_peoples: !self.is_our_set(key) });
        }
    }

    fn roles(&self, found: &mut Vec<Difference>) {
        let mut unwanted = Vec::new();
        for (key, role) in &self.actual.roles {
            let wanted = self.desired.roles.get(key);
            if wanted.is_none() && self.is_our_role(key, role) {
                unwanted.push(Difference::ours(Change::DeleteRole { key: key.clone() }));
                continue;
            }
            grants(key, role, wanted, found);
            if wanted.is_none() {
                unwanted.push(Difference::peoples(Change::DeleteRole { key: key.clone() }));
            }
        }
        found.append(&mut unwanted);
    }

    fn resources(&self, found: &mut Vec<Difference>) {
        let mut unwanted = Vec::new();
        for (key, resource) in &self.actual.resources {
            let wanted = self.desired.resources.get(key);
            if wanted.is_none() && self.is_our_resource(key, resource) {
                unwanted.push(Difference::ours(Change::DeleteResource { key: key.clone() }));
                continue;
            }
            self.parts(key, resource, wanted, found);
            if wanted.is_none() {
                unwanted.push(Difference::peoples(Change::DeleteResource { key: key.clone() }));
            }
        }
        found.append(&mut unwanted);
    }

    /// People's parts go with the resource, so of an unwanted one only ours are named.
    fn parts(
        &self,
        key: &str,
        resource: &ResourceType,
        wanted: Option<&ResourceType>,
        found: &mut Vec<Difference>,
    ) {
        for name in resource.attributes.keys() {
            let is_peoples = !self.is_our_attribute(key, name, resource);
            let is_wanted = wanted.is_some_and(|wanted| wanted.attributes.contains_key(name));
            if !is_wanted && (wanted.is_some() || !is_peoples) {
                let change = Change::DeleteAttribute { resource: key.to_owned(), key: name.clone() };
                found.push(Difference { change, is_peoples });
            }
        }
        for name in resource.actions.keys() {
            let is_peoples = !self.is_our_action(key, name, resource);
            let is_wanted = wanted.is_some_and(|wanted| wanted.actions.contains_key(name));
            if !is_wanted && (wanted.is_some() || !is_peoples) {
                let change = Change::DeleteAction { resource: key.to_owned(), key: name.clone() };
                found.push(Difference { change, is_peoples });
            }
        }
    }

    /// A rule carries no mark; one between two sets of ours can only be ours.
    fn is_our_rule(&self, rule: &Rule) -> bool {
        let is_ours = |side: &Side| match side {
            Side::Set(key) => self.actual.sets.get(key).is_some_and(mark::is_our_set),
            Side::All(_) => false,
        };
        is_ours(&rule.users) && is_ours(&rule.resources)
    }

    fn peoples_rules(&self) -> impl Iterator<Item = &Rule> {
        self.actual.rules.iter().filter(|rule| !self.is_our_rule(rule))
    }

    fn is_our_set(&self, key: &str) -> bool {
        let this = Side::Set(key.to_owned());
        self.actual.sets.get(key).is_some_and(mark::is_our_set)
            && self.peoples_rules().all(|rule| rule.users != this && rule.resources != this)
    }

    fn is_our_role(&self, key: &str, role: &Role) -> bool {
        let this = Side::All(key.to_owned());
        mark::is_ours(&role.metadata)
            && role.extends.is_empty()
            && role.permissions.is_subset(&mark::granted(role))
            && self.actual.rules.iter().all(|rule| rule.users != this)
            && self.actual.roles.values().all(|other| !other.extends.contains(key))
    }

    fn is_our_action(&self, resource: &str, key: &str, there: &ResourceType) -> bool {
        let permission = format!("{resource}:{key}");
        let gave_it = |role: &Role| {
            role.permissions.contains(&permission) && !mark::granted(role).contains(&permission)
        };
        there.actions.get(key).is_some_and(|action| mark::is_ours(&action.metadata))
            && !self.actual.roles.values().any(gave_it)
            && self.peoples_rules().all(|rule| rule.permission != permission)
    }

    fn is_our_attribute(&self, resource: &str, key: &str, there: &ResourceType) -> bool {
        let name = format!("\"resource.{key}\"");
        // The conditions of a set that the policy names become those of the policy, which names the attribute not.
        let mut staying = self.actual.sets.iter().filter(|(set, there)| {
            there.resource.as_deref() == Some(resource)
                && !self.desired.sets.contains_key(*set)
                && !self.is_our_set(set)
        });
        there.attributes.get(key).is_some_and(mark::is_our_attribute)
            && staying.all(|(_, set)| !set.conditions.to_string().contains(&name))
    }

    fn is_our_resource(&self, key: &str, resource: &ResourceType) -> bool {
        let this = Side::All(key.to_owned());
        let mut sets = self.actual.sets.iter().filter(|(_, set)| set.resource.as_deref() == Some(key));
        mark::is_ours(&resource.metadata)
            && resource.actions.keys().all(|action| self.is_our_action(key, action, resource))
            && resource.attributes.keys().all(|attribute| self.is_our_attribute(key, attribute, resource))
            && sets.all(|(set, _)| self.is_our_set(set))
            && self.actual.rules.iter().all(|rule| rule.resources != this)
    }
}

/// What the role grants beside what is wanted of it, and what we wrongly remember of it.
fn grants(key: &str, role: &Role, wanted: Option<&Role>, found: &mut Vec<Difference>) {
    let is_wanted = |permission: &&String| wanted.is_some_and(|role| role.permissions.contains(*permission));
    let given = mark::granted(role);
    let (ours, peoples): (BTreeSet<_>, BTreeSet<_>) = role
        .permissions
        .iter()
        .filter(|permission| !is_wanted(permission))
        .cloned()
        .partition(|permission| given.contains(permission));
    let stale: BTreeSet<_> =
        given.difference(&role.permissions).filter(|permission| !is_wanted(permission)).cloned().collect();
    let role = || key.to_owned();
    if !ours.is_empty() {
        found.push(Difference::ours(Change::Revoke { role: role(), permissions: ours }));
    }
    if !stale.is_empty() {
        found.push(Difference::ours(Change::Forget { role: role(), permissions: stale }));
    }
    // With the role go its permissions.
    if wanted.is_some() && !peoples.is_empty() {
        found.push(Difference::peoples(Change::Revoke { role: role(), permissions: peoples }));
    }
}
