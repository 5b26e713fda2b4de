//! Auth0's Management API, as much of it as concerns users and their roles.
//!
//! Its users are the personas. A removed or blocked one gets no more tokens; tokens given out before verify until
//! they expire, as they do at Auth0. A removed one comes back with the next start of the sandbox.
//! Source: <https://auth0.com/docs/api/management/v2>.

mod page;
mod refusal;
mod roles;
mod users;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde_json::Value;

use self::refusal::Refusal;
use super::{Issuer, Tenant, bearer, personas::Persona};

/// What the machine client was granted.
const SCOPES: [&str; 7] = [
    "read:users",
    "update:users",
    "delete:users",
    "read:roles",
    "read:role_members",
    "create:role_members",
    "delete:role_members",
];

pub(super) fn routes() -> Router<Arc<Issuer>> {
    users::routes().merge(roles::routes())
}

/// Identifier of this API.
pub(super) fn audience(issuer: &Issuer) -> String {
    format!("{}api/v2/", issuer.name)
}

/// The granted scopes among those asked for; all of them when none is.
pub(super) fn granted(asked: Option<&str>) -> String {
    let asked: Vec<&str> = asked.unwrap_or_default().split_whitespace().collect();
    let granted = SCOPES.into_iter().filter(|scope| asked.is_empty() || asked.contains(scope));
    granted.collect::<Vec<_>>().join(" ")
}

/// Whoever has a token for this API.
struct Caller {
    scope: String,
}

impl Caller {
    /// Whether the token has one of `alternatives`, which are separated by commas.
    fn may(&self, alternatives: &'static str) -> Result<(), Refusal> {
        let has = |scope| self.scope.split(' ').any(|granted| granted == scope);
        if alternatives.split(',').any(has) { Ok(()) } else { Err(Refusal::Scope(alternatives)) }
    }
}

impl FromRequestParts<Arc<Issuer>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, issuer: &Arc<Issuer>) -> Result<Self, Refusal> {
        let token = bearer::token(&parts.headers).ok_or(Refusal::Unauthorized("Missing authentication"))?;
        let claims = bearer::verified(issuer, token).filter(|claims| claims["aud"] == audience(issuer));
        let claims = claims.ok_or(Refusal::Unauthorized("Invalid token"))?;
        Ok(Self { scope: claims["scope"].as_str().unwrap_or_default().to_owned() })
    }
}

/// The user that the path names.
struct UserId(String);

impl FromRequestParts<Arc<Issuer>> for UserId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, issuer: &Arc<Issuer>) -> Result<Self, Refusal> {
        let problem =
            |id: &str| Refusal::Uri(format!("Object didn't pass validation for format user-id: {id}"));
        let Path(mut named) = Path::<HashMap<String, String>>::from_request_parts(parts, issuer)
            .await
            .map_err(|_| problem("(unreadable)"))?;
        let id = named.remove("id").unwrap_or_default();
        if id.contains('|') { Ok(Self(id)) } else { Err(problem(&id)) }
    }
}

impl UserId {
    fn find<'a>(&self, tenant: &'a Tenant) -> Result<&'a Persona, Refusal> {
        tenant.personas.iter().find(|persona| persona.sub() == self.0).ok_or(Refusal::NoUser)
    }

    fn find_mut<'a>(&self, tenant: &'a mut Tenant) -> Result<&'a mut Persona, Refusal> {
        tenant.personas.iter_mut().find(|persona| persona.sub() == self.0).ok_or(Refusal::NoUser)
    }
}

/// A body that is a JSON object.
fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::Body("Expected type object".into()))
}
