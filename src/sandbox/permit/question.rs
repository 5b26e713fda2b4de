//! What a check asks, as it is sent: who, what, on which resource, and the attributes that came along.

use serde::Deserialize;
use serde_json::json;

use super::{collection::null_as_default, condition::Known, environment::Environment, row::Members};

/// Tenant of a resource that names none, as the SDKs have it.
const DEFAULT_TENANT: &str = "default";

/// Body of `/allowed`, and one of those of `/allowed/bulk`.
#[derive(Debug, Deserialize)]
pub(super) struct Check {
    pub(super) user: User,
    pub(super) action: String,
    pub(super) resource: Resource,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) key: String,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) key: Option<String>,
    tenant: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
}

impl Resource {
    pub(super) fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or(DEFAULT_TENANT)
    }
}

impl Check {
    /// Whether the check brings attributes along, which the hosted PDP cannot evaluate.
    pub(super) fn has_attributes(&self) -> bool {
        !self.user.attributes.is_empty() || !self.resource.attributes.is_empty()
    }

    /// The attributes on which conditions may stand: those that are stored, those that came along, and above them those
    /// that nobody may invent.
    pub(super) fn known(&self, environment: &Environment) -> Known {
        let Self { user, resource, .. } = self;
        let mut known = Known::default();
        if let Some(row) = environment.users.get(&user.key) {
            let profile = row.fields.as_attributes();
            known.user.extend(row.fields.attributes.clone().unwrap_or_default().into_iter().chain(profile));
        }
        known.user.extend(user.attributes.clone());
        let roles = environment.roles_in(&user.key, resource.tenant());
        for (name, value) in [("key", json!(user.key)), ("role", json!(roles)), ("roles", json!(roles))] {
            known.user.insert(name.to_owned(), value);
        }
        known.resource.extend(resource.attributes.clone());
        for (name, value) in [
            ("type", json!(resource.kind)),
            ("key", json!(resource.key)),
            ("tenant", json!(resource.tenant())),
        ] {
            known.resource.insert(name.to_owned(), value);
        }
        known
    }
}
