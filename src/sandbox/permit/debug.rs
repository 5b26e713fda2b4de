//! What the decision point adds to a decision when it runs with `PDP_DEBUG`: a code, and a text that is for operators
//! and names people, roles and tenants. `PUT /sandbox/debug` sets it:
//!
//! ```json
//! {"enabled": true}
//! {"enabled": true, "denials": {"rebac": {"code": "no_graph_roles"}}}
//! ```

use serde::Deserialize;
use serde_json::{Value, json};

use super::{environment::Environment, question::Check};

/// Whether and how decisions are explained.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Debugger {
    enabled: bool,
    /// What every denial says, as a policy of relations or attributes would; absent, what follows from the roles.
    denials: Option<Value>,
}

impl Debugger {
    /// The `debug` of a decision on `check`, if there is to be one.
    pub(super) fn of(&self, environment: &Environment, check: &Check, allow: bool) -> Option<Value> {
        let told = self.denials.as_ref().filter(|_| !allow);
        self.enabled.then(|| told.cloned().unwrap_or_else(|| by_roles(environment, check, allow)))
    }
}

fn by_roles(environment: &Environment, check: &Check, allow: bool) -> Value {
    let (user, tenant) = (check.user.key.as_str(), check.resource.tenant());
    let (resource, action) = (check.resource.kind.as_str(), check.action.as_str());
    let actions = environment.resources.get(resource).map(|row| &row.fields.actions);
    let code = if allow {
        "allow"
    } else if environment.users.get(user).is_none() {
        "user_not_synced"
    } else if environment.tenants.get(tenant).is_none() {
        "no_such_tenant"
    } else if environment.roles_in(user, tenant).is_empty() {
        "no_user_roles"
    } else if actions.is_none() {
        "no_such_resource"
    } else if actions.is_some_and(|actions| !actions.contains_key(action)) {
        "no_such_action"
    } else {
        "no_permission"
    };
    let permission = format!("{resource}:{action}");
    let tenants: Vec<&str> = environment.tenants.rows().map(|row| row.key.as_str()).collect();
    let holds = |permissions: &Vec<String>| permissions.contains(&permission);
    let roles = environment.roles.rows().filter(|row| holds(&row.fields.permissions));
    let roles: Vec<&str> = roles.map(|row| row.key.as_str()).collect();
    let profile = environment.users.get(user).map(|row| &row.fields);
    let reason = format!(
        "OPA: user {user} ({profile:?}) needs one of the roles {roles:?} for {permission} in tenant {tenant} of {tenants:?}"
    );
    json!({"rbac": {"allow": allow, "code": code, "reason": reason}, "reason": reason})
}
