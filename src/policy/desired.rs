//! What Permit should hold for a policy: a resource type for each resource, with its actions; the roles; and for each
//! relation an attribute, a set of the resources in which the asking user stands, and rules that give everyone the
//! permissions on that set.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    mark,
    table::{Policy, Relation},
};
use crate::permit::policy::{Action, Attribute, ConditionSet, ResourceType, Role, Rule, Side, State};

/// Key of the set of all users. It cannot be the key of a relation's set, which has an underscore.
pub(super) const EVERYONE: &str = "everyone";

impl Policy {
    /// The state in which Permit says the same, everything in it marked as ours.
    pub fn desired(&self) -> State {
        State {
            resources: self.resources(),
            roles: self.roles.iter().map(|(key, permissions)| (key.clone(), role(permissions))).collect(),
            sets: self.sets(),
            rules: self.rules().map(|(_, rule)| rule).collect(),
        }
    }

    fn resources(&self) -> BTreeMap<String, ResourceType> {
        let mut resources: BTreeMap<String, ResourceType> = BTreeMap::new();
        for (resource, action) in &self.permissions {
            let resource = resources
                .entry(resource.clone())
                .or_insert_with(|| ResourceType { metadata: mark::ours(), ..ResourceType::default() });
            resource.actions.insert(action.clone(), Action { metadata: mark::ours() });
        }
        for Relation { resource, attribute } in self.relations.keys() {
            if let Some(resource) = resources.get_mut(resource) {
                let description = Some(mark::described("Key of a user"));
                resource
                    .attributes
                    .insert(attribute.clone(), Attribute { kind: "string".to_owned(), description });
            }
        }
        resources
    }

    fn sets(&self) -> BTreeMap<String, ConditionSet> {
        let mut sets: BTreeMap<String, ConditionSet> =
            self.relations.keys().map(|relation| (relation.set(), related(relation))).collect();
        if !sets.is_empty() {
            sets.insert(EVERYONE.to_owned(), everyone());
        }
        sets
    }

    /// Every rule, and the relation that it speaks of.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Relation, Rule)> {
        self.relations.iter().flat_map(|(relation, permissions)| {
            permissions.iter().map(move |permission| {
                let (users, resources) = (Side::Set(EVERYONE.to_owned()), Side::Set(relation.set()));
                (relation, Rule { users, permission: permission.clone(), resources })
            })
        })
    }
}

fn role(permissions: &std::collections::BTreeSet<String>) -> Role {
    let mut role = Role { permissions: permissions.clone(), metadata: mark::ours(), ..Role::default() };
    mark::remember(&mut role, permissions);
    role
}

fn everyone() -> ConditionSet {
    ConditionSet {
        resource: None,
        conditions: conditions(json!({"user.key": {"not-equals": ""}})),
        description: Some(mark::described("All users")),
    }
}

fn related(relation: &Relation) -> ConditionSet {
    let Relation { resource, attribute } = relation;
    ConditionSet {
        resource: Some(resource.clone()),
        conditions: conditions(json!({format!("resource.{attribute}"): {"equals": {"ref": "user.key"}}})),
        description: Some(mark::described(&format!("Each {resource} whose {attribute} is the asking user"))),
    }
}

/// One condition in the nesting that Permit's editor writes.
fn conditions(one: Value) -> Value {
    json!({"allOf": [{"allOf": [one]}]})
}
