//! The sandbox signs tokens for whoever asks, so it must be impossible to have it by accident.

use std::process::Command;

use serde_json::json;

use crate::support::World;

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    program.env_clear();
    program
}

#[test]
fn it_refuses_to_start_beside_real_services() {
    for setting in [
        "AUTH0_DOMAIN",
        "AUTH0_ISSUER",
        "AUTH0_AUDIENCE",
        "AUTH0_ROLES_CLAIM",
        "AUTH0_CA_FILE",
        "AUTH0_MGMT_CLIENT_ID",
        "AUTH0_MGMT_CLIENT_SECRET",
        "AUTH0_MGMT_AUDIENCE",
        "PERMIT_API_KEY",
        "PERMIT_PDP_URL",
        "PERMIT_API_URL",
    ] {
        let output = program().arg("--sandbox").env(setting, "https://real.example").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{setting}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(setting), "{setting}");
        assert!(output.stdout.is_empty(), "nothing is announced beside {setting}");
    }
}

#[test]
fn it_refuses_to_be_reached_from_other_machines() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4000"] {
        let output = program().args(["--sandbox", "--listen-addr", address]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{address}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("LISTEN_ADDR"), "{address}");
        assert!(output.stdout.is_empty(), "nothing is announced at {address}");
    }
}

#[test]
fn without_settings_everything_that_is_missing_is_told_at_once() {
    let output = program().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for setting in [
        "AUTH0_DOMAIN",
        "AUTH0_AUDIENCE",
        "AUTH0_ROLES_CLAIM",
        "PERMIT_API_KEY",
        "PERMIT_PDP_URL",
        "--sandbox",
    ] {
        assert!(told.contains(setting), "{setting} is not in: {told}");
    }
}

#[test]
fn plain_http_is_refused_for_everything_that_is_not_loopback_and_no_secret_is_repeated() {
    let output = program()
        .env("AUTH0_ISSUER", "http://issuer.example/")
        .env("AUTH0_AUDIENCE", "api")
        .env("AUTH0_ROLES_CLAIM", "roles")
        .env("PERMIT_API_KEY", "permit_key_secret")
        .env("PERMIT_PDP_URL", "http://pdp.example")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told.contains("AUTH0_ISSUER must be https") && told.contains("PERMIT_PDP_URL must be https"),
        "{told}"
    );
    assert!(!told.contains("permit_key_secret"), "{told}");
}

#[test]
fn half_of_the_credentials_for_removals_is_a_mistake_and_not_a_choice() {
    let told = |settings: &[(&str, &str)]| {
        let output = program().envs(settings.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (id, secret) = (("AUTH0_MGMT_CLIENT_ID", "client"), ("AUTH0_MGMT_CLIENT_SECRET", "hush-hush"));

    assert!(told(&[id]).contains("AUTH0_MGMT_CLIENT_SECRET is missing beside AUTH0_MGMT_CLIENT_ID"));
    let half = told(&[secret, ("AUTH0_MGMT_AUDIENCE", "https://example.eu.auth0.com/api/v2")]);
    assert!(half.contains("AUTH0_MGMT_CLIENT_ID is missing beside AUTH0_MGMT_CLIENT_SECRET"), "{half}");
    assert!(half.contains("AUTH0_MGMT_AUDIENCE must end in /api/v2/"), "{half}");
    for none_or_both in [told(&[]), told(&[id, secret])] {
        assert!(!none_or_both.contains("MGMT"), "{none_or_both}");
    }
    assert!(!half.contains("hush-hush"), "{half}");
    let help = program().arg("--help").envs([id, secret]).output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("hush-hush"));
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let world = World::start().await;
    let sandbox = &world.sandbox;
    for url in [sandbox.issuer.url(), sandbox.permit_api.url(), sandbox.pdp.url()] {
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    }
}

#[tokio::test]
async fn a_token_of_another_start_is_dead() {
    let (yesterday, today) = (World::start().await, World::start().await);
    let issuer = today.sandbox.issuer_name();
    let audience = json!(["https://taskgate.example/api"]);
    let token = yesterday.token(json!({"claims": {"iss": issuer, "aud": audience}})).await;
    let answer = today.bearer(token).asks("{ __typename }").await;
    assert_eq!(answer.refusal()["reason"], "UNKNOWN_KEY");
}
