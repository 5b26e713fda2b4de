//! Every way to get no answer, and that none of them is a decision.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{Server, checks, decide};
use crate::permit::{
    Cause, Config, Flaw, Freshness, Pdp, PermitError,
    exchange::MAX_ANSWER_BYTES,
    scripted::{Reply, config_for, nobody},
};

/// Short enough to wait for, long enough for an answer of a busy machine.
const SHORT: Duration = Duration::from_millis(500);

/// Asks a PDP that always replies like this, and returns the error: to one check, and alike to each of two.
async fn refusal(reply: impl Fn() -> Reply + Clone + Send + Sync + 'static) -> PermitError {
    let server = Server::start(move |_| reply()).await;
    let config = Config { answer_timeout: SHORT, ..server.config() };
    let pdp = Pdp::new(&config).unwrap();

    let many = pdp.decide(&checks(2), Freshness::AnyAge).await;
    let mut one = pdp.decide(&checks(1), Freshness::AnyAge).await;

    assert_eq!((many.remote_calls, many.decisions.len(), one.decisions.len()), (1, 2, 1));
    let error = one.decisions.remove(0).unwrap_err();
    for decision in many.decisions {
        assert_eq!(decision.unwrap_err().to_string(), error.to_string());
    }
    error
}

#[tokio::test]
async fn a_pdp_that_hangs_is_a_time_out() {
    let error = refusal(|| Reply::Hang).await;

    assert!(matches!(error, PermitError::TimedOut { timeout: SHORT }));
    assert_eq!(error.cause(), Cause::Timeout);
}

#[tokio::test]
async fn a_bad_status_is_a_rejection() {
    for code in [302, 400, 401, 403, 404, 422, 500, 501, 502, 503] {
        let error = refusal(move || Reply::Json(code, json!({"allow": true}))).await;

        assert!(matches!(error, PermitError::Rejected { status } if status.as_u16() == code), "{code}");
        assert_eq!(error.cause(), Cause::BadAnswer);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/elsewhere" => Reply::Json(200, json!({"allow": true})),
        _ => Reply::Header(307, "location", "/elsewhere".to_owned()),
    })
    .await;

    let answers = decide(&server, 1).await;

    assert!(matches!(
        answers.decisions[..],
        [Err(PermitError::Rejected { status: StatusCode::TEMPORARY_REDIRECT })]
    ));
    assert_eq!(server.lines(), ["POST /allowed"]);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait_if_the_pdp_does() {
    let error = refusal(|| Reply::Header(429, "retry-after", "7".to_owned())).await;
    assert_eq!((error.cause(), error.retry_after()), (Cause::RateLimited, Some(Duration::from_secs(7))));

    let error = refusal(|| Reply::Json(429, json!({"error": "rate_limited"}))).await;
    assert_eq!((error.cause(), error.retry_after()), (Cause::RateLimited, None));
}

#[tokio::test]
async fn a_body_that_is_not_an_answer_is_a_bad_answer() {
    for body in ["", "allowed", "null", "{}", r#"{"allow":"yes"}"#, r#"{"allow":[{"allow":1},{"allow":0}]}"#]
    {
        let error = refusal(move || Reply::Raw(200, body.to_owned())).await;
        assert!(matches!(error, PermitError::BadAnswer(Flaw::Malformed)), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_answer() {
    let error = refusal(|| Reply::Truncated(r#"{"allow":true,"#)).await;

    assert!(matches!(error, PermitError::BadAnswer(Flaw::Truncated)), "{error:?}");
}

#[tokio::test]
async fn an_oversized_answer_is_not_read_to_its_end() {
    let server = Server::start(|_| {
        let padding = " ".repeat(MAX_ANSWER_BYTES);
        Reply::Raw(200, format!(r#"{{"allow":true}}{padding}"#))
    })
    .await;

    let answers = decide(&server, 1).await;

    assert!(matches!(answers.decisions[..], [Err(PermitError::BadAnswer(Flaw::TooLarge))]));
}

#[tokio::test]
async fn a_list_of_another_length_decides_nothing() {
    for (sent, got) in
        [(json!([]), 0), (json!([{"allow": true}]), 1), (json!(vec![json!({"allow": true}); 4]), 4)]
    {
        let server = Server::start(move |_| Reply::Json(200, json!({"allow": sent}))).await;

        for decision in decide(&server, 3).await.decisions {
            assert!(matches!(decision, Err(PermitError::Incomplete { asked: 3, got: same }) if same == got));
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_once_more_and_counted() {
    let pdp = Pdp::new(&config_for(nobody().await)).unwrap();

    let answers = pdp.decide(&checks(1), Freshness::AnyAge).await;

    assert_eq!(answers.remote_calls, 2);
    let [Err(error)] = &answers.decisions[..] else { panic!("{answers:?}") };
    assert_eq!(error.cause(), Cause::Unreachable);
    assert_eq!(error.to_string(), "Permit is unreachable");
}

#[tokio::test]
async fn a_failure_after_the_connection_is_not_tried_again() {
    let server = Server::start(|_| Reply::Raw(503, String::new())).await;

    assert_eq!(decide(&server, 1).await.remote_calls, 1);
    assert_eq!(server.asked().len(), 1);
}
