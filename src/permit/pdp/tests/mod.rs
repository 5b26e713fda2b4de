//! The client against a scripted PDP: what goes out and what comes back.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::permit::{
    DenyCode,
    scripted::{API_KEY, Asked, Reply, Server, config_for},
};

mod outages;

/// Checks that differ by action. The scripted policy allows the even ones.
fn checks(count: usize) -> Vec<Check> {
    (0..count).map(|n| Check::new("auth0|john", "default", "task", n.to_string())).collect()
}

fn verdict(query: &Value) -> Value {
    let number: usize = query["action"].as_str().unwrap().parse().unwrap();
    json!({"allow": number.is_multiple_of(2)})
}

fn bulk(asked: &Asked) -> Reply {
    let verdicts: Vec<_> = asked.body.as_array().unwrap().iter().map(verdict).collect();
    Reply::Json(200, json!({"allow": verdicts}))
}

async fn decide(server: &Server, count: usize) -> Answers {
    Pdp::new(&server.config()).unwrap().decide(&checks(count), Freshness::AnyAge).await
}

#[tokio::test]
async fn one_check_is_asked_alone() {
    let server = Server::start(|asked| Reply::Json(200, verdict(&asked.body))).await;

    let answers = decide(&server, 1).await;

    assert!(matches!(answers.decisions[..], [Ok(Decision::Allow)]));
    assert_eq!(answers.remote_calls, 1);
    let asked = &server.asked()[0];
    assert_eq!(asked.line(), "POST /allowed");
    assert_eq!(asked.headers["authorization"], format!("Bearer {API_KEY}"));
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(asked.headers.get("cache-control"), None);
    assert_eq!(asked.body["resource"]["context"], json!({"tenant": "default"}));
}

#[tokio::test]
async fn a_fresh_decision_bypasses_the_cache_of_the_pdp() {
    let server = Server::start(bulk).await;

    Pdp::new(&server.config()).unwrap().decide(&checks(2), Freshness::Fresh).await;

    assert_eq!(server.asked()[0].headers["cache-control"], "no-cache");
}

#[tokio::test]
async fn no_checks_are_no_call() {
    let server = Server::start(bulk).await;

    let answers = decide(&server, 0).await;

    assert_eq!((answers.decisions.len(), answers.remote_calls, server.asked().len()), (0, 0, 0));
}

#[tokio::test]
async fn many_checks_go_in_chunks_and_come_back_in_order() {
    let server = Server::start(bulk).await;

    let answers = decide(&server, 1_201).await;

    assert_eq!(answers.remote_calls, 3);
    let mut sizes: Vec<_> = server.asked().iter().map(|asked| asked.body.as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [201, 500, 500]);
    assert_eq!(answers.decisions.len(), 1_201);
    for (number, decision) in answers.decisions.into_iter().enumerate() {
        assert_eq!(decision.unwrap().is_allow(), number.is_multiple_of(2), "check {number}");
    }
}

#[tokio::test]
async fn a_failed_chunk_fails_only_its_own_checks() {
    let server = Server::start(|asked| match asked.body[0]["action"].as_str() {
        Some("500") => Reply::Raw(500, "oops".to_owned()),
        _ => bulk(asked),
    })
    .await;

    let decisions = decide(&server, 1_201).await.decisions;

    for (number, decision) in decisions.iter().enumerate() {
        assert_eq!(decision.is_err(), (500..1_000).contains(&number), "check {number}");
    }
}

#[tokio::test]
async fn chunks_are_asked_side_by_side() {
    let server = Server::start(|_| Reply::Hang).await;
    let config = Config { answer_timeout: Duration::from_hours(1), ..server.config() };
    let pdp = Pdp::new(&config).unwrap();
    let checks = checks(1_500);
    let all_asked = async {
        while server.asked().len() < 3 {
            tokio::task::yield_now().await;
        }
    };

    // The first question is never answered: asked one after the other, the second would never come.
    tokio::select! {
        () = all_asked => {}
        _ = pdp.decide(&checks, Freshness::AnyAge) => unreachable!("there was no answer"),
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("{:?}", server.lines()),
    }
}

#[tokio::test]
async fn a_denial_carries_the_code_but_not_the_text() {
    let server = Server::start(|_| {
        let debug = json!({"rbac": {"code": "no_such_tenant", "reason": "existing tenants: acme"}});
        Reply::Json(200, json!({"allow": false, "result": false, "debug": debug}))
    })
    .await;

    let answers = decide(&server, 1).await;

    let expected = Decision::Deny { code: Some(DenyCode::NoSuchTenant) };
    assert!(matches!(answers.decisions[..], [Ok(decision)] if decision == expected));
}

#[tokio::test]
async fn permissions_are_those_of_the_one_tenant() {
    let server = Server::start(|_| {
        Reply::Json(
            200,
            json!({
                "__tenant:acme": {"tenant": {"key": "acme"}, "permissions": ["task:get"], "roles": ["viewer"]},
                "__tenant:other": {"permissions": ["task:delete"]},
                "task:acme": {"permissions": ["task:check"], "roles": ["owner"]},
            }),
        )
    })
    .await;
    let pdp = Pdp::new(&server.config()).unwrap();

    let held = pdp.user_permissions("oidc|a/b", "acme").await.unwrap();

    let expected = TenantPermissions { roles: vec!["viewer".into()], permissions: vec!["task:get".into()] };
    assert_eq!(held, expected);
    let asked = &server.asked()[0];
    assert_eq!(asked.line(), "POST /user-permissions");
    assert_eq!(asked.headers["cache-control"], "no-cache");
    assert_eq!(
        asked.body,
        json!({
            "user": {"key": "enc-b2lkY3xhL2I"}, "tenants": ["acme"], "resource_types": ["__tenant"],
        })
    );
}

#[tokio::test]
async fn an_unknown_user_holds_nothing() {
    let server = Server::start(|_| Reply::Json(200, json!({}))).await;
    let pdp = Pdp::new(&server.config()).unwrap();

    assert_eq!(pdp.user_permissions("nobody", "acme").await.unwrap(), TenantPermissions::default());
}

#[tokio::test]
async fn the_version_is_a_number_or_unknown() {
    let server = Server::start(|_| Reply::Json(200, json!({"api_version": 2, "more": null}))).await;
    assert_eq!(Pdp::new(&server.config()).unwrap().version().await.unwrap(), 2);
    assert_eq!(server.asked()[0].line(), "GET /version");

    let server = Server::start(|_| Reply::Json(200, json!({"api_version": "two"}))).await;
    assert!(Pdp::new(&server.config()).unwrap().version().await.is_err());
}

#[tokio::test]
async fn readiness_is_what_the_health_page_says() {
    let up = Server::start(|_| Reply::Raw(200, r#"{"status":"ok"}"#.to_owned())).await;
    let down = Server::start(|_| Reply::Raw(503, r#"{"status":"error"}"#.to_owned())).await;

    assert!(Pdp::new(&up.config()).unwrap().ready().await.is_ok());
    assert!(Pdp::new(&down.config()).unwrap().ready().await.is_err());
    assert_eq!(up.lines(), ["GET /healthy"]);
}

#[test]
fn the_client_can_be_used_from_any_task() {
    fn sendable<T: Send>(_: T) {}
    let config = config_for(([127, 0, 0, 1], 1).into());
    let pdp = Pdp::new(&config).unwrap();

    sendable(pdp.decide(&[], Freshness::AnyAge));
    sendable(pdp.user_permissions("a", "b"));
}
