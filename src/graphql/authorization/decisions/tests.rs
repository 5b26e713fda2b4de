use std::{future::Future as _, pin::pin, task::Poll};

use futures_util::future::poll_fn;
use serde_json::json;

use super::*;
use crate::permit::scripted::{Asked, Reply, Server};

fn check(action: &'static str) -> Check {
    Check::new("auth0|ada", "default", "task", action)
}

/// Allows everything that it is asked.
fn allow(asked: &Asked) -> Reply {
    let allowed = json!({"allow": true});
    match asked.body.as_array() {
        Some(checks) => Reply::Json(200, json!({"allow": vec![allowed; checks.len()]})),
        None => Reply::Json(200, allowed),
    }
}

fn decisions(server: &Server) -> Decisions {
    Decisions::new(Source::Pdp(Pdp::new(&server.config()).unwrap(), Freshness::AnyAge), None)
}

#[tokio::test]
async fn rows_that_share_a_check_ask_once() {
    let server = Server::start(allow).await;
    let decisions = decisions(&server);

    let checks = [check("update"), check("delete")];
    let rows = join_all((0..100).map(|_| decisions.ask(&checks))).await;

    assert!(rows.iter().flatten().all(|answer| answer.as_ref().is_ok_and(|verdict| verdict.allows())));
    assert_eq!(server.lines(), ["POST /allowed/bulk"]);
    let receipt = decisions.receipt();
    assert_eq!((receipt.decisions, receipt.distinct_checks), (200, 2));
}

#[tokio::test]
async fn a_field_that_is_given_up_while_it_leads_a_batch_keeps_nobody_waiting() {
    let server = Server::start(allow).await;
    let decisions = decisions(&server);
    let (update, delete) = ([check("update")], [check("delete")]);
    let mut follower = pin!(decisions.ask(&delete));
    {
        let mut leader = pin!(decisions.ask(&update));
        // Both are pending together, and the leader is polled until its request is on its way.
        poll_fn(|cx| {
            for _ in 0..8 {
                assert!(leader.as_mut().poll(cx).is_pending() && follower.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
    }

    let answers = tokio::time::timeout(std::time::Duration::from_secs(5), follower).await;

    assert!(answers.expect("an answer")[0].as_ref().is_ok_and(|verdict| verdict.allows()));
}

#[tokio::test]
async fn what_is_foreseen_goes_along_with_the_first_question() {
    let server = Server::start(allow).await;
    let decisions = decisions(&server).foreseeing(vec![check("update"), check("get")]);

    for action in ["get", "update", "delete"] {
        let answers = decisions.ask(&[check(action)]).await;
        assert!(answers[0].as_ref().is_ok_and(|verdict| verdict.allows()));
    }

    assert_eq!(server.lines(), ["POST /allowed/bulk", "POST /allowed"], "only `delete` was not foreseen");
    let receipt = decisions.receipt();
    assert_eq!((receipt.decisions, receipt.distinct_checks), (3, 3));
}

#[tokio::test]
async fn what_is_foreseen_is_not_asked_for_its_own_sake() {
    let server = Server::start(allow).await;

    drop(decisions(&server).foreseeing(vec![check("update")]));

    assert_eq!(server.lines(), [""; 0]);
}

#[tokio::test]
async fn what_was_forgotten_is_asked_afresh() {
    let server = Server::start(allow).await;
    let decisions = decisions(&server);
    for _ in 0..2 {
        decisions.ask(&[check("update")]).await;
    }
    assert_eq!(server.lines().len(), 1);

    decisions.forget().await;
    decisions.ask(&[check("update")]).await;

    assert_eq!(server.lines().len(), 2);
}
