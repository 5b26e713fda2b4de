//! `taskgate doctor` as an operator runs it: the built program, real settings, and one thing at a time that is wrong.

mod practice;
mod services;
mod tokens;

use serde_json::{Value, json};
use taskgate::sandbox::permit::API_KEY;

use self::practice::Practice;

#[tokio::test]
async fn all_well_is_an_ok_for_everything_and_exit_code_0() {
    let practice = Practice::open().await;
    assert_eq!(practice.run(&["migrate"], "").await.code, Some(0));
    let token = practice.world.token(json!({})).await;

    let visit = practice.visit_with(&format!("Bearer {token}\n")).await;

    let subjects: Vec<&str> = visit
        .said
        .lines()
        .map(|line| {
            line.strip_prefix("ok    ").unwrap_or_else(|| panic!("{line}")).split(": ").next().unwrap()
        })
        .collect();
    let everything = [
        "settings",
        "issuer",
        "signing keys",
        "token",
        "roles claim",
        "e-mail claims",
        "database",
        "Permit's REST API",
        "Permit key",
        "resources and actions",
        "roles",
        "tenant",
        "PDP",
        "PDP version",
        "facts proxy",
        "decision",
    ];
    assert_eq!(subjects, everything, "{}", visit.all);
    assert_eq!(visit.code, Some(0));
    for secret in [token.as_str(), API_KEY, "@"] {
        assert!(!visit.all.contains(secret), "{secret} is in: {}", visit.all);
    }
}

#[tokio::test]
async fn every_problem_of_the_settings_is_a_failure() {
    let mut practice = Practice::open().await;
    practice.settings.remove("AUTH0_AUDIENCE");
    practice.settings.insert("PERMIT_PDP_URL", "http://pdp.example".to_owned());

    let visit = practice.visit().await;

    assert_eq!((visit.code, visit.failures()), (Some(1), 2), "{}", visit.all);
    assert!(visit.said.contains("FAIL  settings: AUTH0_AUDIENCE is missing"), "{}", visit.said);
    assert!(visit.said.contains("FAIL  settings: PERMIT_PDP_URL must be https"), "{}", visit.said);
}

#[tokio::test]
async fn programs_get_the_same_as_json() {
    let mut practice = Practice::open().await;
    practice.world.sandbox.pdp.stop().await;

    let visit = practice.run(&["doctor", "--json"], "").await;

    let report: Value = serde_json::from_str(&visit.said).unwrap();
    assert_eq!((visit.code, &report["ok"]), (Some(1), &json!(false)));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings[0], json!({"status": "ok", "subject": "settings", "what": "complete", "fix": null}));
    let pdp = findings.iter().find(|finding| finding["subject"] == "PDP").unwrap();
    assert_eq!(pdp["status"], "FAIL");
    assert!(pdp["fix"].as_str().unwrap().contains("PERMIT_PDP_URL"));
}
