//! The assignment of roles to users in tenants.
//!
//! Role names are Permit's words and go out exactly as given: no case folding, no encoding. A name that Permit would
//! not admit belongs to no role, which is known without asking.

use reqwest::Method;

use super::{Facts, Written, key, wire};
use crate::permit::{PermitError, exchange::Answer};

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
    pub async fn assign(
        &self,
        user: &str,
        role: &str,
        tenant: &str,
    ) -> Result<Written<Assigned>, PermitError> {
        if !key::is_legal(role) {
            return Ok(Written::unwatched(Assigned::NotFound));
        }
        match self.write_assignment("assign", Method::POST, user, role, tenant).await {
            Ok(written) => Ok(written.map(|_| Assigned::New)),
            Err(PermitError::Conflict) => Ok(Written::unwatched(Assigned::Already)),
            Err(PermitError::NotFound) => Ok(Written::unwatched(Assigned::NotFound)),
            Err(error) => Err(error),
        }
    }

    /// Takes the role in `tenant` from `user`.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn unassign(
        &self,
        user: &str,
        role: &str,
        tenant: &str,
    ) -> Result<Written<Unassigned>, PermitError> {
        if !key::is_legal(role) {
            return Ok(Written::unwatched(Unassigned::Absent));
        }
        match self.write_assignment("unassign", Method::DELETE, user, role, tenant).await {
            Ok(written) => Ok(written.map(|_| Unassigned::Removed)),
            Err(PermitError::NotFound) => Ok(Written::unwatched(Unassigned::Absent)),
            Err(error) => Err(error),
        }
    }

    async fn write_assignment(
        &self,
        call: &'static str,
        method: Method,
        user: &str,
        role: &str,
        tenant: &str,
    ) -> Result<Written<Answer>, PermitError> {
        let (user, tenant) = (key::encode_user(user), key::encode(tenant));
        let body = wire::RoleAssignment { user: &user, role, tenant: &tenant };
        self.write_seen(call, method, "role_assignments", &body).await
    }
}
