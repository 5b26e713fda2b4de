//! Roles and their assignment to users in tenants.
//!
//! Role names are Permit's words and go out exactly as given: no case folding, no encoding. A name that Permit would
//! not admit belongs to no role, which is known without asking.

use reqwest::Method;

use super::{Facts, Family, key, wire};
use crate::permit::PermitError;

/// Page size that Permit admits at most.
const ROLES_PER_PAGE: usize = 100;

/// Pages read at most. Thousands of top-level roles are a mistake, and the list only serves to suggest names.
const MAX_ROLE_PAGES: usize = 20;

/// What an assignment did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// The user has the role now.
    New,
    /// The user had it.
    Already,
    /// Permit does not know the role, the tenant or the user. [`Facts::role_exists`] tells the first apart.
    NotFound,
}

/// What taking a role away did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unassigned {
    /// The user had the role and has it no longer.
    Removed,
    /// There was nothing to take away.
    Absent,
}

impl Facts {
    /// Gives `user` the role in `tenant`.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn assign(&self, user: &str, role: &str, tenant: &str) -> Result<Assigned, PermitError> {
        if !key::is_legal(role) {
            return Ok(Assigned::NotFound);
        }
        match self.write_assignment("assign", Method::POST, user, role, tenant).await {
            Ok(()) => Ok(Assigned::New),
            Err(PermitError::Conflict) => Ok(Assigned::Already),
            Err(PermitError::NotFound) => Ok(Assigned::NotFound),
            Err(error) => Err(error),
        }
    }

    /// Takes the role in `tenant` from `user`.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn unassign(&self, user: &str, role: &str, tenant: &str) -> Result<Unassigned, PermitError> {
        if !key::is_legal(role) {
            return Ok(Unassigned::Absent);
        }
        match self.write_assignment("unassign", Method::DELETE, user, role, tenant).await {
            Ok(()) => Ok(Unassigned::Removed),
            Err(PermitError::NotFound) => Ok(Unassigned::Absent),
            Err(error) => Err(error),
        }
    }

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
        let mut names = Vec::new();
        for page in 1..=MAX_ROLE_PAGES {
            let path = format!("roles?page={page}&per_page={ROLES_PER_PAGE}");
            let answer = self.get("roles", Family::Schema, &path).await?;
            let more = wire::role_names(&answer)?;
            let last = more.len() < ROLES_PER_PAGE;
            names.extend(more);
            if last {
                break;
            }
        }
        Ok(names)
    }

    async fn write_assignment(
        &self,
        call: &'static str,
        method: Method,
        user: &str,
        role: &str,
        tenant: &str,
    ) -> Result<(), PermitError> {
        let (user, tenant) = (key::encode_user(user), key::encode(tenant));
        let body = wire::RoleAssignment { user: &user, role, tenant: &tenant };
        self.write(call, method, "role_assignments", &body).await.map(drop)
    }
}
