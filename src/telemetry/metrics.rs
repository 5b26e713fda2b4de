//! What is counted and measured: every series of `/metrics`, with the words that stand beside it there.
//!
//! A value is recorded where it arises, by its name; here is what the name means. Labels have few values: codes of
//! ours, names of calls, types. None is a subject, a tenant, an address or a part of a document.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How often what was recorded is summed up, so that it takes no room when nobody reads the page.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a series is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

use Kind::{Counter, Gauge, Histogram};

const LATENCY: Kind = Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]);
const WAIT: Kind = Histogram(&[0.01, 0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0]);
const CHECKS: Kind = Histogram(&[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
const WAVES: Kind = Histogram(&[0.0, 1.0, 2.0, 3.0, 5.0, 10.0]);

/// A name and its labels, what it is, and what it means.
type Series = (&'static str, &'static [&'static str], Kind, &'static str);

#[rustfmt::skip]
const SERIES: [Series; 36] = [
    ("build_info", &["version"], Gauge, "Always 1; the version of the program is its label."),
    ("ready", &[], Gauge, "1 while database, signing keys, decision point and policy are as `/ready` asks; else 0."),
    ("graphql_requests_total", &["operation", "type", "outcome"], Counter, "Operations, by trusted name, type, and OK or the code of their first error."),
    ("graphql_request_duration_seconds", &["type"], LATENCY, "Time from a query or mutation that is read to its answer."),
    ("rate_limited_total", &["bucket"], Counter, "Requests and events that were refused for want of points, by bucket: subject, address, or verification of tokens."),
    ("untrusted_documents_total", &[], Counter, "Operations whose document is not in the file of trusted ones, where that is looked at."),
    ("decisions_total", &["outcome", "cause"], Counter, "Answers to permission checks: allow, deny or undecided, and why."),
    ("decision_waves", &[], WAVES, "Batches of checks that one operation needed, one after another."),
    ("decision_snapshot_age_seconds", &[], WAIT, "Age of remembered permissions when they were used for a read."),
    ("pdp_requests_total", &["endpoint", "outcome"], Counter, "Calls of the decision point, by OK or the cause of their failure."),
    ("pdp_request_seconds", &["endpoint"], LATENCY, "Time of a call of the decision point, a retried connect included."),
    ("pdp_batch_checks", &[], CHECKS, "Checks in one call of the decision point."),
    ("permit_api_requests_total", &["call", "via", "outcome"], Counter, "Calls of Permit's REST API, directly or through the decision point."),
    ("permit_api_turn_seconds", &[], WAIT, "Time that a write to Permit's REST API waited for its turn below the rate limit."),
    ("auth0_admin_requests_total", &["call", "outcome"], Counter, "Calls of Auth0's Management API."),
    ("jwks_refresh_total", &["outcome"], Counter, "Attempts to fetch the issuer's signing keys: success or failure."),
    ("jwks_last_success_timestamp_seconds", &[], Gauge, "When the signing keys were last fetched, since the Unix epoch; 0 before."),
    ("token_cache_total", &["outcome"], Counter, "Tokens that were verified already (hit) or had to be (miss)."),
    ("outbox_pending", &[], Gauge, "Changes that are still to be told to Permit or Auth0."),
    ("outbox_dead", &[], Gauge, "Changes that were given up and wait for an operator."),
    ("outbox_lag_seconds", &[], Gauge, "Age of the oldest change that is still to be told."),
    ("outbox_attempts_total", &["outcome"], Counter, "Attempts to tell a change, by OK, MORE or the cause of their failure."),
    ("decision_log_written_total", &[], Counter, "Decisions written to the log."),
    ("decision_log_dropped_total", &[], Counter, "Decisions lost to the log: its queue was full, or the database failed."),
    ("connections_open", &[], Gauge, "Connections of clients."),
    ("connections_limit", &[], Gauge, "Connections of clients that may be open at the same time."),
    ("sockets_open", &[], Gauge, "WebSockets among the connections."),
    ("sockets_closed_total", &["code"], Counter, "WebSockets that ended, by close code."),
    ("subscriptions_open", &["transport"], Gauge, "Operations in flight on WebSockets and event streams."),
    ("feed_connected", &[], Gauge, "1 while the server hears what other servers commit; with SQLite there are none, and it stays 1."),
    ("feed_catch_ups_total", &[], Counter, "How often the server connected again to hear the others, and looked up what it had missed."),
    ("feed_lag_seconds", &[], Gauge, "Time of an echo of the server's own through the database, every five seconds."),
    ("database_connections_in_use", &[], Gauge, "Connections of the pool that something works with."),
    ("database_connections_idle", &[], Gauge, "Connections of the pool that nothing works with."),
    ("database_connections_limit", &[], Gauge, "Connections that the pool may open."),
    ("database_acquire_seconds", &[], LATENCY, "Wait for a connection of the pool, tried once a second."),
];

/// Begins counting; the handle prints what `/metrics` shows.
///
/// # Errors
/// Somebody else counts already in this process.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for (name, _, kind, _) in SERIES {
        if let Histogram(bounds) = kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    SERIES.iter().for_each(describe);
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    tokio::spawn(keep_up(handle.clone()));
    Ok(handle)
}

/// A series without labels is there from the start, so that a monitor sees it before anything happens.
fn describe((name, labels, kind, help): &Series) {
    match kind {
        Counter => metrics::describe_counter!(*name, *help),
        Gauge => metrics::describe_gauge!(*name, *help),
        Histogram(_) => metrics::describe_histogram!(*name, *help),
    }
    if labels.is_empty() {
        match kind {
            Counter => metrics::counter!(*name).increment(0),
            Gauge => metrics::gauge!(*name).increment(0.0),
            Histogram(_) => drop(metrics::histogram!(*name)),
        }
    }
}

async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}
