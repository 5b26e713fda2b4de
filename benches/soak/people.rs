//! Who uses the API: the personas, and a crowd of subjects in several tenants with the roles of their tokens.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use serde_json::{Value, json};
use taskgate::sandbox::ROLES_CLAIM;

/// Tenants of the crowd; the last is made for the soak.
pub(crate) const TENANTS: [&str; 3] = ["default", "org_outside", "org_soak"];
/// Roles in each tenant, one person each.
const CROWD: [&[&str]; 8] =
    [&["admin"], &["manager"], &["manager"], &["viewer"], &["viewer"], &["viewer", "manager"], &[], &[]];
/// The sandbox's own people, with the tenant and the roles that they have there.
const PERSONAS: [(&str, &str, &[&str]); 5] = [
    ("admin", "default", &["admin"]),
    ("manager", "default", &["manager"]),
    ("viewer", "default", &["viewer"]),
    ("newcomer", "default", &[]),
    ("outsider", "org_outside", &["admin"]),
];

#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) tenant: String,
    /// Those that the next token will name.
    roles: Mutex<Vec<String>>,
    token: Mutex<String>,
    /// Global id, once a login has told it.
    pub(crate) id: OnceLock<String>,
    /// Removed from the tenant, or about to be.
    pub(crate) leaves: AtomicBool,
}

impl Person {
    pub(crate) fn new(subject: impl Into<String>, tenant: &str, roles: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            subject: subject.into(),
            tenant: tenant.to_owned(),
            roles: Mutex::new(roles.iter().map(|role| (*role).to_owned()).collect()),
            token: Mutex::default(),
            id: OnceLock::new(),
            leaves: AtomicBool::new(false),
        })
    }

    /// Somebody whose token is none.
    pub(crate) fn forger(token: &str) -> Arc<Self> {
        let person = Self::new("forger", "default", &[]);
        token.clone_into(&mut person.token.lock().expect("no panic under the lock"));
        person
    }

    pub(crate) fn is_forged(&self) -> bool {
        self.subject == "forger"
    }

    pub(crate) fn token(&self) -> String {
        self.token.lock().expect("no panic under the lock").clone()
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.roles.lock().expect("no panic under the lock").iter().any(|role| role == "admin")
    }

    pub(crate) fn leaves(&self) -> bool {
        self.leaves.load(Relaxed)
    }

    /// The identity provider gives or takes a role; the next token tells.
    pub(crate) fn toggles(&self, role: &str) {
        let mut roles = self.roles.lock().expect("no panic under the lock");
        match roles.iter().position(|held| held == role) {
            Some(at) => drop(roles.remove(at)),
            None => roles.push(role.to_owned()),
        }
    }

    /// Gets a new token; an issuer that is away leaves the old one.
    pub(crate) async fn renews(&self, client: &reqwest::Client, token_url: &str) {
        let name = self.subject.rsplit('|').next().unwrap_or_default();
        let mut claims = json!({
            "sub": self.subject,
            ROLES_CLAIM: *self.roles.lock().expect("no panic under the lock"),
            "https://taskgate.example/email": format!("{name}@soak.example"),
            "https://taskgate.example/name": name,
        });
        if self.tenant != "default" {
            claims["org_id"] = json!(self.tenant);
        }
        if let Some(token) = order(client, token_url, &json!({"claims": claims})).await {
            *self.token.lock().expect("no panic under the lock") = token;
        }
    }
}

/// Orders a token; `None` from an issuer that is away.
pub(crate) async fn order(client: &reqwest::Client, token_url: &str, order: &Value) -> Option<String> {
    let answer = client.post(token_url).json(order).send().await.ok()?;
    answer.error_for_status().ok()?.text().await.ok()
}

/// Everybody.
pub(crate) fn everybody() -> Vec<Arc<Person>> {
    let personas = PERSONAS
        .iter()
        .map(|(name, tenant, roles)| Person::new(format!("auth0|sandbox-{name}"), tenant, roles));
    let crowd = TENANTS.iter().flat_map(|tenant| {
        let place = tenant.trim_start_matches("org_");
        CROWD
            .iter()
            .enumerate()
            .map(move |(n, roles)| Person::new(format!("auth0|{place}-{n}"), tenant, roles))
    });
    personas.chain(crowd).collect()
}
