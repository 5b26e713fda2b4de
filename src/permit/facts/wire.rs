//! The REST API's JSON, private to its client. Read tolerantly (unknown fields, absent and `null` lists), written
//! without `null`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{RoleInTenant, Scope, User, UserProfile};
use crate::permit::{Flaw, PermitError, exchange::Answer, key};

#[derive(Deserialize)]
struct ScopeRead {
    project_id: Option<String>,
    environment_id: Option<String>,
}

/// Project and environment of an API key.
pub(super) fn scope(answer: &Answer) -> Result<Scope, PermitError> {
    let read: ScopeRead = answer.json()?;
    let both = read.project_id.zip(read.environment_id);
    both.map(|(project, environment)| Scope { project, environment })
        .ok_or_else(|| Flaw::NotAnEnvironmentKey.into())
}

/// Body of `PUT users/{key}` and of `POST tenants/{key}/users`.
#[derive(Serialize)]
pub(super) struct UserCreate<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a BTreeMap<String, String>>,
}

impl<'a> UserCreate<'a> {
    /// Names the user and says nothing about them.
    pub(super) fn only(key: &'a str) -> Self {
        Self { key, email: None, first_name: None, last_name: None, attributes: None }
    }

    /// `key` is the encoded one.
    pub(super) fn new(key: &'a str, profile: &'a UserProfile) -> Self {
        Self {
            key,
            email: profile.email.as_deref(),
            first_name: profile.first_name.as_deref(),
            last_name: profile.last_name.as_deref(),
            attributes: (!profile.attributes.is_empty()).then_some(&profile.attributes),
        }
    }
}

#[derive(Deserialize)]
struct UserRead {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    attributes: Option<serde_json::Map<String, serde_json::Value>>,
    roles: Option<Vec<UserRole>>,
    associated_tenants: Option<Vec<Membership>>,
}

#[derive(Deserialize)]
struct UserRole {
    role: String,
    tenant: Option<String>,
}

#[derive(Deserialize)]
struct Membership {
    tenant: String,
    roles: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct UserPage {
    data: Vec<UserRead>,
}

/// The e-mail addresses of a page of users.
pub(super) fn emails(answer: &Answer) -> Result<Vec<String>, PermitError> {
    let page: UserPage = answer.json()?;
    Ok(page.data.into_iter().filter_map(|user| user.email).collect())
}

/// Permit says the roles twice, and not always both times; the union is what holds.
pub(super) fn user(answer: &Answer) -> Result<User, PermitError> {
    let read: UserRead = answer.json()?;
    let mut roles = BTreeSet::new();
    let mut tenants = BTreeSet::new();
    for UserRole { role, tenant } in read.roles.into_iter().flatten() {
        // Without a tenant it is a role on one instance, which is nothing we assign.
        roles.extend(tenant.as_deref().and_then(our_tenant).map(|tenant| RoleInTenant { role, tenant }));
    }
    for Membership { tenant, roles: here } in read.associated_tenants.into_iter().flatten() {
        let Some(tenant) = our_tenant(&tenant) else { continue };
        let here = here.into_iter().flatten();
        roles.extend(here.map(|role| RoleInTenant { role, tenant: tenant.clone() }));
        tenants.insert(tenant);
    }
    Ok(User {
        email: read.email,
        first_name: read.first_name,
        last_name: read.last_name,
        attributes: read.attributes.unwrap_or_default(),
        roles: roles.into_iter().collect(),
        tenants: tenants.into_iter().collect(),
    })
}

/// `None` for a tenant with a key that we would never write: taken literally, it could be mistaken for ours.
fn our_tenant(key: &str) -> Option<String> {
    key::decode(key).map(std::borrow::Cow::into_owned)
}

/// Body of `POST tenants`.
#[derive(Serialize)]
pub(super) struct TenantCreate<'a> {
    pub(super) key: &'a str,
    pub(super) name: &'a str,
}

/// Body of `POST` and `DELETE role_assignments`.
#[derive(Serialize)]
pub(super) struct RoleAssignment<'a> {
    pub(super) user: &'a str,
    pub(super) role: &'a str,
    pub(super) tenant: &'a str,
}

/// A role that somebody holds, in detail.
#[derive(Deserialize)]
pub(super) struct AssignmentRead {
    user: Keyed,
    role: Keyed,
    resource_instance: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl AssignmentRead {
    /// User and role, if it is not about a single instance.
    pub(super) fn held(self) -> Option<(String, String)> {
        let user = key::decode(&self.user.key)?.into_owned();
        self.resource_instance.is_none().then_some((user, self.role.key))
    }
}

/// Lists come bare or wrapped, by version and by query.
#[derive(Deserialize)]
#[serde(untagged)]
enum List<T> {
    Bare(Vec<T>),
    Paged { data: Vec<T> },
}

/// One page of a list.
pub(super) fn page<T: DeserializeOwned>(answer: &Answer) -> Result<Vec<T>, PermitError> {
    let (List::Bare(page) | List::Paged { data: page }) = answer.json()?;
    Ok(page)
}
