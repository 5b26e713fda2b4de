//! The assignment of roles to users in tenants.
//!
//! Role names are Permit's words and go out exactly as given: no case folding, no encoding. A name that Permit would
//! not admit belongs to no role, which is known without asking.

use reqwest::Method;

use super::{Facts, Family, Written, key, wire};
use crate::permit::{PermitError, exchange::Answer};

/// Page size that Permit admits at most.
const PER_PAGE: usize = 100;

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

/// Who holds which role in one tenant: a part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentPage {
    /// User and role.
    pub held: Vec<(String, String)>,
    /// Whether the list ends here.
    pub is_last: bool,
}

impl Facts {
    /// One page, from 1, of the roles that are held in `tenant` as a whole. Roles on single instances are left out, and so
    /// are users with a key that we would never write.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn role_assignments(&self, tenant: &str, page: usize) -> Result<AssignmentPage, PermitError> {
        // In the short form, `user` may be an e-mail address.
        let tenant = key::path_segment(&key::encode(tenant));
        let path = format!("role_assignments/detailed?tenant={tenant}&page={page}&per_page={PER_PAGE}");
        let answer = match self.get("role-assignments", Family::Facts, &path).await {
            Ok(answer) => answer,
            Err(PermitError::NotFound) => return Ok(AssignmentPage { held: Vec::new(), is_last: true }),
            Err(error) => return Err(error),
        };
        let listed: Vec<wire::AssignmentRead> = wire::page(&answer)?;
        let is_last = listed.len() < PER_PAGE;
        Ok(AssignmentPage {
            held: listed.into_iter().filter_map(wire::AssignmentRead::held).collect(),
            is_last,
        })
    }

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
