//! The JSON of the policy, read tolerantly and written without `null`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::state::{
    Action, Attribute, ConditionSet, Metadata, ResourceType, Role, Rule, Side, State, is_built_in,
};

/// A resource type.
#[derive(Deserialize)]
pub(super) struct ResourceRead {
    #[serde(default)]
    id: String,
    pub(super) key: String,
    pub(super) actions: Option<BTreeMap<String, ActionRead>>,
    attributes: Option<BTreeMap<String, AttributeRead>>,
    type_attributes: Option<Metadata>,
}

#[derive(Deserialize)]
pub(super) struct ActionRead {
    attributes: Option<Metadata>,
}

#[derive(Deserialize)]
struct AttributeRead {
    #[serde(rename = "type")]
    kind: String,
    description: Option<String>,
}

/// A top-level role.
#[derive(Deserialize)]
pub(super) struct RoleRead {
    pub(super) key: String,
    /// `resource:action`.
    pub(super) permissions: Option<BTreeSet<String>>,
    extends: Option<BTreeSet<String>>,
    attributes: Option<Metadata>,
}

impl From<RoleRead> for Role {
    fn from(read: RoleRead) -> Self {
        Self {
            permissions: read.permissions.unwrap_or_default(),
            extends: read.extends.unwrap_or_default(),
            metadata: read.attributes.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct SetRead {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    conditions: Option<Value>,
    description: Option<String>,
    resource_id: Option<String>,
    resource: Option<Keyed>,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

#[derive(Deserialize)]
pub(super) struct RuleRead {
    user_set: String,
    permission: String,
    resource_set: String,
}

/// What the four lists say together.
pub(super) fn state(
    resources: Vec<ResourceRead>,
    roles: Vec<RoleRead>,
    sets: Vec<SetRead>,
    set_rules: Vec<RuleRead>,
) -> State {
    let keys: BTreeMap<String, String> =
        resources.iter().map(|resource| (plain_id(&resource.id), resource.key.clone())).collect();
    let sets = sets.into_iter().filter(|set| !is_built_in(&set.key));
    let resources = resources.into_iter().filter(|resource| !is_built_in(&resource.key));
    State {
        resources: resources.map(|read| (read.key.clone(), resource(read))).collect(),
        roles: roles.into_iter().map(|read| (read.key.clone(), read.into())).collect(),
        sets: sets.map(|read| (read.key.clone(), set(read, &keys))).collect(),
        rules: set_rules.into_iter().map(rule).collect(),
    }
}

fn resource(read: ResourceRead) -> ResourceType {
    let actions = read.actions.unwrap_or_default().into_iter();
    let attributes = read.attributes.unwrap_or_default().into_iter();
    ResourceType {
        actions: actions
            .map(|(key, action)| (key, Action { metadata: action.attributes.unwrap_or_default() }))
            .collect(),
        attributes: attributes
            .map(|(key, AttributeRead { kind, description })| (key, Attribute { kind, description }))
            .collect(),
        metadata: read.type_attributes.unwrap_or_default(),
    }
}

/// The resource type is told as an id, as a key or as an object, by version.
fn set(read: SetRead, keys: &BTreeMap<String, String>) -> ConditionSet {
    let by_id = read.resource_id.map(|id| keys.get(&plain_id(&id)).cloned().unwrap_or(id));
    let resource = read.resource.map(|resource| resource.key).or(by_id);
    ConditionSet {
        resource: resource.filter(|_| read.kind == "resourceset"),
        conditions: read.conditions.unwrap_or_else(|| json!({})),
        description: read.description,
    }
}

fn rule(read: RuleRead) -> Rule {
    Rule {
        users: Side::read(&read.user_set),
        permission: read.permission,
        resources: Side::read(&read.resource_set),
    }
}

/// Ids are printed with dashes and without.
fn plain_id(id: &str) -> String {
    id.replace('-', "").to_lowercase()
}

/// Body of `POST` and `DELETE set_rules`.
#[derive(Serialize)]
pub(super) struct RuleWrite<'a> {
    user_set: &'a str,
    permission: &'a str,
    resource_set: &'a str,
    is_role: bool,
    is_resource: bool,
}

impl<'a> From<&'a Rule> for RuleWrite<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self {
            user_set: rule.users.key(),
            permission: &rule.permission,
            resource_set: rule.resources.key(),
            is_role: matches!(rule.users, Side::All(_)),
            is_resource: matches!(rule.resources, Side::All(_)),
        }
    }
}

pub(super) fn new_resource(key: &str, resource: &ResourceType) -> Value {
    let actions: Map<String, Value> =
        resource.actions.iter().map(|(key, action)| (key.clone(), action_fields(key, action))).collect();
    let attributes: Map<String, Value> = resource
        .attributes
        .iter()
        .map(|(key, attribute)| (key.clone(), attribute_fields(attribute)))
        .collect();
    let mut body = json!({"key": key, "name": name(key), "actions": actions});
    if !attributes.is_empty() {
        body["attributes"] = attributes.into();
    }
    if !resource.metadata.is_empty() {
        body["type_attributes"] = resource.metadata.clone().into();
    }
    body
}

pub(super) fn new_action(key: &str, action: &Action) -> Value {
    with_key(key, action_fields(key, action))
}

fn action_fields(key: &str, action: &Action) -> Value {
    json!({"name": name(key), "attributes": action.metadata})
}

pub(super) fn new_attribute(key: &str, attribute: &Attribute) -> Value {
    with_key(key, attribute_fields(attribute))
}

fn attribute_fields(attribute: &Attribute) -> Value {
    let mut body = json!({"type": attribute.kind});
    body.as_object_mut().expect("it is one").extend(described(attribute.description.as_deref()));
    body
}

pub(super) fn new_role(key: &str, role: &Role) -> Value {
    let mut body =
        json!({"key": key, "name": name(key), "permissions": role.permissions, "attributes": role.metadata});
    if !role.extends.is_empty() {
        body["extends"] = json!(role.extends);
    }
    body
}

pub(super) fn new_set(key: &str, set: &ConditionSet) -> Value {
    let kind = if set.resource.is_some() { "resourceset" } else { "userset" };
    let mut body = json!({"key": key, "name": name(key), "type": kind, "conditions": set.conditions});
    if let Some(resource) = &set.resource {
        body["resource_id"] = resource.as_str().into();
    }
    body.as_object_mut().expect("it is one").extend(described(set.description.as_deref()));
    body
}

fn described(description: Option<&str>) -> Option<(String, Value)> {
    description.map(|text| ("description".to_owned(), text.into()))
}

fn with_key(key: &str, mut body: Value) -> Value {
    body["key"] = key.into();
    body
}

/// What people see: `task_owner` is called "Task owner".
fn name(key: &str) -> String {
    let words = key.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
