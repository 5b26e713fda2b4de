//! The pasted token.

use serde_json::{Value, json};
use taskgate::sandbox::ROLES_CLAIM;

use super::practice::Practice;

#[tokio::test]
async fn a_token_is_looked_at_as_a_request_and_as_a_login_would() {
    let practice = Practice::open().await;
    let claims = |claims: Value| json!({"claims": claims});
    for (order, subject, fix) in [
        (
            claims(json!({"aud": "https://another.example/api"})),
            "token",
            "audience=https://taskgate.example/api",
        ),
        (claims(json!({"exp": 1_000_000})), "token", "EXPIRED"),
        (json!({"key": "foreign"}), "token", "BAD_SIGNATURE"),
        (claims(json!({ROLES_CLAIM: {"admin": true}})), "roles claim", "event.authorization.roles"),
    ] {
        let visit = practice.visit_with(&practice.world.token(order).await).await;
        assert!(visit.failure(subject).contains(fix), "{}", visit.said);
        assert_eq!(visit.failures(), 1, "{}", visit.said);
    }
    for (order, subject, fix) in [
        (claims(json!({ROLES_CLAIM: null})), "roles claim", "AUTH0_ROLES_CLAIM"),
        (claims(json!({ROLES_CLAIM: []})), "roles claim", "there and empty"),
        (claims(json!({"https://taskgate.example/email_verified": false})), "e-mail claims", "not verified"),
        (claims(json!({"org_id": "org_nobody"})), "tenant", "Permit has no tenant org_nobody"),
    ] {
        let visit = practice.visit_with(&practice.world.token(order).await).await;
        assert!(
            visit.line(subject).starts_with("warn") && visit.line(subject).contains(fix),
            "{}",
            visit.said
        );
        assert_eq!(visit.code, Some(0), "{}", visit.all);
    }
}

#[tokio::test]
async fn a_token_on_the_command_line_is_not_repeated_either() {
    let practice = Practice::open().await;
    let token = practice.world.token(json!({"claims": {"aud": "other"}})).await;

    let visit = practice.run(&["doctor", "--token", &token], "").await;

    assert!(visit.failure("token").contains("WRONG_AUDIENCE"));
    assert!(!visit.all.contains(&token));
}
