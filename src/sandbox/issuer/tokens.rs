//! Access and ID tokens as Auth0's default profile has them.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{
    Settings,
    personas::{Persona, moment},
};

/// Lifetime of tokens, in seconds.
pub(super) const LIFETIME: u64 = 86_400;
/// The public client of browsers.
pub(super) const SPA: &str = "sandbox-spa";
/// The machine client, which may use the API and the Management API.
pub const MACHINE: &str = "sandbox-m2m";
/// Its secret.
pub const MACHINE_SECRET: &str = "sandbox-secret";

/// What a token is asked for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) scope: String,
    /// `password`, `refresh_token` or `client-credentials`; `None` for a sign-in in the browser.
    pub(super) gty: Option<&'static str>,
}

impl Grant {
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

/// Claims of an access token for the API.
pub(super) fn access(settings: &Settings, issuer: &str, persona: &Persona, grant: &Grant) -> Value {
    let mut claims = registered(&settings.audience, issuer, &persona.sub(), grant);
    // The claims that a post-login Action adds, in the namespace of the roles claim.
    let namespace = settings.roles_claim.rfind('/').map_or("", |end| &settings.roles_claim[..=end]);
    claims[&settings.roles_claim] = json!(persona.roles);
    if let Some(email) = &persona.email {
        claims[format!("{namespace}email")] = json!(email);
        claims[format!("{namespace}email_verified")] = json!(persona.email_verified);
    }
    if let Some(name) = &persona.full_name {
        claims[format!("{namespace}name")] = json!(name);
    }
    if let Some(org_id) = persona.org_id {
        claims["org_id"] = json!(org_id);
    }
    claims
}

/// What a token without an API stands for: its bearer at `/userinfo`.
pub(super) fn opaque(issuer: &str, persona: &Persona, grant: &Grant) -> Value {
    let end = unix_now() + LIFETIME;
    json!({"sub": persona.sub(), "aud": [format!("{issuer}userinfo")], "scope": grant.scope, "exp": end})
}

/// Claims of a machine's token.
pub(super) fn machine(audience: &str, issuer: &str, scope: String) -> Value {
    let grant = Grant { client_id: MACHINE.into(), scope, gty: Some("client-credentials") };
    registered(audience, issuer, &format!("{MACHINE}@clients"), &grant)
}

fn registered(audience: &str, issuer: &str, sub: &str, grant: &Grant) -> Value {
    let now = unix_now();
    // One audience is a text, two are a list: readers must cope with both.
    let audience =
        if grant.has("openid") { json!([audience, format!("{issuer}userinfo")]) } else { json!(audience) };
    let mut claims = json!({
        "iss": issuer, "sub": sub, "aud": audience, "iat": now, "exp": now + LIFETIME, "azp": grant.client_id,
    });
    if !grant.scope.is_empty() {
        claims["scope"] = json!(grant.scope);
    }
    if let Some(gty) = grant.gty {
        claims["gty"] = json!(gty);
    }
    claims
}

/// Claims of an ID token for the client.
pub(super) fn id(
    issuer: &str,
    persona: &Persona,
    grant: &Grant,
    nonce: Option<&str>,
    roles_claim: &str,
) -> Value {
    let now = unix_now();
    let mut claims = profile(persona, grant, roles_claim);
    for (name, value) in [
        ("iss", json!(issuer)),
        ("aud", json!(grant.client_id)),
        ("iat", json!(now)),
        ("exp", json!(now + LIFETIME)),
    ] {
        claims[name] = value;
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(org_id) = persona.org_id {
        claims["org_id"] = json!(org_id);
    }
    claims
}

/// What the granted scopes tell about a person (OpenID Connect Core, section 5.4), and the claim that an Action adds.
pub(super) fn profile(persona: &Persona, grant: &Grant, roles_claim: &str) -> Value {
    let mut told = json!({"sub": persona.sub(), roles_claim: persona.roles});
    if grant.has("profile") {
        told["name"] = json!(persona.full_name);
        told["nickname"] = json!(persona.name);
        told["updated_at"] = json!(moment(persona.account.updated_at));
        for (name, value) in &persona.account.profile {
            told[name] = value.clone();
        }
    }
    if grant.has("email") {
        told["email"] = json!(persona.email);
        told["email_verified"] = json!(persona.email_verified);
    }
    told
}

pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
