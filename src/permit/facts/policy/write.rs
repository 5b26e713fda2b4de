//! Changes of the policy, one object at a time. Each may be repeated: what is there already, or gone already, is success.
//!
//! Actions and attributes are added and removed one by one, and permissions too: a write of the whole map or list would
//! undo what somebody else changed since it was read.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Facts, Family, key,
    state::{Action, Attribute, ConditionSet, Metadata, ResourceType, Role, Rule},
    wire,
};
use crate::permit::PermitError;

/// Every one fails without a usable answer, and with [`PermitError::NotFound`] when something that the object stands on
/// is not there.
impl Facts {
    /// Creates a resource type with its actions and attributes.
    ///
    /// # Errors
    /// See above.
    pub async fn create_resource(&self, key: &str, resource: &ResourceType) -> Result<(), PermitError> {
        self.create("create-resource", "resources", &wire::new_resource(key, resource)).await
    }

    /// Removes a resource type and everything that stands on it.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_resource(&self, key: &str) -> Result<(), PermitError> {
        self.remove("delete-resource", &path(&["resources", key])).await
    }

    /// Adds an action to a resource type.
    ///
    /// # Errors
    /// See above.
    pub async fn create_action(&self, resource: &str, key: &str, action: &Action) -> Result<(), PermitError> {
        let path = path(&["resources", resource, "actions"]);
        self.create("create-action", &path, &wire::new_action(key, action)).await
    }

    /// Removes an action, which is taken from every role and every rule.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_action(&self, resource: &str, key: &str) -> Result<(), PermitError> {
        self.remove("delete-action", &path(&["resources", resource, "actions", key])).await
    }

    /// Adds an attribute to a resource type.
    ///
    /// # Errors
    /// See above.
    pub async fn create_attribute(
        &self,
        resource: &str,
        key: &str,
        attribute: &Attribute,
    ) -> Result<(), PermitError> {
        let path = path(&["resources", resource, "attributes"]);
        self.create("create-attribute", &path, &wire::new_attribute(key, attribute)).await
    }

    /// Changes the type of an attribute.
    ///
    /// # Errors
    /// See above.
    pub async fn change_attribute(&self, resource: &str, key: &str, kind: &str) -> Result<(), PermitError> {
        let path = path(&["resources", resource, "attributes", key]);
        self.change("change-attribute", &path, &json!({"type": kind})).await
    }

    /// Removes an attribute.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_attribute(&self, resource: &str, key: &str) -> Result<(), PermitError> {
        self.remove("delete-attribute", &path(&["resources", resource, "attributes", key])).await
    }

    /// Creates a role with its permissions.
    ///
    /// # Errors
    /// See above.
    pub async fn create_role(&self, key: &str, role: &Role) -> Result<(), PermitError> {
        self.create("create-role", "roles", &wire::new_role(key, role)).await
    }

    /// Replaces what is kept at a role.
    ///
    /// # Errors
    /// See above.
    pub async fn change_role(&self, key: &str, metadata: &Metadata) -> Result<(), PermitError> {
        self.change("change-role", &path(&["roles", key]), &json!({"attributes": metadata})).await
    }

    /// Removes a role and its assignments.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_role(&self, key: &str) -> Result<(), PermitError> {
        self.remove("delete-role", &path(&["roles", key])).await
    }

    /// Gives a role permissions, `resource:action`.
    ///
    /// # Errors
    /// See above.
    pub async fn grant(&self, role: &str, permissions: &BTreeSet<String>) -> Result<(), PermitError> {
        let path = path(&["roles", role, "permissions"]);
        self.call("grant", Method::POST, Family::Schema, &path, Some(&json!({"permissions": permissions})))
            .await?;
        Ok(())
    }

    /// Takes permissions from a role.
    ///
    /// # Errors
    /// See above.
    pub async fn revoke(&self, role: &str, permissions: &BTreeSet<String>) -> Result<(), PermitError> {
        let path = path(&["roles", role, "permissions"]);
        let body = json!({"permissions": permissions});
        gone(self.call("revoke", Method::DELETE, Family::Schema, &path, Some(&body)).await)
    }

    /// Creates a condition set.
    ///
    /// # Errors
    /// See above.
    pub async fn create_condition_set(&self, key: &str, set: &ConditionSet) -> Result<(), PermitError> {
        self.create("create-condition-set", "condition_sets", &wire::new_set(key, set)).await
    }

    /// Changes the conditions of a set. Its kind and its resource type stay.
    ///
    /// # Errors
    /// See above.
    pub async fn change_condition_set(&self, key: &str, conditions: &Value) -> Result<(), PermitError> {
        let body = json!({"conditions": conditions});
        self.change("change-condition-set", &path(&["condition_sets", key]), &body).await
    }

    /// Removes a condition set and its rules.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_condition_set(&self, key: &str) -> Result<(), PermitError> {
        self.remove("delete-condition-set", &path(&["condition_sets", key])).await
    }

    /// Creates a rule.
    ///
    /// # Errors
    /// See above.
    pub async fn create_set_rule(&self, rule: &Rule) -> Result<(), PermitError> {
        let body = wire::RuleWrite::from(rule);
        there(self.call("create-set-rule", Method::POST, Family::Facts, "set_rules", Some(&body)).await)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_set_rule(&self, rule: &Rule) -> Result<(), PermitError> {
        let body = wire::RuleWrite::from(rule);
        gone(self.call("delete-set-rule", Method::DELETE, Family::Facts, "set_rules", Some(&body)).await)
    }

    async fn create(&self, call: &'static str, path: &str, body: &impl Serialize) -> Result<(), PermitError> {
        there(self.call(call, Method::POST, Family::Schema, path, Some(body)).await)
    }

    async fn change(&self, call: &'static str, path: &str, body: &impl Serialize) -> Result<(), PermitError> {
        self.call(call, Method::PATCH, Family::Schema, path, Some(body)).await.map(drop)
    }

    async fn remove(&self, call: &'static str, path: &str) -> Result<(), PermitError> {
        gone(self.call(call, Method::DELETE, Family::Schema, path, None::<&()>).await)
    }
}

/// Whether it is as the caller wants it, or was before.
fn there<T>(result: Result<T, PermitError>) -> Result<(), PermitError> {
    match result {
        Ok(_) | Err(PermitError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

fn gone<T>(result: Result<T, PermitError>) -> Result<(), PermitError> {
    match result {
        Ok(_) | Err(PermitError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

fn path(segments: &[&str]) -> String {
    segments.iter().map(|segment| key::path_segment(segment)).collect::<Vec<_>>().join("/")
}
