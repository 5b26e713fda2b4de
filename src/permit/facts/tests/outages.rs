//! The way to the environment, and every call without a usable answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;
use serde_json::json;

use super::{SCOPE, answering, api, profile, scope};
use crate::permit::{
    Cause, Config, Facts, Flaw, PermitError,
    scripted::{Reply, Server, config_for, nobody},
};

#[tokio::test]
async fn the_environment_is_asked_once_even_by_many_at_once() {
    let (server, facts) = answering(404).await;

    let again = facts.clone();
    let (one, two, three) = tokio::join!(facts.user("a"), again.user("b"), facts.role_exists("c"));

    assert!(one.unwrap().is_none() && two.unwrap().is_none() && !three.unwrap());
    assert_eq!(server.lines().iter().filter(|line| *line == SCOPE).count(), 1);
}

#[tokio::test]
async fn a_failure_to_learn_the_environment_is_not_remembered() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server =
        Server::start(move |asked| match (asked.line() == SCOPE, calls.fetch_add(1, Ordering::SeqCst)) {
            (true, 0) => Reply::Raw(500, String::new()),
            (true, _) => scope(),
            _ => Reply::Json(200, json!({})),
        })
        .await;
    let facts = Facts::new(&server.config()).unwrap();

    assert!(facts.tenant_exists("acme").await.is_err());
    assert!(facts.tenant_exists("acme").await.unwrap());
}

#[tokio::test]
async fn a_wrong_address_is_not_an_absent_user() {
    let server = Server::start(|_| Reply::Raw(404, "no such page".to_owned())).await;
    let facts = Facts::new(&server.config()).unwrap();

    assert!(matches!(facts.user("a").await, Err(PermitError::Rejected { status: StatusCode::NOT_FOUND })));
}

#[tokio::test]
async fn a_key_of_a_whole_project_is_refused() {
    let server = Server::start(|_| {
        Reply::Json(200, json!({"organization_id": "o", "project_id": "p1", "environment_id": null}))
    })
    .await;
    let facts = Facts::new(&server.config()).unwrap();

    assert!(matches!(facts.user("a").await, Err(PermitError::BadAnswer(Flaw::NotAnEnvironmentKey))));
}

#[tokio::test]
async fn trouble_is_an_error_to_every_call() {
    for reply in [500, 429, 401] {
        let (_server, facts) = answering(reply).await;
        let causes = [
            facts.user("a").await.map(drop),
            facts.put_user(&profile()).await.map(drop),
            facts.delete_user("a").await,
            facts.create_tenant("t", "T").await.map(drop),
            facts.tenant_exists("t").await.map(drop),
            facts.add_to_tenant("t", "a").await,
            facts.remove_from_tenant("t", "a").await,
            facts.assign("a", "viewer", "t").await.map(drop),
            facts.unassign("a", "viewer", "t").await.map(drop),
            facts.role_exists("viewer").await.map(drop),
            facts.roles().await.map(drop),
        ]
        .map(|result| result.unwrap_err().cause());
        let expected = if reply == 429 { Cause::RateLimited } else { Cause::BadAnswer };
        assert_eq!(causes, [expected; 11]);
    }
}

#[tokio::test]
async fn an_api_that_hangs_or_is_away_is_told_apart() {
    let (server, _) = api(|_| Reply::Hang).await;
    let config = Config { api_timeout: Duration::from_millis(200), ..server.config() };
    let late = Facts::new(&config).unwrap().user("a").await.unwrap_err();
    assert_eq!(late.cause(), Cause::Timeout);

    let away = Facts::new(&config_for(nobody().await)).unwrap().user("a").await.unwrap_err();
    assert_eq!(away.cause(), Cause::Unreachable);
}

#[tokio::test]
async fn an_error_shows_neither_key_nor_user() {
    let facts = Facts::new(&config_for(nobody().await)).unwrap();
    facts.0.environment.set("p/e".to_owned()).unwrap();

    let error = facts.user("auth0|john@x.io").await.unwrap_err();

    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("john") && !shown.contains("hush"), "{shown}");
}
