//! The log of decisions when it is in trouble: nobody else is. And what is too old, or was never to be kept, is gone.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database, TransactionTrait as _};
use serde_json::json;

use crate::support::{Persona, Process, World, eventually, fresh_databases, sqlite};

#[tokio::test]
async fn what_is_older_than_the_retention_is_forgotten_and_the_rest_is_kept() {
    for database in fresh_databases().await {
        let world = World::with(|config| {
            config.store.url = database.url.clone().into();
            config.audit.retention = Duration::from_mins(10);
        })
        .await;
        let admin = world.signed_in("admin").await;
        let fresh = admin.asks("{ tasks { totalCount } }").await.body["extensions"]["requestId"].clone();
        let is_fresh = |row: &serde_json::Value| row["requestId"] == fresh;
        eventually("the decision", async || {
            admin.decisions(json!({})).await.iter().any(is_fresh).then_some(())
        })
        .await;
        // More than go at once.
        world.logs_old_decisions(0, 2_500).await;

        // Every node looks when it starts, and then again and again.
        let _another = world.another_node().await;

        eventually("the end of the old", async || {
            admin.decisions(json!({"subject": "auth0|old"})).await.is_empty().then_some(())
        })
        .await;
        assert!(admin.decisions(json!({})).await.iter().any(is_fresh));
    }
}

#[tokio::test]
async fn the_server_looks_for_what_is_too_old_again_and_again() {
    let world = World::with(|config| config.audit.retention = Duration::from_mins(1)).await;
    let admin = world.signed_in("admin").await;
    world.logs_old_decisions(0, 10).await;
    eventually("the end of the old", async || {
        admin.decisions(json!({"subject": "auth0|old"})).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_a_retention_there_is_no_log_and_an_earlier_one_is_erased() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    admin.asks("{ tasks { totalCount } }").await;
    let about_tasks = async |admin: &Persona<'_>| {
        admin.decisions(json!({})).await.iter().any(|decision| decision["resource"] == "task")
    };
    eventually("a decision", async || about_tasks(&admin).await.then_some(())).await;

    let silent = world.another_node_with(|config| config.audit.retention = Duration::ZERO).await;
    let admin = silent.bearer(admin.token());
    // The other node may still write that it was asked about its log, but nothing about tasks.
    eventually("the end", async || (!about_tasks(&admin).await).then_some(())).await;
    for _ in 0..3 {
        admin.asks("{ viewer { can(resource: \"task\", action: \"create\") { allowed } } }").await;
        assert!(admin.decisions(json!({})).await.iter().all(|decision| decision["action"] != "create"));
    }
}

#[tokio::test]
async fn a_locked_log_keeps_nobody_waiting_and_goes_on_when_it_is_free() {
    for database in fresh_databases().await {
        let world = World::with(|config| config.store.url = database.url.clone().into()).await;
        let admin = world.signed_in("admin").await;
        let beside = Database::connect(&database.url).await.unwrap();
        let lock = beside.begin().await.unwrap();
        let statement = if database.url.starts_with("postgres") {
            "LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE"
        } else {
            "DELETE FROM decisions WHERE id IS NULL"
        };
        lock.execute_unprepared(statement).await.unwrap();

        for _ in 0..20 {
            assert_eq!(admin.asks("{ tasks { totalCount } users { totalCount } }").await.codes(), [""; 0]);
        }
        lock.rollback().await.unwrap();

        let refused = world.persona("viewer").await.asks("{ users { totalCount } }").await;
        admin.finds_decision(&refused.refusal()["decisionId"]).await;
    }
}

#[tokio::test]
async fn what_clients_send_cannot_spoil_the_log_of_others() {
    for database in fresh_databases().await {
        let world = World::with(|config| config.store.url = database.url.clone().into()).await;
        let admin = world.signed_in("admin").await;
        let document = "query($action: String!) { users { totalCount }
            permissions(checks: [{resource: \"task\", action: $action}]) { allowed } }";
        admin.asks_with(document, json!({"action": "a\u{0}b"})).await.data();

        let rows = eventually("the decision on users", async || {
            let rows = admin.decisions(json!({})).await;
            rows.iter().any(|row| row["resource"] == "user").then_some(rows)
        })
        .await;
        assert!(rows.iter().all(|row| row["resource"] != "task"), "nobody needs such an action");
    }
}

/// Asks about every permission that there is: so many lines of the log.
const ALL: &str = "{ viewer { permissions } }";
const LINES: u32 = 13;

#[tokio::test]
async fn without_its_table_the_log_loses_what_is_said_counts_it_and_every_request_is_answered() {
    let world = World::start().await;
    let token = world.signed_in("admin").await.token();
    let database = sqlite();
    let program =
        Process::start(&world.sandbox, &database.url, &[("--permit-answer-timeout-ms", "60000")]).await;
    let admin = world.bearer_at(&program.url, token);
    admin.asks("mutation { login { ready } }").await.data();
    assert_eq!(program.metric("decision_log_dropped_total").await, Some(0.0));
    Database::connect(&database.url).await.unwrap().execute_unprepared("DROP TABLE decisions").await.unwrap();

    for _ in 0..20 {
        assert_eq!(admin.asks(ALL).await.codes(), [""; 0]);
    }
    eventually("the count", async || {
        program.metric("decision_log_dropped_total").await.filter(|dropped| *dropped >= f64::from(20 * LINES))
    })
    .await;
    assert_eq!(admin.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 0);
}

#[tokio::test]
async fn what_waits_is_written_before_the_program_ends() {
    let world = World::start().await;
    let token = world.signed_in("admin").await.token();
    let database = sqlite();
    let mut program =
        Process::start(&world.sandbox, &database.url, &[("--permit-answer-timeout-ms", "60000")]).await;
    let admin = world.bearer_at(&program.url, token);
    admin.asks("mutation { login { ready } }").await.data();
    let answer = admin.asks(ALL).await;
    let request = answer.body["extensions"]["requestId"].as_str().unwrap().to_owned();
    assert_eq!(answer.codes(), [""; 0]);

    program.stop();

    let rows = Database::connect(&database.url).await.unwrap();
    let count = format!("SELECT COUNT(*) AS n FROM decisions WHERE request_id = '{request}'");
    let count = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, count);
    let count: i64 = rows.query_one_raw(count).await.unwrap().unwrap().try_get("", "n").unwrap();
    assert_eq!(count, i64::from(LINES));
}
