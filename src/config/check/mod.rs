//! From flags to settings. Every problem is collected, so that an operator mends them in one go.

mod permit_api;

use std::{fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Args, Config, is_loopback};
use crate::{audit, auth, auth0_admin, graphql, http, permit, store, sync};

pub(super) use permit_api::permit_api;

/// The database of a server that was told nothing else.
const DEFAULT_DATABASE: &str = "sqlite://taskgate.db?mode=rwc";

/// Everything that is missing or wrong. No value is repeated: it may be a secret.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    fn note(&mut self, setting: &str, problem: &str) {
        self.0.push(format!("{setting} {problem}"));
    }

    /// One sentence each, which begins with the setting.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "taskgate cannot start with these settings:")?;
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "See `taskgate --help`. To try it without any account: taskgate --sandbox")
    }
}

impl std::error::Error for Problems {}

pub(super) fn config(args: &Args) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let listen = args.server.listen_addr.parse::<SocketAddr>().ok();
    if listen.is_none() {
        problems.note("LISTEN_ADDR", "is not an address and a port, such as 127.0.0.1:4000");
    }
    let auth = auth(args, &mut problems);
    let auth0_admin = auth0_admin(args, auth.as_ref(), &mut problems);
    let permit = permit(args, &mut problems);
    let store = store(args, &mut problems);
    let http = http(args, &mut problems);
    let sync = sync(args, &mut problems);
    let graphql = graphql(args, &mut problems);
    match (listen, auth, permit, store) {
        (Some(listen), Some(auth), Some(permit), Some(store)) if problems.0.is_empty() => Ok(Config {
            listen,
            auth,
            auth0_admin,
            permit,
            store,
            graphql,
            http,
            sync,
            audit: audit::Config { retention: Duration::from_millis(args.server.decision_log_retention_ms) },
        }),
        _ => Err(problems),
    }
}

pub(super) fn database(args: &Args) -> Result<store::Config, Problems> {
    let mut problems = Problems::default();
    store(args, &mut problems).filter(|_| problems.0.is_empty()).ok_or(problems)
}

fn auth(args: &Args, problems: &mut Problems) -> Option<auth::Config> {
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
fn auth0_admin(
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

fn permit(args: &Args, problems: &mut Problems) -> Option<permit::Config> {
    let given = &args.permit;
    let key = given.permit_api_key.clone().filter(|key| !key.expose_secret().trim().is_empty());
    if key.is_none() {
        problems.note("PERMIT_API_KEY", "is missing");
    }
    let pdp_url = required("PERMIT_PDP_URL", given.permit_pdp_url.as_deref(), problems)
        .and_then(|text| url("PERMIT_PDP_URL", &text, problems));
    let api_url = url("PERMIT_API_URL", &given.permit_api_url, problems);
    let proxy = facts_proxy(&given.permit_facts_proxy, problems);
    let writes = rate("PERMIT_WRITES_PER_MINUTE", given.permit_writes_per_minute, problems);
    let deletes = rate("PERMIT_DELETES_PER_MINUTE", given.permit_deletes_per_minute, problems);
    let schema_writes =
        rate("PERMIT_SCHEMA_WRITES_PER_MINUTE", given.permit_schema_writes_per_minute, problems);
    let times = [
        ("PERMIT_CONNECT_TIMEOUT_MS", given.permit_connect_timeout_ms),
        ("PERMIT_ANSWER_TIMEOUT_MS", given.permit_answer_timeout_ms),
        ("PERMIT_API_TIMEOUT_MS", given.permit_api_timeout_ms),
        ("PERMIT_FACTS_WAIT_MS", given.permit_facts_wait_ms),
    ];
    let [connect, answer, api, wait] = times.map(|(setting, millis)| positive(setting, millis, problems));
    let mut config = permit::Config::new(pdp_url?, api_url?, key?);
    config.connect_timeout = connect;
    config.answer_timeout = answer;
    config.api_timeout = api;
    config.facts_wait = wait;
    config.facts_proxy = proxy?;
    config.writes_per_minute = writes;
    config.deletes_per_minute = deletes;
    config.schema_writes_per_minute = schema_writes;
    Some(config)
}

fn sync(args: &Args, problems: &mut Problems) -> sync::Config {
    let given = &args.permit;
    sync::Config {
        policy: given.role_policy.into(),
        create_tenants: given.create_tenants,
        copy_unverified_email: given.copy_unverified_email,
        deadline: positive("LOGIN_DEADLINE_MS", given.login_deadline_ms, problems),
        give_up_after: positive("SYNC_GIVE_UP_AFTER_MS", given.sync_give_up_after_ms, problems),
        lease: positive("SYNC_LEASE_MS", given.sync_lease_ms, problems),
    }
}

fn graphql(args: &Args, problems: &mut Problems) -> graphql::Config {
    let interval = args.permit.permission_recheck_interval;
    graphql::Config {
        decision_ttl: Duration::from_millis(args.permit.permit_decision_ttl),
        introspection: args.server.introspection,
        receipt: args.server.receipt,
        object_rules: args.permit.object_rules,
        permission_recheck_interval: positive("PERMISSION_RECHECK_INTERVAL", interval, problems),
    }
}

fn facts_proxy(text: &str, problems: &mut Problems) -> Option<permit::ProxyUse> {
    match text.trim() {
        "auto" | "" => Some(permit::ProxyUse::Auto),
        "on" => Some(permit::ProxyUse::On),
        "off" => Some(permit::ProxyUse::Off),
        _ => {
            problems.note("PERMIT_FACTS_PROXY", "is neither auto, on nor off");
            None
        }
    }
}

fn store(args: &Args, problems: &mut Problems) -> Option<store::Config> {
    let url = args.server.database_url.as_ref().map_or(DEFAULT_DATABASE, SecretString::expose_secret);
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| url.starts_with(scheme)) {
        problems.note("DATABASE_URL", "starts with neither sqlite: nor postgres://");
        return None;
    }
    if args.server.database_max_connections == 0 {
        problems.note("DATABASE_MAX_CONNECTIONS", "must be at least 1");
    }
    Some(store::Config {
        url: url.to_owned().into(),
        max_connections: args.server.database_max_connections,
        acquire_timeout: positive("DATABASE_TIMEOUT_MS", args.server.database_timeout_ms, problems),
    })
}

fn http(args: &Args, problems: &mut Problems) -> http::Config {
    let given = &args.server;
    let mut origins = Vec::new();
    for origin in given.cors_origins.iter().filter(|origin| !origin.is_empty()) {
        match Url::parse(origin) {
            Ok(url) if url.origin().ascii_serialization() == *origin => origins.push(origin.clone()),
            _ => problems
                .note("CORS_ORIGINS", "has something that is not an origin, such as https://app.example.com"),
        }
    }
    let console_token_url =
        filled(given.console_token_url.as_deref()).and_then(|text| url("CONSOLE_TOKEN_URL", text, problems));
    http::Config {
        cors_origins: origins,
        max_body_bytes: given.max_body_bytes,
        header_timeout: positive("HEADER_TIMEOUT_MS", given.header_timeout_ms, problems),
        body_timeout: positive("BODY_TIMEOUT_MS", given.body_timeout_ms, problems),
        send_timeout: positive("SEND_TIMEOUT_MS", given.send_timeout_ms, problems),
        ws_init_timeout: positive("WS_INIT_TIMEOUT_MS", given.ws_init_timeout_ms, problems),
        ws_keep_alive: positive("WS_KEEP_ALIVE_MS", given.ws_keep_alive_ms, problems),
        max_subscriptions_per_socket: given.max_subscriptions_per_socket.max(1),
        max_connections: given.max_connections.max(1),
        shutdown_grace: Duration::from_millis(given.shutdown_grace_ms),
        console: given.console.unwrap_or(false),
        console_token_url,
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn required(setting: &str, value: Option<&str>, problems: &mut Problems) -> Option<String> {
    let value = filled(value).map(str::to_owned);
    if value.is_none() {
        problems.note(setting, "is missing");
    }
    value
}

/// Something to go on with when it is zero, which is noted, so that every problem is found.
fn positive(setting: &str, millis: u64, problems: &mut Problems) -> Duration {
    if millis == 0 {
        problems.note(setting, "must be more than 0");
    }
    Duration::from_millis(millis)
}

/// Something to go on with when it is zero, which is noted, so that every problem is found.
fn rate(setting: &str, per_minute: u32, problems: &mut Problems) -> NonZeroU32 {
    NonZeroU32::new(per_minute).unwrap_or_else(|| {
        problems.note(setting, "must be at least 1");
        NonZeroU32::MIN
    })
}

/// A URL that secrets may be sent to.
fn url(setting: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => Some(url),
        Ok(_) => {
            problems.note(setting, "must be https, or http on loopback");
            None
        }
        Err(_) => {
            problems.note(setting, "is not a URL");
            None
        }
    }
}

#[cfg(test)]
mod tests;
