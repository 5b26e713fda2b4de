use clap::Parser as _;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{auth0_admin, permit};

fn management(more: &[&str]) -> Option<auth0_admin::Config> {
    let enough = "taskgate --auth0-domain example.eu.auth0.com --auth0-audience api --auth0-roles-claim roles \
                  --permit-api-key key --permit-pdp-url http://127.0.0.1:7766 --auth0-ca-file ca.pem";
    let args = Args::parse_from(enough.split_whitespace().chain(more.iter().copied()));
    config(&args).unwrap().auth0_admin
}

#[test]
fn accounts_are_removed_only_with_credentials_and_at_the_issuer() {
    assert!(management(&[]).is_none());
    assert!(management(&["--auth0-mgmt-client-id", " ", "--auth0-mgmt-client-secret", ""]).is_none());

    let credentials = ["--auth0-mgmt-client-id", "client", "--auth0-mgmt-client-secret", "hush"];
    let config = management(&credentials).unwrap();
    assert_eq!(config.issuer.as_str(), "https://example.eu.auth0.com/");
    assert_eq!(config.audience, "https://example.eu.auth0.com/api/v2/");
    assert_eq!((config.client_id.as_str(), config.client_secret.expose_secret()), ("client", "hush"));
    assert_eq!(config.ca_file, Some("ca.pem".into()));
}

#[test]
fn behind_a_custom_domain_the_management_api_keeps_its_name() {
    let own = "https://tenant.eu.auth0.com/api/v2/";
    let settings =
        ["--auth0-mgmt-client-id", "c", "--auth0-mgmt-client-secret", "s", "--auth0-mgmt-audience", own];

    assert_eq!(management(&settings).unwrap().audience, own);
}

fn with(flags: &[&str]) -> Result<Config, Problems> {
    let given = [
        "taskgate",
        "--auth0-domain=example.eu.auth0.com",
        "--auth0-audience=api",
        "--auth0-roles-claim=roles",
        "--permit-api-key=key",
        "--permit-pdp-url=http://127.0.0.1:7766",
    ];
    config(&Args::parse_from(given.iter().chain(flags)))
}

#[test]
fn the_way_and_the_pace_of_writes_are_settings() {
    let permit = with(&[]).unwrap().permit;
    let paces = (permit.writes_per_minute.get(), permit.deletes_per_minute.get());
    assert_eq!((permit.facts_proxy, paces), (permit::ProxyUse::Auto, (220, 40)));

    let flags = ["--permit-facts-proxy=off", "--permit-facts-wait-ms=250", "--permit-writes-per-minute=7"];
    let permit = with(&flags).unwrap().permit;
    assert_eq!((permit.facts_proxy, permit.facts_wait), (permit::ProxyUse::Off, Duration::from_millis(250)));
    assert_eq!(permit.writes_per_minute.get(), 7);
}

#[test]
fn a_pace_of_nothing_and_an_unknown_way_are_told_together() {
    let flags = [
        "--permit-writes-per-minute=0",
        "--permit-deletes-per-minute=0",
        "--permit-facts-wait-ms=0",
        "--permit-facts-proxy=maybe",
    ];
    let told = with(&flags).unwrap_err().to_string();
    for setting in [
        "PERMIT_WRITES_PER_MINUTE must",
        "PERMIT_DELETES_PER_MINUTE must",
        "PERMIT_FACTS_WAIT_MS must",
        "PERMIT_FACTS_PROXY is neither",
    ] {
        assert!(told.contains(setting), "{setting} is not in: {told}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let settings = [
        "--permit-connect-timeout-ms=0",
        "--permit-answer-timeout-ms=0",
        "--header-timeout-ms=0",
        "--body-timeout-ms=0",
        "--sync-lease-ms=0",
        "--console-token-url=nowhere",
        "--listen-addr=here",
        "--otel-exporter-otlp-endpoint=http://collector:4318",
        "--otel-exporter-otlp-headers=secret",
        "--otel-traces-sampler-arg=1.5",
    ];
    let told = with(&settings).unwrap_err().to_string();
    for setting in [
        "PERMIT_CONNECT_TIMEOUT_MS",
        "PERMIT_ANSWER_TIMEOUT_MS",
        "HEADER_TIMEOUT_MS",
        "BODY_TIMEOUT_MS",
        "SYNC_LEASE_MS",
        "CONSOLE_TOKEN_URL",
        "LISTEN_ADDR",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_TRACES_SAMPLER_ARG",
    ] {
        assert!(told.contains(setting), "{setting} is not in: {told}");
    }
}

#[test]
fn permits_rest_api_alone_needs_a_key_and_an_address_that_keys_may_go_to() {
    let of = |flags: &[&str]| permit_api(&Args::parse_from(["taskgate"].iter().chain(flags)));
    let config = of(&["--permit-api-key=key"]).unwrap();
    assert_eq!(config.api_url.as_str(), "https://api.permit.io/");
    assert_eq!((config.facts_proxy, config.schema_writes_per_minute.get()), (permit::ProxyUse::Off, 25));

    let told =
        of(&["--permit-api-url=http://api.example", "--permit-schema-writes-per-minute=0"]).unwrap_err();
    let told: Vec<&str> = told.iter().collect();
    assert_eq!(
        told,
        [
            "PERMIT_API_KEY is missing",
            "PERMIT_API_URL must be https, or http on loopback",
            "PERMIT_SCHEMA_WRITES_PER_MINUTE must be at least 1",
        ]
    );
}

#[test]
fn a_bucket_has_to_hold_what_one_operation_may_cost() {
    let config = with(&[]).unwrap();
    assert_eq!((config.rate_limit.subject.points, config.graphql.max_cost), (100_000, 20_000));
    assert!(with(&["--subject-points=0", "--address-points=0", "--max-operation-cost=0"]).is_ok());
    let flags = [
        "--subject-points=19999",
        "--address-points-per-second=0",
        "--trusted-proxies=10.0.0.0/8,there",
        "--trusted-documents=perhaps",
        "--operation-timeout-ms=0",
    ];
    let told = with(&flags).unwrap_err().to_string();
    for setting in [
        "SUBJECT_POINTS must be 0, or at least MAX_OPERATION_COST",
        "ADDRESS_POINTS_PER_SECOND must be at least 1",
        "TRUSTED_PROXIES has something that is no network",
        "TRUSTED_DOCUMENTS is neither",
        "OPERATION_TIMEOUT_MS must",
    ] {
        assert!(told.contains(setting), "{setting} is not in: {told}");
    }
    assert!(
        with(&["--trusted-documents=log"])
            .unwrap_err()
            .to_string()
            .contains("TRUSTED_DOCUMENTS_FILE is missing")
    );
    let trusted = with(&["--trusted-proxies=10.0.0.0/8, 192.0.2.1"]).unwrap().http.trusted_proxies;
    assert_eq!(trusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "192.0.2.1/32"]);
}

#[test]
fn more_connections_than_can_be_counted_are_refused() {
    assert!(with(&["--max-connections=2305843009213693951"]).is_ok());

    let problems = with(&["--max-connections=2305843009213693952"]).unwrap_err().to_string();

    assert!(problems.contains("MAX_CONNECTIONS must be at most 2305843009213693951"), "{problems}");
}

#[test]
fn an_operation_ends_before_its_events_could_be_missed() {
    assert!(with(&["--operation-timeout-ms=60000"]).is_ok());

    let problems = with(&["--operation-timeout-ms=60001"]).unwrap_err().to_string();

    assert!(problems.contains("OPERATION_TIMEOUT_MS must be at most 60000"), "{problems}");
}
