//! The people who live in the sandbox.

use serde::Serialize;

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
        Self {
            name,
            description,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            email: Some(format!("{name}@taskgate.example")),
            email_verified: true,
            full_name: Some(format!("Sandbox {}{rest}", initial.to_uppercase())),
            org_id: (name == "outsider").then_some("org_outside"),
        }
    }

    pub(super) fn sub(&self) -> String {
        format!("auth0|sandbox-{}", self.name)
    }
}
