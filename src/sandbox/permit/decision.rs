//! How a check is decided: a user may do what a role of theirs in the tenant permits, and what a rule permits to the
//! users of its one set on the resources of its other.

use std::collections::BTreeSet;

use super::{
    condition::Known,
    environment::Environment,
    question::Check,
    set_rules::{Rule, Side},
};

impl Environment {
    /// Whether a role or a rule permits it. A user or a tenant that is unknown here is denied everything.
    pub(super) fn allows(&self, check: &Check) -> bool {
        let (user, tenant) = (&check.user.key, check.resource.tenant());
        self.permits(user, tenant, &check.resource.kind, &check.action)
            || (self.knows(user, tenant) && self.a_rule_permits(check))
    }

    fn a_rule_permits(&self, check: &Check) -> bool {
        let asked = (check.resource.kind.as_str(), check.action.as_str());
        let mut rules =
            self.rules.iter().filter(|rule| rule.permission.split_once(':') == Some(asked)).peekable();
        // Most policies have no rules, and attributes are work to collect.
        if rules.peek().is_none() {
            return false;
        }
        let known = check.known(self);
        rules.any(|rule| self.applies(rule, check, &known))
    }

    fn applies(&self, rule: &Rule, check: &Check, known: &Known) -> bool {
        let matching = |key: &str| {
            let set = self.condition_sets.get(key)?;
            set.fields.conditions.hold(known).then_some(&set.fields)
        };
        let users = match &rule.users {
            Side::Set(key) => matching(key).is_some(),
            Side::All(key) => self.roles_in(&check.user.key, check.resource.tenant()).contains(key.as_str()),
        };
        let kind = &check.resource.kind;
        users
            && match &rule.resources {
                Side::Set(key) => matching(key).is_some_and(|set| set.resource.as_ref() == Some(kind)),
                Side::All(resource) => resource == kind,
            }
    }

    fn knows(&self, user: &str, tenant: &str) -> bool {
        self.users.get(user).is_some() && self.tenants.get(tenant).is_some()
    }

    /// Whether one of the roles that `user` holds in `tenant`, or one that it extends, permits `resource:action`.
    /// Whatever is unknown is denied.
    pub(super) fn permits(&self, user: &str, tenant: &str, resource: &str, action: &str) -> bool {
        !self.granting_roles(user, tenant, resource, action).is_empty()
    }

    /// The roles that `user` holds in `tenant` and that permit `resource:action`.
    pub(super) fn granting_roles(&self, user: &str, tenant: &str, resource: &str, action: &str) -> Vec<&str> {
        if !self.knows(user, tenant) {
            return Vec::new();
        }
        let held = self.roles_in(user, tenant).into_iter();
        held.filter(|role| self.role_permits(role, resource, action)).collect()
    }

    fn role_permits(&self, role: &str, resource: &str, action: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut roles = vec![role];
        while let Some(key) = roles.pop() {
            let Some(role) = self.roles.get(key).filter(|_| seen.insert(key)) else { continue };
            let names_it = |permission: &String| permission.split_once(':') == Some((resource, action));
            if role.fields.permissions.iter().any(names_it) {
                return true;
            }
            roles.extend(role.fields.extends.iter().map(String::as_str));
        }
        false
    }

    /// The roles that `user` holds in `tenant`.
    pub(super) fn roles_in(&self, user: &str, tenant: &str) -> BTreeSet<&str> {
        let held = self.assignments_of(user).iter();
        held.filter(|held| held.tenant == tenant && held.instance.is_none())
            .map(|held| held.role.as_str())
            .collect()
    }

    /// Every permission that `user` holds in `tenant`.
    pub(super) fn permissions_in(&self, user: &str, tenant: &str) -> Vec<String> {
        let mut held = Vec::new();
        for resource in self.resources.rows() {
            for action in resource.fields.actions.keys() {
                if self.permits(user, tenant, &resource.key, action) {
                    held.push(format!("{}:{action}", resource.key));
                }
            }
        }
        held
    }
}
