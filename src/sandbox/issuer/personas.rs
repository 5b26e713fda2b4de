//! The people who live in the sandbox.

use serde::Serialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A user of the sandbox's Auth0 tenant. The password is the name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Persona {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) roles: Vec<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) full_name: Option<String>,
    pub(super) org_id: Option<&'static str>,
    #[serde(skip)]
    pub(super) account: Account,
}

/// What only the Management API reads and writes.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    /// Absent until somebody decides.
    pub(super) blocked: Option<bool>,
    /// Nickname and the like.
    pub(super) profile: Map<String, Value>,
    pub(super) app_metadata: Map<String, Value>,
    pub(super) user_metadata: Map<String, Value>,
}

impl Account {
    fn new(profile: Map<String, Value>) -> Self {
        let now = now();
        Self {
            created_at: now,
            updated_at: now,
            blocked: None,
            profile,
            app_metadata: Map::new(),
            user_metadata: Map::new(),
        }
    }

    pub(super) fn touch(&mut self) {
        self.updated_at = now();
    }
}

/// To the millisecond, as Auth0 writes it.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_millisecond(now.millisecond()).unwrap_or(now)
}

/// As Auth0 writes a time.
pub(super) fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Names of the personas, with what they are.
pub const PERSONAS: [(&str, &str); 5] = [
    ("admin", "may do everything, user management included"),
    ("manager", "works with tasks, but may not delete them"),
    ("viewer", "reads tasks and ticks them off"),
    ("newcomer", "has an account and no role"),
    ("outsider", "is an administrator of another organization"),
];

impl Persona {
    /// Everybody, as they are at start.
    pub(super) fn all() -> Vec<Self> {
        PERSONAS.iter().map(|(name, description)| Self::new(name, description)).collect()
    }

    fn new(name: &'static str, description: &'static str) -> Self {
        let roles: &[&str] = match name {
            "admin" | "outsider" => &["admin"],
            "manager" => &["manager"],
            "viewer" => &["viewer"],
            _ => &[],
        };
        let (initial, rest) = name.split_at(1);
        let family_name = format!("{}{rest}", initial.to_uppercase());
        let full_name = format!("Sandbox {family_name}");
        let mut profile = Map::new();
        profile.insert("given_name".to_owned(), "Sandbox".into());
        profile.insert("family_name".to_owned(), family_name.into());
        Self {
            name,
            description,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            email: Some(format!("{name}@taskgate.example")),
            email_verified: true,
            full_name: Some(full_name),
            org_id: (name == "outsider").then_some("org_outside"),
            account: Account::new(profile),
        }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.account.blocked == Some(true)
    }

    pub(super) fn sub(&self) -> String {
        format!("auth0|sandbox-{}", self.name)
    }
}
