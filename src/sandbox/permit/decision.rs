//! How a check is decided: a user may do what a role of theirs in the tenant permits.

use std::collections::BTreeSet;

use super::environment::Environment;

impl Environment {
    /// Whether one of the roles that `user` holds in `tenant`, or one that it extends, permits `resource:action`.
    /// Whatever is unknown is denied.
    pub(super) fn permits(&self, user: &str, tenant: &str, resource: &str, action: &str) -> bool {
        !self.granting_roles(user, tenant, resource, action).is_empty()
    }

    /// The roles that `user` holds in `tenant` and that permit `resource:action`.
    pub(super) fn granting_roles(&self, user: &str, tenant: &str, resource: &str, action: &str) -> Vec<&str> {
        if self.users.get(user).is_none() || self.tenants.get(tenant).is_none() {
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
