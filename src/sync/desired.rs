//! What Permit has to know about a person, as it is kept until it was carried out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Config, RolePolicy, split_name};
use crate::{
    permit::UserProfile,
    store::{Desired, NewUser},
};

/// What verified claims say about the caller.
pub struct SignedInPerson {
    /// `sub`.
    pub subject: String,
    pub email: Option<String>,
    /// An address that was never verified could be anybody's.
    pub email_verified: bool,
    pub name: Option<String>,
    /// Roles of the token; `None` when it does not say, which is not "none".
    pub roles: Option<Vec<String>>,
}

/// The profile, and the roles of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    /// `None`: no token was looked at, or it does not say.
    pub(super) roles: Option<BTreeSet<String>>,
    /// Whether it comes from a token, whose word about the profile counts. An administrator's word counts only for a
    /// person whom Permit does not know yet: they may be known from another tenant.
    pub(super) from_token: bool,
}

impl Wanted {
    pub(super) fn of_token(person: &SignedInPerson, config: &Config) -> Self {
        let may_copy = person.email_verified || config.copy_unverified_email;
        Self {
            email: person.email.clone().filter(|_| may_copy),
            name: person.name.clone(),
            roles: person.roles.as_ref().map(|roles| roles.iter().cloned().collect()),
            from_token: true,
        }
    }

    pub(super) fn of_administrator(new: &NewUser) -> Self {
        Self { email: new.email.clone(), name: new.name.clone(), roles: None, from_token: false }
    }

    /// As it is stored.
    pub(super) fn desired(&self, policy: RolePolicy) -> Desired {
        let json = serde_json::json!(self).to_string();
        let fingerprint = fingerprint(&json, policy);
        Desired { json, fingerprint }
    }

    /// Nothing but the person for rows of a time before anything was stored: their next login stores it.
    pub(super) fn read(json: Option<&str>) -> Self {
        let nothing = Self { email: None, name: None, roles: None, from_token: false };
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or(nothing)
    }

    pub(super) fn profile(&self, subject: &str) -> UserProfile {
        let (first_name, last_name) = self.name.as_deref().map_or((None, None), split_name);
        UserProfile {
            key: subject.to_owned(),
            email: self.email.clone(),
            first_name,
            last_name,
            ..UserProfile::default()
        }
    }
}

/// Another setting is another outcome, so it changes the fingerprint.
pub(super) fn fingerprint(json: &str, policy: RolePolicy) -> String {
    let mut hash = Sha256::new();
    hash.update(policy.name());
    hash.update(json);
    format!("{:x}", hash.finalize())
}
