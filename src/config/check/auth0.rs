//! The issuer of tokens, and its Management API.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use url::Url;

use super::{Args, Problems, filled, required, url};
use crate::{auth, auth0_admin};

pub(super) fn auth(args: &Args, problems: &mut Problems) -> Option<auth::Config> {
    let given = &args.auth0;
    let issuer = issuer(given.auth0_issuer.as_deref(), given.auth0_domain.as_deref(), problems);
    let audience = required("AUTH0_AUDIENCE", given.auth0_audience.as_deref(), problems);
    let roles_claim = required("AUTH0_ROLES_CLAIM", given.auth0_roles_claim.as_deref(), problems);
    Some(auth::Config {
        issuer: issuer?,
        audience: audience?,
        roles_claim: roles_claim?,
        allowed_tenants: given.allowed_tenants.iter().filter(|tenant| !tenant.is_empty()).cloned().collect(),
        ca_file: given.auth0_ca_file.clone(),
        jwks_cooldown: Duration::from_millis(given.jwks_cooldown_ms),
        jwks_max_stale: Duration::from_millis(given.jwks_max_stale_ms),
    })
}

/// The exact issuer: as given, or `https://DOMAIN/` with the slash that Auth0 writes.
fn issuer(issuer: Option<&str>, domain: Option<&str>, problems: &mut Problems) -> Option<String> {
    if let Some(issuer) = filled(issuer) {
        url("AUTH0_ISSUER", issuer, problems)?;
        if !issuer.ends_with('/') {
            problems.note("AUTH0_ISSUER", "must end in a slash, as the `iss` of Auth0's tokens does");
            return None;
        }
        return Some(issuer.to_owned());
    }
    let domain = required("AUTH0_DOMAIN", domain, problems)?;
    let host = domain.trim_start_matches("https://").trim_end_matches('/');
    let issuer = format!("https://{host}/");
    match Url::parse(&issuer) {
        Ok(url) if url.path() == "/" && url.query().is_none() && url.username().is_empty() => Some(issuer),
        _ => {
            problems.note("AUTH0_DOMAIN", "is not a domain, such as example.eu.auth0.com");
            None
        }
    }
}

/// Both halves of the credentials or neither: one alone would show only when the first account is to be removed.
pub(super) fn auth0_admin(
    args: &Args,
    auth: Option<&auth::Config>,
    problems: &mut Problems,
) -> Option<auth0_admin::Config> {
    let given = &args.auth0;
    let audience = filled(given.auth0_mgmt_audience.as_deref());
    // Auth0 compares it byte for byte, and the usual mistake is to leave out the slash.
    if audience.is_some_and(|audience| !audience.ends_with("/api/v2/")) {
        problems.note("AUTH0_MGMT_AUDIENCE", "must end in /api/v2/, with the slash");
    }
    let secret = given.auth0_mgmt_client_secret.clone();
    let secret = secret.filter(|secret| !secret.expose_secret().trim().is_empty());
    let (id, secret) = match (filled(given.auth0_mgmt_client_id.as_deref()), secret) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => return None,
        (Some(_), None) => {
            problems.note("AUTH0_MGMT_CLIENT_SECRET", "is missing beside AUTH0_MGMT_CLIENT_ID");
            return None;
        }
        (None, Some(_)) => {
            problems.note("AUTH0_MGMT_CLIENT_ID", "is missing beside AUTH0_MGMT_CLIENT_SECRET");
            return None;
        }
    };
    let issuer = Url::parse(&auth?.issuer).expect("checked with the issuer of tokens");
    let mut config = auth0_admin::Config::new(issuer, id.to_owned(), secret);
    config.ca_file.clone_from(&given.auth0_ca_file);
    if let Some(audience) = audience {
        audience.clone_into(&mut config.audience);
    }
    Some(config)
}
