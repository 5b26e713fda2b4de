//! All that one Permit environment holds: its schema and its facts, as plain maps.
//!
//! A clone is a snapshot; the propagation delay of the PDP is made of such snapshots. What refers to another object does
//! so by key, which never changes.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    assignments::Assignment,
    condition_sets::ConditionSet,
    resources::Resource,
    roles::Role,
    row::Table,
    set_rules::{Rule, Side},
    tenants::Tenant,
    users::Profile,
};

/// Keys of the only project and the only environment.
pub(super) const PROJECT: &str = "taskgate";
pub(super) const ENVIRONMENT: &str = "sandbox";

/// Ids that stand in every object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) organization: Uuid,
    pub(super) project: Uuid,
    pub(super) environment: Uuid,
}

impl Scope {
    fn new() -> Self {
        Self { organization: Uuid::new_v4(), project: Uuid::new_v4(), environment: Uuid::new_v4() }
    }

    /// Whether these path segments, keys or ids, name our project and our environment.
    pub(super) fn is(&self, project: &str, environment: &str) -> bool {
        self.is_project(project) && self.is_environment(environment)
    }

    pub(super) fn is_project(&self, ident: &str) -> bool {
        ident == PROJECT || Uuid::parse_str(ident) == Ok(self.project)
    }

    pub(super) fn is_environment(&self, ident: &str) -> bool {
        ident == ENVIRONMENT || Uuid::parse_str(ident) == Ok(self.environment)
    }
}

/// Schema and facts.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    pub(super) scope: Scope,
    pub(super) resources: Table<Resource>,
    pub(super) roles: Table<Role>,
    pub(super) condition_sets: Table<ConditionSet>,
    /// In the order in which they were given.
    pub(super) rules: Vec<Rule>,
    pub(super) tenants: Table<Tenant>,
    pub(super) users: Table<Profile>,
    /// Users who were put into a tenant, with or without a role there: tenant to users.
    pub(super) members: BTreeMap<String, BTreeSet<String>>,
    /// By user, because every check asks for the roles of one user.
    pub(super) assignments: BTreeMap<String, Vec<Assignment>>,
    /// Ids of the instances of resources, `type:key`, that somebody was given a role on.
    pub(super) instances: BTreeMap<String, Uuid>,
}

impl Environment {
    /// Nothing but the built-in resources, whose attributes describe users and tenants.
    pub(super) fn empty() -> Self {
        let mut resources = Table::default();
        resources.put("__user", Resource::named("User"));
        resources.put("__tenant", Resource::named("Tenant"));
        Self {
            scope: Scope::new(),
            resources,
            roles: Table::default(),
            condition_sets: Table::default(),
            rules: Vec::new(),
            tenants: Table::default(),
            users: Table::default(),
            members: BTreeMap::new(),
            assignments: BTreeMap::new(),
            instances: BTreeMap::new(),
        }
    }

    pub(super) fn assignments_of(&self, user: &str) -> &[Assignment] {
        self.assignments.get(user).map_or(&[], Vec::as_slice)
    }

    /// Takes away the permissions whose resource or action is gone: should it come back under the same name, nobody
    /// holds it.
    pub(super) fn revoke_lost_permissions(&mut self) {
        let Self { resources, roles, condition_sets, .. } = self;
        for role in roles.rows_mut() {
            role.fields.permissions.retain(|permission| exists(resources, permission));
        }
        let is_there = |resource: &String| resources.get(resource).is_some();
        condition_sets.retain(|set| set.resource.as_ref().is_none_or(is_there));
        self.drop_lost_rules();
    }

    /// Drops the rules of which a part is gone.
    pub(super) fn drop_lost_rules(&mut self) {
        let Self { resources, roles, condition_sets, rules, .. } = self;
        rules.retain(|rule| {
            let users = match &rule.users {
                Side::Set(key) => condition_sets.get(key).is_some(),
                Side::All(role) => roles.get(role).is_some(),
            };
            let others = match &rule.resources {
                Side::Set(key) => condition_sets.get(key).is_some(),
                Side::All(resource) => resources.get(resource).is_some(),
            };
            users && others && exists(resources, &rule.permission)
        });
    }

    /// Drops the assignments that `gone` describes.
    pub(super) fn drop_assignments(&mut self, gone: impl Fn(&Assignment) -> bool) {
        for held in self.assignments.values_mut() {
            held.retain(|assignment| !gone(assignment));
        }
        self.assignments.retain(|_, held| !held.is_empty());
    }
}

/// Whether there is such a permission, `resource:action`.
fn exists(resources: &Table<Resource>, permission: &str) -> bool {
    let Some((resource, action)) = permission.split_once(':') else { return false };
    resources.get(resource).is_some_and(|row| row.fields.actions.contains_key(action))
}
