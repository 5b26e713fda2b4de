//! Users: profile in, profile and roles out.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};

use super::{Facts, Family, Visibility, Written, key, wire};
use crate::permit::PermitError;

/// What we tell Permit about a user. Absent fields are not sent and keep the value that Permit has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserProfile {
    /// The `sub` of the token, not encoded.
    pub key: String,
    /// Unique in the environment.
    pub email: Option<String>,
    /// Given name, or the whole name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Replace the stored attributes as a whole; none means "leave them".
    pub attributes: BTreeMap<String, String>,
}

/// What Permit knows about a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// E-mail address.
    pub email: Option<String>,
    /// Given name, or the whole name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Free attributes, of any JSON type: others write them too.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// Top-level roles, sorted, each once.
    pub roles: Vec<RoleInTenant>,
    /// Tenants the user belongs to, with or without a role there; sorted, not encoded.
    pub tenants: Vec<String>,
}

/// A role that holds in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleInTenant {
    /// As Permit spells it.
    pub role: String,
    /// Our identifier, not encoded.
    pub tenant: String,
}

/// What a write of a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Permit did not know the user.
    Created,
    /// It did; the given fields are overwritten, roles are not touched.
    Updated,
    /// One of the two. Permit does not say which when [`Visibility::NotYet`] is what it says.
    CreatedOrUpdated,
}

impl User {
    /// Whether everything that `profile` says is known; what it does not say is left alone.
    pub fn has(&self, profile: &UserProfile) -> bool {
        let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_none() || ours == theirs;
        same(&profile.email, &self.email)
            && same(&profile.first_name, &self.first_name)
            && same(&profile.last_name, &self.last_name)
    }
}

impl Facts {
    /// Whether some user has this e-mail address; Permit compares without regard to case.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn is_email_taken(&self, email: &str) -> Result<bool, PermitError> {
        let path = format!("users?search={}&per_page=100", key::path_segment(email));
        let answer = self.get("users", Family::Facts, &path).await?;
        Ok(wire::emails(&answer)?.iter().any(|other| other.eq_ignore_ascii_case(email)))
    }

    /// The user `key`; `None` if Permit does not know them.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn user(&self, key: &str) -> Result<Option<User>, PermitError> {
        match self.get("user", Family::Facts, &path(key)).await {
            Ok(answer) => wire::user(&answer).map(Some),
            Err(PermitError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates or updates a user.
    ///
    /// # Errors
    /// [`PermitError::Conflict`] if another user has the e-mail address; no usable answer.
    pub async fn put_user(&self, profile: &UserProfile) -> Result<Written<Put>, PermitError> {
        let key = key::encode_user(&profile.key);
        let body = wire::UserCreate::new(&key, profile);
        let written = self.write_seen("put-user", Method::PUT, &path(&profile.key), &body).await?;
        let not_yet = written.visibility == Visibility::NotYet;
        Ok(written.map(|answer| match answer.status {
            _ if not_yet => Put::CreatedOrUpdated,
            StatusCode::CREATED => Put::Created,
            _ => Put::Updated,
        }))
    }

    /// Removes a user with all their assignments, in every tenant. Nothing to remove is success.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn delete_user(&self, key: &str) -> Result<(), PermitError> {
        match self.delete("delete-user", &path(key)).await {
            Ok(_) | Err(PermitError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn path(user: &str) -> String {
    format!("users/{}", key::path_segment(&key::encode_user(user)))
}
