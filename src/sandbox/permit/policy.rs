//! What the sandbox's Permit environment holds when it starts: resources, roles and tenants, and no users.

use super::{
    environment::Environment,
    parts::Part,
    resources::{Action, Resource},
    roles::Role,
    tenants::Tenant,
};

/// Roles in the order of the columns below.
const ROLES: [(&str, &str); 3] = [("admin", "Administrator"), ("manager", "Manager"), ("viewer", "Viewer")];

/// Resource, action, and who holds it.
#[rustfmt::skip]
const PERMISSIONS: [(&str, &str, [bool; 3]); 13] = [
    //                            admin  manager  viewer
    ("task",   "get",            [true,  true,    true ]),
    ("task",   "create",         [true,  true,    false]),
    ("task",   "update",         [true,  true,    false]),
    ("task",   "check",          [true,  true,    true ]),
    ("task",   "delete",         [true,  false,   false]),
    ("task",   "assign",         [true,  true,    false]),
    ("task",   "read-notes",     [true,  true,    false]),
    ("user",   "get",            [true,  true,    false]),
    ("user",   "create",         [true,  false,   false]),
    ("user",   "delete",         [true,  false,   false]),
    ("user",   "assign-role",    [true,  false,   false]),
    ("audit",  "get",            [true,  false,   false]),
    ("policy", "explain",        [true,  false,   false]),
];

/// The environment as it is at start.
pub(super) fn initial() -> Environment {
    let mut environment = Environment::empty();
    for (resource, action, _) in PERMISSIONS {
        if environment.resources.get(resource).is_none() {
            environment.resources.put(resource, Resource::named(resource));
        }
        if let Some(row) = environment.resources.get_mut(resource) {
            row.fields.actions.insert(action.to_owned(), Part::new(action, Action::named(action)));
        }
    }
    for (column, (key, name)) in ROLES.into_iter().enumerate() {
        let held = PERMISSIONS.iter().filter(|(_, _, holders)| holders[column]);
        let permissions = held.map(|(resource, action, _)| format!("{resource}:{action}")).collect();
        environment.roles.put(key, Role::new(name, permissions));
    }
    environment.tenants.put("default", Tenant::named("Default Tenant"));
    environment.tenants.put("org_outside", Tenant::named("Another organization"));
    environment
}
