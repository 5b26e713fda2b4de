//! The log of decisions: what the PDP said is found again, by those who may and by nobody else.

use serde_json::json;

use crate::support::{World, eventually, fresh_databases};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_refusal_is_found_in_the_log_by_the_name_that_it_was_given() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("t").await;

    let answer = manager.deletes(&id).await;

    let refusal = answer.refusal();
    let logged = admin.finds_decision(&refusal["decisionId"]).await;
    let at: time::OffsetDateTime = time::OffsetDateTime::parse(
        logged["at"].as_str().unwrap(),
        &time::format_description::well_known::Rfc3339,
    )
    .unwrap();
    assert!((time::OffsetDateTime::now_utc() - at).whole_minutes().abs() < 10, "{at}");
    assert_eq!(
        logged,
        json!({
            "id": refusal["decisionId"], "at": logged["at"], "subject": "auth0|sandbox-manager", "resource": "task",
            "action": "delete", "key": null, "allowed": false, "reason": "NO_PERMISSION",
            "requestId": answer.headers["x-request-id"].to_str().unwrap(), "traceId": logged["traceId"], "askedBy": null,
        })
    );
}

#[tokio::test]
async fn the_reason_in_the_log_is_the_one_that_was_told_whatever_happened_since() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let viewer = world.persona("viewer").await;

    let answer = viewer.asks("{ users { totalCount } }").await;
    viewer.asks("mutation { login { ready } }").await.data();

    assert_eq!(answer.refusal()["reason"], "USER_NOT_SYNCED");
    assert_eq!(admin.finds_decision(&answer.refusal()["decisionId"]).await["reason"], "USER_NOT_SYNCED");
}

#[tokio::test]
async fn made_up_words_are_answered_and_not_logged() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let newcomer = world.signed_in("newcomer").await;
    let document = "{ viewer { can(resource: \"ship\", action: \"sink\") { reason } }
        permissions(checks: [{resource: \"task\", action: \"fly\"}, {resource: \"task\", action: \"get\"}]) { reason } }";

    let data = newcomer.asks(document).await.data();

    assert!(data["viewer"]["can"]["reason"].is_string() && data["permissions"][0]["reason"].is_string());
    let logged = eventually("the decision", async || {
        let found = admin.decisions(json!({"subject": "auth0|sandbox-newcomer"})).await;
        Some(found).filter(|found| !found.is_empty())
    });
    // All of them were one question, so that what is logged of it is logged together.
    let actions: Vec<_> = logged.await.iter().map(|decision| decision["action"].clone()).collect();
    assert_eq!(actions, ["get"]);
}

#[tokio::test]
async fn what_is_hidden_is_logged_with_its_reason_too() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let id = admin.creates_task("t").await;
    let newcomer = world.signed_in("newcomer").await;
    assert!(!newcomer.sees(&id).await);

    let hidden = eventually("the decision", async || {
        admin.decisions(json!({"subject": "auth0|sandbox-newcomer"})).await.pop()
    });
    assert_eq!(hidden.await["reason"], "NO_ROLE_IN_TENANT");
}

#[tokio::test]
async fn the_trace_of_a_request_is_found_in_the_log_and_a_broken_one_is_not() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    for (header, is_read) in [
        (format!("00-{TRACE}-00f067aa0ba902b7-01"), true),
        (format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()), false),
        ("00-".to_owned(), false),
    ] {
        let request = world.client.post(format!("{}/graphql", world.url)).bearer_auth(admin.token());
        let request =
            request.header("traceparent", header).json(&json!({"query": "{ tasks { totalCount } }"}));
        let response = request.send().await.unwrap();
        let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();

        let logged = eventually("the decision", async || {
            let rows = admin.decisions(json!({"resource": "task"})).await;
            rows.into_iter().find(|row| row["requestId"] == *request_id)
        });
        let logged = logged.await;
        assert_eq!(logged["traceId"].as_str().map(str::len), Some(32), "one of its own, if it names none");
        assert_eq!(logged["traceId"] == TRACE, is_read, "{logged}");
    }
}

#[tokio::test]
async fn every_verdict_is_logged_once_however_many_fields_it_was_for() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let create = "createTask(input: {title: \"t\"}) { task { id } }";
    let several =
        admin.asks("{ a: tasks { totalCount } b: tasks { totalCount } users { totalCount } }").await;
    let writes = admin.asks(&format!("mutation {{ a: {create} b: {create} c: {create} }}")).await;
    let last = admin.asks("{ users { totalCount } }").await;
    let of = |answer: &crate::support::Answer| answer.body["extensions"]["requestId"].clone();

    // What is written later was said later.
    let rows = eventually("the last decision", async || {
        let rows = admin.decisions(json!({})).await;
        rows.iter().any(|row| row["requestId"] == of(&last)).then_some(rows)
    })
    .await;

    assert_eq!(several.body["extensions"]["authz"]["distinctChecks"], 2);
    for answer in [several, writes, last] {
        let count = rows.iter().filter(|row| row["requestId"] == of(&answer)).count();
        assert_eq!(answer.body["extensions"]["authz"]["distinctChecks"], count);
    }
}

#[tokio::test]
async fn pages_of_the_log_joined_are_the_log_newest_first() {
    for database in fresh_databases().await {
        let world = World::with(|config| config.store.url = database.url.clone().into()).await;
        let admin = world.signed_in("admin").await;
        let viewer = world.signed_in("viewer").await;
        for _ in 0..4 {
            admin.asks("{ tasks { totalCount } users { totalCount } }").await;
            viewer.asks("{ tasks { totalCount } users { totalCount } }").await;
        }
        let about_viewer = json!({"subject": "auth0|sandbox-viewer", "resource": "user"});
        eventually("the log", async || {
            (admin.decisions(about_viewer.clone()).await.len() == 4).then_some(())
        })
        .await;

        let filter = json!({"resource": "user", "action": "get"});
        let whole = admin.decisions(filter.clone()).await;
        assert_eq!(whole.len(), 8);
        assert!(whole.is_sorted_by(|a, b| a["at"].as_str() >= b["at"].as_str()));
        let (mut pages, mut after) = (Vec::new(), json!(null));
        loop {
            let page = admin.page_of_decisions(json!({"first": 3, "after": after, "filter": filter})).await;
            assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!pages.is_empty()));
            pages.extend(page["nodes"].as_array().unwrap().clone());
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(pages, whole);

        let denied = admin.decisions(json!({"allowed": false, "resource": "user"})).await;
        assert_eq!(denied.len(), 4);
        assert!(denied.iter().all(|row| row["subject"] == "auth0|sandbox-viewer"));
        let since = whole[5]["at"].clone();
        let recent = admin.decisions(json!({"since": since, "resource": "user"})).await;
        assert_eq!(recent, whole[..6]);
        assert!(admin.decisions(json!({"subject": "nobody"})).await.is_empty());
    }
}

#[tokio::test]
async fn an_auditor_sees_the_own_tenant_and_no_other() {
    let world = World::start().await;
    let (admin, outsider) = (world.signed_in("admin").await, world.signed_in("outsider").await);
    outsider.asks("{ tasks { totalCount } }").await;
    admin.asks("{ users { totalCount } }").await;
    eventually("both decisions", async || {
        let ours = admin.decisions(json!({"resource": "user"})).await;
        let theirs = outsider.decisions(json!({"resource": "task"})).await;
        (!ours.is_empty() && !theirs.is_empty()).then_some(())
    })
    .await;

    for (auditor, subject) in [(&admin, "auth0|sandbox-admin"), (&outsider, "auth0|sandbox-outsider")] {
        let rows = auditor.decisions(json!({})).await;
        assert!(rows.iter().all(|row| row["subject"] == subject), "{rows:?}");
    }
    let manager = world.signed_in("manager").await;
    let refused = manager.asks("{ decisions { nodes { id } } }").await;
    assert_eq!(
        (&refused.refusal()["resource"], &refused.refusal()["action"]),
        (&json!("audit"), &json!("get"))
    );
}

#[tokio::test]
async fn a_filter_that_no_decision_can_match_is_a_mistake_or_an_empty_page() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let document = "query($filter: DecisionFilter, $after: String) {
        decisions(filter: $filter, after: $after) { nodes { id } } }";
    for (variables, field) in [
        (json!({"filter": {"subject": "a\u{0}"}}), "subject"),
        (json!({"filter": {"action": "a".repeat(300)}}), "action"),
        (json!({"after": "nonsense"}), "after"),
    ] {
        let answer = admin.asks_with(document, variables).await;
        let told = (&answer.refusal()["code"], &answer.refusal()["field"]);
        assert_eq!(told, (&json!("BAD_USER_INPUT"), &json!(field)));
    }
    let never = json!({"filter": {"since": "9999-12-31T23:59:59Z"}});
    assert_eq!(admin.asks_with(document, never).await.data()["decisions"]["nodes"], json!([]));
}

#[tokio::test]
async fn the_log_is_exported_oldest_first_in_lines_with_exactly_these_members() {
    let world = World::start().await;
    let (admin, outsider) = (world.signed_in("admin").await, world.signed_in("outsider").await);
    admin.asks("{ tasks { totalCount } }").await;
    let viewer = world.signed_in("viewer").await;
    let refused = viewer.asks("{ users { totalCount } }").await;
    outsider.asks("{ tasks { totalCount } }").await;
    let lines = eventually("three lines", async || {
        let lines = world.exported(&[]).await;
        (lines.iter().any(|line| line["tenant"] == "org_outside")).then_some(lines)
    })
    .await;

    assert!(lines.is_sorted_by(|a, b| a["at"].as_str() <= b["at"].as_str()), "{lines:?}");
    let line = lines.iter().find(|line| line["allowed"] == false && line["resource"] == "user").unwrap();
    let text = world.command(&["decisions", "export"]).await;
    let written = text.lines().find(|text| text.contains("\"resource\":\"user\"")).unwrap();
    let expected = format!(
        "{{\"at\":{},\"tenant\":\"default\",\"subject\":\"auth0|sandbox-viewer\",\"resource\":\"user\",\"action\":\"get\",\
         \"key\":null,\"allowed\":false,\"reason\":\"NO_PERMISSION\",\"requestId\":{},\"traceId\":{}}}",
        line["at"], refused.body["extensions"]["requestId"], line["traceId"],
    );
    assert_eq!(written, expected);
    assert!(line["at"].as_str().unwrap().ends_with('Z'));

    let outside = world.exported(&["--tenant", "org_outside"]).await;
    assert!(!outside.is_empty() && outside.iter().all(|line| line["tenant"] == "org_outside"));
    let since = line["at"].as_str().unwrap();
    let recent = world.exported(&["--since", since]).await;
    assert!(recent.contains(line) && recent.iter().all(|line| line["at"].as_str().unwrap() >= since));
    assert_eq!(world.exported(&["--since", "9999-01-01T00:00:00+01:00"]).await, [json!(null); 0]);
}

#[tokio::test]
async fn a_log_of_any_length_is_exported_whole_and_in_order() {
    for database in fresh_databases().await {
        let world = World::with(|config| config.store.url = database.url.clone().into()).await;
        let an_hour_ago =
            (time::OffsetDateTime::now_utc() - time::Duration::hours(1)).unix_timestamp() * 1_000_000;
        // Two and a half of the parts in which it is read.
        world.logs_old_decisions(an_hour_ago, 2_500).await;

        let lines = world.exported(&[]).await;

        let keys: Vec<&str> = lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
        let expected: Vec<String> = (0..2_500).map(|n| format!("k{n}")).collect();
        assert_eq!(keys, expected);
    }
}
