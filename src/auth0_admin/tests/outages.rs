//! Every call without a usable answer, at the token endpoint and at the API.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;

use super::scripted::{Reply, TOKEN, Tenant, config_for, nobody, token};
use crate::auth0_admin::{Admin, AdminError, Config, ConfigError, Denied, Flaw};

/// How a removal ends when the token endpoint, or the API, answers like this.
async fn failing(at_token: bool, reply: Reply) -> AdminError {
    let tenant = Tenant::start(move |asked| match (asked.line == TOKEN, at_token) {
        (true, false) => token("t1"),
        _ => reply.clone(),
    })
    .await;
    tenant.admin().delete_user("auth0|john").await.unwrap_err()
}

#[tokio::test]
async fn what_an_operator_has_to_mend_is_told_apart() {
    let denied = async |at_token, status| match failing(at_token, Reply::Status(status)).await {
        AdminError::Unauthorized(denied) => denied,
        other => panic!("{other:?}"),
    };

    assert_eq!(denied(true, 401).await, Denied::Credentials);
    assert_eq!(denied(true, 403).await, Denied::Audience);
    assert_eq!(denied(false, 401).await, Denied::Token);
    assert_eq!(denied(false, 403).await, Denied::Scope);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_stay_away() {
    let in_a_minute = time::OffsetDateTime::now_utc().unix_timestamp() + 60;
    for at_token in [true, false] {
        let standard = Reply::Header(429, "retry-after", "7".into());
        let error = failing(at_token, standard).await;
        assert_eq!((error.cause(), error.retry_after()), ("RATE_LIMITED", Some(Duration::from_secs(7))));

        let auth0s = Reply::Header(429, "x-ratelimit-reset", in_a_minute.to_string());
        let wait = failing(at_token, auth0s).await.retry_after().unwrap();
        assert!((50..=60).contains(&wait.as_secs()), "{wait:?}");

        let error = failing(at_token, Reply::Status(429)).await;
        assert_eq!((error.cause(), error.retry_after()), ("RATE_LIMITED", None));
    }
}

#[tokio::test]
async fn a_status_outside_the_protocol_is_never_taken_for_a_removal() {
    for status in [200, 202, 301, 400, 500] {
        let location = Reply::Header(status, "location", "/elsewhere".into());
        assert_eq!(failing(false, location).await.cause(), "BAD_ANSWER", "{status}");
    }
}

#[tokio::test]
async fn a_token_answer_that_cannot_be_used_is_none() {
    let flaw = async |reply| match failing(true, reply).await {
        AdminError::BadAnswer(flaw) => flaw,
        other => panic!("{other:?}"),
    };

    assert_eq!(flaw(Reply::Truncated).await, Flaw::Truncated);
    assert_eq!(flaw(Reply::Json(json!({"access_token": "x".repeat(70_000)}))).await, Flaw::TooLarge);
    for malformed in [json!([]), json!({"expires_in": 60}), json!({"access_token": "a\nb"})] {
        assert_eq!(flaw(Reply::Json(malformed)).await, Flaw::Malformed);
    }
}

#[tokio::test]
async fn a_tenant_that_hangs_or_is_away_is_told_apart() {
    for at_token in [true, false] {
        let tenant = Tenant::start(move |asked| match (asked.line == TOKEN, at_token) {
            (true, false) => token("t1"),
            _ => Reply::Hang,
        })
        .await;
        let config = Config { timeout: Duration::from_millis(100), ..tenant.config() };
        let late = Admin::new(&config).unwrap().delete_user("auth0|john").await.unwrap_err();
        assert_eq!(late.cause(), "TIMEOUT");
    }

    let away = Admin::new(&config_for(nobody().await)).unwrap().delete_user("auth0|john").await.unwrap_err();
    assert_eq!(away.cause(), "UNREACHABLE");
}

#[tokio::test]
async fn a_token_endpoint_that_hung_is_asked_again() {
    let hangs = Arc::new(AtomicBool::new(true));
    let script = hangs.clone();
    let tenant = Tenant::start(move |asked| match (asked.line == TOKEN, script.load(SeqCst)) {
        (true, true) => Reply::Hang,
        (true, false) => token("t1"),
        _ => Reply::Status(204),
    })
    .await;
    let admin = Admin::new(&Config { timeout: Duration::from_millis(500), ..tenant.config() }).unwrap();
    let removal = async |after| {
        tokio::time::sleep(Duration::from_millis(after)).await;
        admin.delete_user("auth0|john").await
    };
    // Each joins before the one before it gives up: without a bound of its own the fetch would never end.
    let mend = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        hangs.store(false, SeqCst);
    };

    let (first, _, third, ()) = tokio::join!(removal(0), removal(300), removal(600), mend);

    assert_eq!(first.unwrap_err().cause(), "TIMEOUT");
    third.unwrap();
}

#[tokio::test]
async fn an_error_shows_neither_secret_nor_user_nor_what_auth0_sent() {
    let away = Admin::new(&config_for(nobody().await)).unwrap();
    let tenant = Tenant::answering(Reply::Header(400, "x-text", "sent".into())).await;
    let rejecting = tenant.admin();

    for admin in [away, rejecting] {
        let error = admin.delete_user("auth0|john").await.unwrap_err();
        let shown = format!("{error} {error:?} {admin:?} {:?}", tenant.config());
        for hidden in ["john", "hush", "t1\"", "sent", "users/", "oauth"] {
            assert!(!shown.contains(hidden), "{hidden} is in {shown}");
        }
    }
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let config = |issuer: &str| Config::new(issuer.parse().unwrap(), "client-1".into(), "hush".into());
    assert!(matches!(Admin::new(&config("ftp://tenant/")), Err(ConfigError::Scheme)));

    let lost = Config { ca_file: Some("/nowhere/ca.pem".into()), ..config("https://tenant/") };
    assert!(matches!(Admin::new(&lost), Err(ConfigError::CaFile(_))));
}
