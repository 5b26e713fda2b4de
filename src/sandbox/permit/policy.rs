//! What the sandbox's Permit environment holds when it starts: resources, roles, rules and tenants, and no users.

use serde_json::json;

use super::{
    condition::Conditions,
    condition_sets::ConditionSet,
    environment::Environment,
    parts::Part,
    resources::{Action, Resource},
    roles::Role,
    set_rules::{Rule, Side},
    tenants::Tenant,
};

/// Roles in the order of the columns below.
const ROLES: [(&str, &str); 3] = [("admin", "Administrator"), ("manager", "Manager"), ("viewer", "Viewer")];

/// What a user can be to a resource, in the order of the columns below: the attribute that holds the user's key.
const RELATIONS: [&str; 2] = ["owner", "assignee"];

/// Resource, action, and who holds it: roles on everything in their tenant, relations on that one object. Checks carry
/// the attributes of an object only if object rules are on; without them, no relation holds.
#[rustfmt::skip]
const PERMISSIONS: [(&str, &str, [bool; 3], [bool; 2]); 13] = [
    //                            admin  manager  viewer     owner  assignee
    ("task",   "get",            [true,  true,    true ],   [true,  true ]),
    ("task",   "create",         [true,  true,    false],   [false, false]),
    ("task",   "update",         [true,  true,    false],   [true,  false]),
    ("task",   "check",          [true,  true,    true ],   [true,  true ]),
    ("task",   "delete",         [true,  false,   false],   [true,  false]),
    ("task",   "assign",         [true,  true,    false],   [true,  false]),
    ("task",   "read-notes",     [true,  true,    false],   [true,  true ]),
    ("user",   "get",            [true,  true,    false],   [false, false]),
    ("user",   "create",         [true,  false,   false],   [false, false]),
    ("user",   "delete",         [true,  false,   false],   [false, false]),
    ("user",   "assign-role",    [true,  false,   false],   [false, false]),
    ("audit",  "get",            [true,  false,   false],   [false, false]),
    ("policy", "explain",        [true,  false,   false],   [false, false]),
];

/// Key of the set of all users.
const EVERYONE: &str = "everyone";

/// The environment as it is at start.
pub(super) fn initial() -> Environment {
    let mut environment = Environment::empty();
    for (resource, action, ..) in PERMISSIONS {
        if environment.resources.get(resource).is_none() {
            environment.resources.put(resource, Resource::named(resource));
        }
        if let Some(row) = environment.resources.get_mut(resource) {
            row.fields.actions.insert(action.to_owned(), Part::new(action, Action::named(action)));
        }
    }
    for (column, (key, name)) in ROLES.into_iter().enumerate() {
        let held = PERMISSIONS.iter().filter(|(_, _, holders, _)| holders[column]);
        let permissions = held.map(|(resource, action, ..)| format!("{resource}:{action}")).collect();
        environment.roles.put(key, Role::new(name, permissions));
    }
    let everyone = conditions(json!({"user.key": {"not-equals": ""}}));
    environment.condition_sets.put(EVERYONE, ConditionSet::of_users("Everyone", everyone));
    for column in 0..RELATIONS.len() {
        relate(&mut environment, column);
    }
    environment.tenants.put("default", Tenant::named("Default Tenant"));
    environment.tenants.put("org_outside", Tenant::named("Another organization"));
    environment
}

/// Gives a relation its permissions: everyone holds them on the resources whose attribute is the user's own key.
fn relate(environment: &mut Environment, column: usize) {
    let relation = RELATIONS[column];
    for (resource, action, ..) in PERMISSIONS.iter().filter(|(.., holders)| holders[column]) {
        let set = format!("{resource}_{relation}");
        if environment.condition_sets.get(&set).is_none() {
            let own = conditions(json!({format!("resource.{relation}"): {"equals": {"ref": "user.key"}}}));
            let name = format!("Those whose {relation} the user is");
            environment.condition_sets.put(&set, ConditionSet::of_resources(&name, resource, own));
            if let Some(row) = environment.resources.get_mut(resource) {
                row.fields.describe(relation);
            }
        }
        let permission = format!("{resource}:{action}");
        environment.rules.push(Rule::new(Side::Set(EVERYONE.into()), permission, Side::Set(set)));
    }
}

/// One condition in the nesting that Permit's editor writes.
fn conditions(one: serde_json::Value) -> Conditions {
    json!({"allOf": [{"allOf": [one]}]}).try_into().expect("conditions written above are understood")
}
