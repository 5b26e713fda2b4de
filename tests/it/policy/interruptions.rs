//! An `apply` that is stopped somewhere, by Permit or by a signal, and run again.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{Office, visit, with_cell};

/// The first policy has a resource that no field needs.
fn one(text: &str) -> String {
    format!("{text}\nreport:print x x - - -")
}

/// A policy that takes away and adds: a role more, a role less, a resource, a permission and a relation less.
fn another(text: &str) -> String {
    let text = with_cell(text, "task:assign", "manager", "-");
    let text = with_cell(&text, "task:delete", "manager", "x");
    let text = with_cell(&text, "task:assign", "task.owner", "-");
    text.replace("viewer", "guest").replace("task.assignee", "task.helper")
}

/// An environment where the first policy was applied and a person added something.
async fn before() -> (Office, String) {
    let office = Office::empty().await;
    let limits = json!({"requestsPerMinute": 100_000, "writesPerMinute": 100_000, "deletesPerMinute": 100_000,
        "schemaWritesPerMinute": 100_000});
    office.world.sets_limits(limits).await;
    let first = office.file(one);
    assert_eq!(office.policy(&["apply", "--file", &first]).await.code, Some(0));
    office.world.grant("manager", "user:delete").await;
    let file = office.file(another);
    (office, file)
}

/// How the second policy ends when nobody disturbs it, and after how many requests.
async fn undisturbed() -> (Value, u64) {
    let (office, file) = before().await;
    let api = office.world.sandbox.permit_api.url();
    office.world.forgets_counts(&api).await;
    assert_eq!(office.policy(&["apply", "--file", &file]).await.code, Some(0));
    let requests = office.world.count(&api, "").await;
    office.brings_in_step(&file).await;
    (office.state().await, requests)
}

/// Applies while some request meets this fault; afterwards all is as if it had not.
async fn disturbed_by(mut fault: Value, after: u64, expected: &Value) {
    let (office, file) = before().await;
    let api = office.world.sandbox.permit_api.url();
    fault["after"] = after.into();
    office.world.break_it(&api, fault).await;
    let mut program = office.program(&["apply", "--file", &file]);
    // Soon enough for a test; a time-out too many is one more interruption.
    program.env("PERMIT_API_TIMEOUT_MS", "500");

    let first = visit(program).await;

    office.world.mend(&api).await;
    assert_eq!(first.code, Some(1), "{first:?}");
    office.brings_in_step(&file).await;
    let state = office.state().await;
    assert!(state == *expected, "after {after} requests: {first:?}\n{state:#}\n{expected:#}");
}

/// Every other request in its turn, a few at a time.
async fn disturbed_everywhere_by(fault: Value) {
    let (expected, requests) = undisturbed().await;
    let places = (0..requests).step_by(2).map(|after| disturbed_by(fault.clone(), after, &expected));
    stream::iter(places).buffer_unordered(4).collect::<Vec<()>>().await;
    assert!(requests > 30, "only {requests} requests");
}

#[tokio::test]
async fn a_permit_that_fails_anywhere_leaves_nothing_that_the_next_run_does_not_mend() {
    disturbed_everywhere_by(json!({"kind": "status", "status": 503, "pathPrefix": "/v2/", "times": 1})).await;
}

#[tokio::test]
async fn a_write_that_was_done_without_an_answer_is_no_trouble_to_the_next_run() {
    disturbed_everywhere_by(json!({"kind": "unanswered", "pathPrefix": "/v2/", "times": 1})).await;
}

#[tokio::test]
async fn a_run_that_is_killed_is_finished_by_the_next_one() {
    let (expected, _) = undisturbed().await;
    let mut killed = 0;
    for after in [8, 12, 17, 23, 29] {
        let (office, file) = before().await;
        killed += u32::from(office.kills(&["apply", "--file", &file], after).await);

        office.brings_in_step(&file).await;

        assert_eq!(office.state().await, expected, "killed after {after} requests");
    }
    assert!(killed > 0, "it was always faster");
}

#[tokio::test]
async fn a_permit_that_asks_for_patience_is_waited_for() {
    let office = Office::empty().await;
    let api = office.world.sandbox.permit_api.url();
    let fault = json!({"kind": "status", "status": 429, "retryAfter": 1, "after": 9, "times": 2});
    office.world.break_it(&api, fault).await;

    assert_eq!(office.policy(&["apply"]).await.code, Some(0));
    office.policy(&["drift"]).await.is(0, &[]);
}
