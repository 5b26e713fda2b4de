//! The server itself: its database, what it serves and within which limits.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Args, Problems, filled, positive, url};
use crate::{graphql, http, store};

/// The database of a server that was told nothing else.
const DEFAULT_DATABASE: &str = "sqlite://taskgate.db?mode=rwc";

pub(super) fn graphql(args: &Args, problems: &mut Problems) -> graphql::Config {
    let interval = args.permit.permission_recheck_interval;
    graphql::Config {
        decision_ttl: Duration::from_millis(args.permit.permit_decision_ttl),
        introspection: args.server.introspection,
        receipt: args.server.receipt,
        object_rules: args.permit.object_rules,
        permission_recheck_interval: positive("PERMISSION_RECHECK_INTERVAL", interval, problems),
    }
}

pub(super) fn store(args: &Args, problems: &mut Problems) -> Option<store::Config> {
    let url = args.database.database_url.as_ref().map_or(DEFAULT_DATABASE, SecretString::expose_secret);
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| url.starts_with(scheme)) {
        problems.note("DATABASE_URL", "starts with neither sqlite: nor postgres://");
        return None;
    }
    if args.database.database_max_connections == 0 {
        problems.note("DATABASE_MAX_CONNECTIONS", "must be at least 1");
    }
    Some(store::Config {
        url: url.to_owned().into(),
        max_connections: args.database.database_max_connections,
        acquire_timeout: positive("DATABASE_TIMEOUT_MS", args.database.database_timeout_ms, problems),
    })
}

pub(super) fn http(args: &Args, problems: &mut Problems) -> http::Config {
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
