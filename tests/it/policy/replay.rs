//! `taskgate policy diff --replay`: logged decisions under another policy.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Office, with_cell};

fn line(subject: &str, permission: &str, key: Value, allowed: bool) -> Value {
    let (resource, action) = permission.split_once(':').unwrap();
    json!({
        "at": "2026-11-25T10:00:00Z", "tenant": "default", "subject": subject, "resource": resource, "action": action,
        "key": key, "allowed": allowed, "reason": null, "traceId": "later",
    })
}

fn log(office: &Office, lines: &[Value]) -> String {
    office.keep("decisions.jsonl", &lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"))
}

/// A log of a manager and a viewer, and a policy under which the manager loses and the viewer gains something.
async fn proposal() -> (Office, String, String) {
    let office = Office::open().await;
    office.world.holder("auth0|max", "manager").await;
    office.world.holder("auth0|vic", "viewer").await;
    let none = Value::Null;
    let log = log(
        &office,
        &[
            line("auth0|max", "task:update", none.clone(), true),
            line("auth0|max", "task:update", none.clone(), true),
            line("auth0|max", "task:get", none.clone(), true),
            line("auth0|vic", "task:create", none.clone(), false),
            line("auth0|vic", "task:update", json!("task-1"), true),
            line("auth0|vic", "task:assign", json!("task-1"), false),
            line("auth0|gone", "task:get", none.clone(), true),
            line("auth0|gone", "task:get", none, false),
        ],
    );
    let file = office.file(|text| {
        with_cell(&with_cell(text, "task:update", "manager", "-"), "task:create", "viewer", "x")
    });
    // What a person gave would stay.
    for role in ["admin", "manager"] {
        office.world.rest_ok(Method::DELETE, &format!("schema/roles/{role}"), json!(null)).await;
    }
    office.policy(&["apply"]).await;
    office.world.holder("auth0|max", "manager").await;
    (office, file, log)
}

#[tokio::test]
async fn decisions_that_would_flip_are_counted_by_subject_and_permission() {
    let (office, file, log) = proposal().await;

    let diff = office.policy(&["diff", "--file", &file, "--replay", &log]).await;

    diff.is(
        2,
        &[
            "4 of 8 decisions flip, 2 stay, 2 are undecidable",
            "allow -> deny       1  auth0|gone in default: task:get (today already)",
            "allow -> deny       2  auth0|max in default: task:update",
            "deny -> allow       1  auth0|vic in default: task:create",
            "undecidable         1  auth0|vic in default: task:assign on an object",
            "undecidable         1  auth0|vic in default: task:update on an object",
        ],
    );
    let told = office.policy(&["diff", "--json", "--file", &file, "--replay", &log]).await;
    let told: Value = serde_json::from_str(&told.said).unwrap();
    assert_eq!((&told["total"], &told["unchanged"]), (&json!(8), &json!(2)));
    assert_eq!(
        told["flips"][1],
        json!({"tenant": "default", "subject": "auth0|max", "permission": "task:update", "onObject": false,
            "allowed": true, "wouldBeAllowed": false, "count": 2, "already": false})
    );
    assert_eq!(told["undecidable"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_log_that_agrees_with_the_policy_ends_with_0() {
    let office = Office::open().await;
    office.world.holder("auth0|max", "manager").await;
    let log = log(&office, &[line("auth0|max", "task:get", Value::Null, true)]);

    office
        .policy(&["diff", "--replay", &log])
        .await
        .is(0, &["0 of 1 decisions flip, 1 stay, 0 are undecidable"]);
    let empty = office.keep("empty.jsonl", "");
    office
        .policy(&["diff", "--replay", &empty])
        .await
        .is(0, &["0 of 0 decisions flip, 0 stay, 0 are undecidable"]);
}

#[tokio::test]
async fn roles_are_read_to_the_last_page_and_of_the_right_tenant() {
    let office = Office::open().await;
    for number in 0..105 {
        office.world.holder(&format!("user{number}"), "viewer").await;
    }
    office.world.grants_elsewhere_in_permit("stranger", "org_outside", "viewer").await;
    let mut lines: Vec<Value> =
        (0..105).map(|n| line(&format!("user{n}"), "task:get", Value::Null, true)).collect();
    lines.push(line("stranger", "task:get", Value::Null, false));
    let log = log(&office, &lines);

    office
        .policy(&["diff", "--replay", &log])
        .await
        .is(0, &["0 of 106 decisions flip, 106 stay, 0 are undecidable"]);
}

#[tokio::test]
async fn a_line_that_is_no_decision_is_named() {
    let office = Office::open().await;
    let good = line("a", "task:get", Value::Null, true).to_string();
    for bad in ["{", "{\"tenant\": \"default\"}", "[]", &good.replace("true", "\"yes\""), &"x".repeat(70_000)]
    {
        let log = office.keep("bad.jsonl", &format!("{good}\n\n{bad}\n{good}\n"));
        office.policy(&["diff", "--replay", &log]).await.failed("bad.jsonl, line 3");
    }
    office.policy(&["diff", "--replay", "/nowhere/log"]).await.failed("cannot be opened");
}
