//! The database, the issuer and Permit: away, wrong or not set up.

use serde_json::json;
use taskgate::sandbox::permit::API_KEY;

use super::practice::Practice;

#[tokio::test]
async fn a_database_that_is_not_there_is_a_warning_and_is_not_made() {
    let practice = Practice::open().await;

    let visit = practice.visit().await;

    assert_eq!(visit.code, Some(0), "{}", visit.all);
    let line = visit.line("database");
    assert!(line.starts_with("warn  ") && line.contains("taskgate migrate"), "{line}");
    assert_eq!(practice.files.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_was_never_migrated_is_a_warning_and_an_unreachable_server_a_failure() {
    let mut practice = Practice::open().await;
    std::fs::write(practice.files.path().join("doctor.db"), "").unwrap();
    assert!(practice.visit().await.line("database").contains("migrations are to be applied"));

    practice.settings.insert("DATABASE_URL", "postgres://somebody:hush@127.0.0.1:1/tasks".to_owned());
    let visit = practice.visit().await;

    assert!(visit.failure("database").contains("DATABASE_URL"));
    assert!(!visit.all.contains("hush") && !visit.all.contains("somebody"), "{}", visit.all);
}

#[tokio::test]
async fn a_wrong_key_is_told_for_both_halves_of_permit() {
    let mut practice = Practice::open().await;
    practice.settings.insert("PERMIT_API_KEY", "permit_key_hush".to_owned());

    let visit = practice.visit().await;

    assert!(visit.failure("Permit key").contains("PERMIT_API_KEY"));
    assert!(visit.failure("decision").contains("PDP_API_KEY = PERMIT_API_KEY"));
    assert_eq!(visit.failures(), 2, "{}", visit.said);
    assert!(visit.line("roles").contains("not looked at"));
    assert!(!visit.all.contains("hush"), "{}", visit.all);
}

#[tokio::test]
async fn whatever_is_away_is_named_with_its_setting() {
    let mut practice = Practice::open().await;
    practice.world.sandbox.pdp.stop().await;
    let visit = practice.visit().await;
    assert!(visit.failure("PDP").contains("PERMIT_PDP_URL"));
    assert!(visit.failure("PDP").contains("docker run -p 127.0.0.1:"), "{}", visit.said);
    assert_eq!(visit.failures(), 1, "{}", visit.said);

    practice.world.sandbox.permit_api.stop().await;
    let visit = practice.visit().await;
    assert!(visit.failure("Permit's REST API").contains("PERMIT_API_URL"));
    assert_eq!(visit.failures(), 2, "{}", visit.said);

    practice.world.sandbox.issuer.stop().await;
    let visit = practice.visit_with("a.b.c").await;
    assert!(visit.failure("issuer").contains("AUTH0_DOMAIN"));
    assert!(visit.line("token").contains("not looked at"));
    assert_eq!(visit.failures(), 3, "{}", visit.said);
}

#[tokio::test]
async fn an_issuer_of_another_name_is_not_ours() {
    let mut practice = Practice::open().await;
    let alias = practice.world.sandbox.issuer_name().replace("127.0.0.1", "localhost");
    practice.settings.insert("AUTH0_ISSUER", alias);

    let visit = practice.visit().await;

    assert!(visit.failure("issuer").contains("set AUTH0_ISSUER to the `issuer` that"), "{}", visit.said);
}

#[tokio::test]
async fn an_action_that_the_policy_lacks_is_named() {
    let practice = Practice::open().await;
    let action = "/v2/schema/taskgate/sandbox/resources/task/actions/delete";
    let url = format!("{}{action}", practice.world.sandbox.permit_api.url());
    practice.world.client.delete(url).bearer_auth(API_KEY).send().await.unwrap().error_for_status().unwrap();

    let visit = practice.visit().await;

    assert!(visit.failure("resources and actions").contains("task:delete"));
    assert!(visit.line("roles").contains("none grants task:delete"), "{}", visit.said);
}

#[tokio::test]
async fn object_rules_on_a_pdp_without_attribute_rules_are_a_failure() {
    let mut practice = Practice::open().await;
    practice.settings.insert("OBJECT_RULES", "true".to_owned());
    assert!(practice.visit().await.line("attribute rules").starts_with("ok "));

    practice.world.supports_attribute_rules(false).await;
    let visit = practice.visit().await;

    assert!(visit.failure("attribute rules").contains("set OBJECT_RULES to false"));
}

#[tokio::test]
async fn a_policy_that_grants_nothing_is_a_warning() {
    let practice = Practice::open().await;
    for role in ["admin", "manager", "viewer"] {
        let url =
            format!("{}/v2/schema/taskgate/sandbox/roles/{role}", practice.world.sandbox.permit_api.url());
        practice.world.client.delete(url).bearer_auth(API_KEY).send().await.unwrap();
    }

    let visit = practice.visit_with(&practice.world.token(json!({})).await).await;

    assert_eq!(visit.code, Some(0), "{}", visit.all);
    assert!(visit.said.contains("warn  roles: 0 in the policy, and none grants anything of ours"));
    assert!(visit.said.contains("warn  roles: Permit has none that is called admin, as the token says"));
}

#[tokio::test]
async fn a_demanded_proxy_that_is_not_there_is_a_failure_and_else_it_is_told() {
    let mut practice = Practice::open().await;
    let url = format!("{}/sandbox/facts-proxy", practice.world.sandbox.pdp.url());
    practice.world.client.put(url).json(&json!({"enabled": false})).send().await.unwrap();

    let visit = practice.visit().await;
    assert_eq!(visit.code, Some(0), "{}", visit.all);
    assert!(visit.line("facts proxy").starts_with("ok    facts proxy: none"));

    practice.settings.insert("PERMIT_FACTS_PROXY", "on".to_owned());
    assert!(practice.visit().await.failure("facts proxy").contains("PERMIT_FACTS_PROXY to auto"));
}
