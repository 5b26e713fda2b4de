//! The policy, which is only read here: resource types with their actions, and top-level roles.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::{Facts, Family, key, wire};
use crate::permit::PermitError;

/// Page size that Permit admits at most.
const PER_PAGE: usize = 100;

/// Pages read at most. Thousands of roles or resource types are a mistake, and nothing is decided on these lists.
const MAX_PAGES: usize = 20;

impl Facts {
    /// Whether the policy has this top-level role, spelled exactly so.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn role_exists(&self, role: &str) -> Result<bool, PermitError> {
        if !key::is_legal(role) {
            return Ok(false);
        }
        match self.get("role", Family::Schema, &format!("roles/{}", key::path_segment(role))).await {
            Ok(_) => Ok(true),
            Err(PermitError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Names of the policy's top-level roles, the first 2,000.
    ///
    /// # Errors
    /// No usable answer to any of the pages.
    pub async fn roles(&self) -> Result<Vec<String>, PermitError> {
        let roles: Vec<wire::RoleRead> = self.list("roles").await?;
        Ok(roles.into_iter().map(|role| role.key).collect())
    }

    /// What each of the policy's top-level roles grants by itself, as `resource:action`; the first 2,000 roles.
    ///
    /// # Errors
    /// No usable answer to any of the pages.
    pub async fn role_permissions(&self) -> Result<BTreeMap<String, BTreeSet<String>>, PermitError> {
        let roles: Vec<wire::RoleRead> = self.list("roles").await?;
        let granted = |role: wire::RoleRead| (role.key, role.permissions.into_iter().flatten().collect());
        Ok(roles.into_iter().map(granted).collect())
    }

    /// The policy's resource types and the actions of each; the first 2,000 types.
    ///
    /// # Errors
    /// No usable answer to any of the pages.
    pub async fn resources(&self) -> Result<BTreeMap<String, BTreeSet<String>>, PermitError> {
        let resources: Vec<wire::ResourceRead> = self.list("resources").await?;
        let known = |resource: wire::ResourceRead| {
            let actions = resource.actions.unwrap_or_default();
            (resource.key, actions.into_iter().map(|(action, _)| action).collect())
        };
        Ok(resources.into_iter().map(known).collect())
    }

    async fn list<T: DeserializeOwned>(&self, what: &'static str) -> Result<Vec<T>, PermitError> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{what}?page={page}&per_page={PER_PAGE}");
            let more = wire::page(&self.get(what, Family::Schema, &path).await?)?;
            let last = more.len() < PER_PAGE;
            all.extend(more);
            if last {
                break;
            }
        }
        Ok(all)
    }
}
