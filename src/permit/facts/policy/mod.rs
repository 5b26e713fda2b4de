//! The policy: resource types with their actions, top-level roles, condition sets and the rules between them.
//!
//! Whoever asks for names gets the first 2,000 of a list; whoever compares everything ([`Facts::policy`]) gets all of
//! it or an error, because what is missing from a list looks as if it were missing in Permit.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::{Facts, Family, key};
use crate::permit::{Flaw, PermitError};

mod state;
mod wire;
mod write;

pub use state::{Action, Attribute, ConditionSet, Metadata, ResourceType, Role, Rule, Side, State};

/// Page size that Permit admits at most.
const PER_PAGE: usize = 100;

/// Pages read at most: thousands of roles or resource types are a mistake.
const MAX_PAGES: usize = 20;

/// What of `required` (resource, action) is not among the `known` actions of each resource type, as `resource:action`.
pub fn missing(
    required: &BTreeSet<(String, String)>,
    known: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let is_missing = |(resource, action): &&(String, String)| {
        !known.get(resource).is_some_and(|actions| actions.contains(action))
    };
    required.iter().filter(is_missing).map(|(resource, action)| format!("{resource}:{action}")).collect()
}

/// A list, cut off where it grew too long.
struct List<T> {
    items: Vec<T>,
    is_whole: bool,
}

impl<T> List<T> {
    fn whole(self) -> Result<Vec<T>, PermitError> {
        if self.is_whole { Ok(self.items) } else { Err(Flaw::TooLarge.into()) }
    }
}

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
        let roles: Vec<wire::RoleRead> = self.list(Family::Schema, "roles").await?.items;
        Ok(roles.into_iter().map(|role| role.key).collect())
    }

    /// What each of the policy's top-level roles grants by itself, as `resource:action`; the first 2,000 roles.
    ///
    /// # Errors
    /// No usable answer to any of the pages.
    pub async fn role_permissions(&self) -> Result<BTreeMap<String, BTreeSet<String>>, PermitError> {
        let roles: Vec<wire::RoleRead> = self.list(Family::Schema, "roles").await?.items;
        let granted = |role: wire::RoleRead| (role.key, role.permissions.unwrap_or_default());
        Ok(roles.into_iter().map(granted).collect())
    }

    /// The policy's resource types and the actions of each; the first 2,000 types.
    ///
    /// # Errors
    /// No usable answer to any of the pages.
    pub async fn resources(&self) -> Result<BTreeMap<String, BTreeSet<String>>, PermitError> {
        let resources: Vec<wire::ResourceRead> = self.list(Family::Schema, "resources").await?.items;
        let known = |resource: wire::ResourceRead| {
            let actions = resource.actions.unwrap_or_default();
            (resource.key, actions.into_keys().collect())
        };
        Ok(resources.into_iter().map(known).collect())
    }

    /// The whole policy.
    ///
    /// # Errors
    /// No usable answer to any of the pages, or more than 2,000 objects of one kind.
    pub async fn policy(&self) -> Result<State, PermitError> {
        let resources = self.list(Family::Schema, "resources").await?.whole()?;
        let roles = self.list(Family::Schema, "roles").await?.whole()?;
        let sets = self.list(Family::Schema, "condition_sets").await?.whole()?;
        let set_rules = self.list(Family::Facts, "set_rules").await?.whole()?;
        Ok(wire::state(resources, roles, sets, set_rules))
    }

    /// One role as it is now; `None` if there is none.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn role(&self, role: &str) -> Result<Option<Role>, PermitError> {
        match self.get("role", Family::Schema, &format!("roles/{}", key::path_segment(role))).await {
            Ok(answer) => answer.json().map(|role: wire::RoleRead| Some(role.into())),
            Err(PermitError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list<T: DeserializeOwned>(
        &self,
        family: Family,
        what: &'static str,
    ) -> Result<List<T>, PermitError> {
        let mut items = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{what}?page={page}&per_page={PER_PAGE}");
            let more = super::wire::page(&self.get(what, family, &path).await?)?;
            let is_whole = more.len() < PER_PAGE;
            items.extend(more);
            if is_whole {
                return Ok(List { items, is_whole });
            }
        }
        Ok(List { items, is_whole: false })
    }
}
