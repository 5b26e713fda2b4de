//! The server itself: what it serves and within which limits.

use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use super::{Args, Problems, filled, positive, rate_limit, url};
use crate::{graphql, http, store::MAX_OPERATION_TIMEOUT};

pub(super) fn graphql(args: &Args, problems: &mut Problems) -> graphql::Config {
    let interval = args.permit.permission_recheck_interval;
    graphql::Config {
        decision_ttl: Duration::from_millis(args.permit.permit_decision_ttl),
        introspection: args.server.introspection,
        receipt: args.server.receipt,
        operation_timeout: Duration::from_millis(args.server.operation_timeout_ms),
        max_cost: args.server.max_operation_cost.into(),
        object_rules: args.permit.object_rules,
        permission_recheck_interval: positive("PERMISSION_RECHECK_INTERVAL", interval, problems),
    }
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
    if given.max_connections > Semaphore::MAX_PERMITS {
        problems.note("MAX_CONNECTIONS", &format!("must be at most {}", Semaphore::MAX_PERMITS));
    }
    http::Config {
        cors_origins: origins,
        trusted_proxies: rate_limit::trusted_proxies(&given.trusted_proxies, problems),
        max_body_bytes: given.max_body_bytes,
        header_timeout: positive("HEADER_TIMEOUT_MS", given.header_timeout_ms, problems),
        body_timeout: positive("BODY_TIMEOUT_MS", given.body_timeout_ms, problems),
        send_timeout: positive("SEND_TIMEOUT_MS", given.send_timeout_ms, problems),
        operation_timeout: operation_timeout(given.operation_timeout_ms, problems),
        ws_init_timeout: positive("WS_INIT_TIMEOUT_MS", given.ws_init_timeout_ms, problems),
        ws_keep_alive: positive("WS_KEEP_ALIVE_MS", given.ws_keep_alive_ms, problems),
        max_subscriptions_per_socket: given.max_subscriptions_per_socket.max(1),
        max_subscriptions_per_subject: given.max_subscriptions_per_subject.max(1),
        max_connections: given.max_connections.max(1),
        shutdown_delay: Duration::from_millis(given.shutdown_delay_ms),
        shutdown_grace: Duration::from_millis(given.shutdown_grace_ms),
        documents: documents(args, problems),
        console: given.console.unwrap_or(false),
        console_token_url,
    }
}

/// What other nodes are told of a mutation that takes longer could be missed.
fn operation_timeout(given: u64, problems: &mut Problems) -> Duration {
    let timeout = positive("OPERATION_TIMEOUT_MS", given, problems);
    if timeout > MAX_OPERATION_TIMEOUT {
        let most = MAX_OPERATION_TIMEOUT.as_millis();
        problems.note("OPERATION_TIMEOUT_MS", &format!("must be at most {most}"));
    }
    timeout
}

fn documents(args: &Args, problems: &mut Problems) -> http::DocumentsConfig {
    let given = &args.server;
    let ladder = match given.trusted_documents.trim() {
        "" | "off" => http::Ladder::Off,
        "log" => http::Ladder::Log,
        "enforce" => http::Ladder::Enforce,
        _ => {
            problems.note("TRUSTED_DOCUMENTS", "is neither off, log nor enforce");
            http::Ladder::Off
        }
    };
    let file = given.trusted_documents_file.clone();
    if ladder != http::Ladder::Off && file.is_none() {
        problems.note("TRUSTED_DOCUMENTS_FILE", "is missing, and says which documents are trusted");
    }
    http::DocumentsConfig { ladder, file, persisted_bytes: given.persisted_queries_bytes }
}
