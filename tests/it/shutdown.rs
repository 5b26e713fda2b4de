//! The end of a server that is told to stop, as its clients, its load balancer and its successor see it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    subscriptions::CHANGES,
    support::{Line, Process, World, eventually, sqlite},
};

const LOGIN: &str = "mutation { login { ready } }";

async fn ready(server: &Process) -> Option<(u16, Value)> {
    let answer = reqwest::get(format!("{}/ready", server.url)).await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_says_so_and_serves_until_everybody_knows() {
    let world = World::start().await;
    let database = sqlite();
    // Long enough for everything below on a busy machine.
    let more = [("--shutdown-delay-ms", "4000"), ("--shutdown-grace-ms", "20000")];
    let mut server = Process::start(&world.sandbox, &database.url, &more).await;
    let token = world.persona("manager").await.token();
    let manager = world.bearer_at(&server.url, token.clone());
    assert_eq!(manager.asks(LOGIN).await.data()["login"]["ready"], true);
    let mut line = Line::initialised(&server.url, json!({"authorization": format!("Bearer {token}")})).await;
    line.says(&json!({"type": "subscribe", "id": "1", "payload": {"query": CHANGES}})).await;
    assert_eq!(ready(&server).await.unwrap().0, 200);

    let told = Instant::now();
    server.is_told_to_stop();

    let leaving = eventually("that it says so", async || ready(&server).await.filter(|told| told.0 == 503));
    assert_eq!(leaving.await.1, json!({"status": "stopping"}));
    let task = manager.creates_task("Written while it stops").await;
    assert!(told.elapsed() < Duration::from_secs(4), "the machine is too busy for this test");
    assert!(manager.sees(&task).await);

    let (code, _) = line.closes().await;
    assert_eq!(code, 1001);
    assert!(told.elapsed() >= Duration::from_secs(4), "sockets stay open as long as requests are taken");
    server.ends().await;
    assert!(ready(&server).await.is_none());
}

#[tokio::test]
async fn what_runs_is_finished_and_what_waits_is_there_for_the_next() {
    let world = World::start().await;
    let database = sqlite();
    let more = [
        ("--permit-answer-timeout-ms", "10000"),
        ("--permit-facts-proxy", "off"),
        ("--login-deadline-ms", "200"),
    ];
    let mut server = Process::start(&world.sandbox, &database.url, &more).await;
    let (api, pdp) = (world.sandbox.permit_api.url(), world.sandbox.pdp.url());
    let manager = world.bearer_at(&server.url, world.persona("manager").await.token());
    manager.asks(LOGIN).await.data();
    let roles = || world.roles_in_permit("auth0|sandbox-manager");
    eventually("the manager's role", async || (roles().await == ["manager"]).then_some(())).await;
    world.break_it(&api, json!({"kind": "status", "status": 503})).await;
    let newcomer = json!({"claims": {"sub": "auth0|late", "https://taskgate.example/roles": ["viewer"]}});
    let late = world.bearer_at(&server.url, world.token(newcomer).await);
    assert_eq!(late.asks(LOGIN).await.data()["login"]["ready"], false);
    world.forgets_counts(&pdp).await;
    world.break_it(&pdp, json!({"kind": "delay", "ms": 1500})).await;

    let stopped = async {
        eventually("the question", async || (world.count(&pdp, "POST /allowed").await > 0).then_some(()))
            .await;
        server.is_told_to_stop();
    };
    let (answer, ()) = tokio::join!(manager.asks("{ decisions { nodes { id } } }"), stopped);
    assert_eq!(answer.codes(), ["FORBIDDEN"], "what was asked before is answered");
    server.ends().await;

    world.mend(&pdp).await;
    world.mend(&api).await;
    let next = Process::start(&world.sandbox, &database.url, &more).await;
    eventually("what was left in the outbox", async || {
        (world.roles_in_permit("auth0|late").await == ["viewer"]).then_some(())
    })
    .await;
    let admin = world.bearer_at(&next.url, world.persona("admin").await.token());
    admin.asks(LOGIN).await.data();
    let logged = admin.decisions(json!({"subject": "auth0|sandbox-manager", "allowed": false})).await;
    assert!(
        logged.iter().any(|row| row["resource"] == "audit"),
        "the last decisions were written: {logged:?}"
    );
}

#[tokio::test]
async fn a_mutation_that_nobody_waits_for_any_more_is_done_before_the_end() {
    let world = World::start().await;
    let database = sqlite();
    let more = [
        ("--operation-timeout-ms", "2000"),
        ("--permit-answer-timeout-ms", "10000"),
        ("--shutdown-grace-ms", "20000"),
    ];
    let mut server = Process::start(&world.sandbox, &database.url, &more).await;
    let pdp = world.sandbox.pdp.url();
    let token = world.persona("manager").await.token();
    let manager = world.bearer_at(&server.url, token.clone());
    manager.asks(LOGIN).await.data();
    world.break_it(&pdp, json!({"kind": "delay", "ms": 2500})).await;

    let answer =
        manager.asks("mutation { createTask(input: {title: \"Late\"}) { userErrors { code } } }").await;
    server.is_told_to_stop();
    server.ends().await;

    assert_eq!(answer.refusal()["outcome"], "UNKNOWN");
    world.mend(&pdp).await;
    let next = Process::start(&world.sandbox, &database.url, &more).await;
    let manager = world.bearer_at(&next.url, token);
    let late = manager.asks("{ tasks(filter: {titleContains: \"Late\"}) { totalCount } }").await.data();
    assert_eq!(late["tasks"]["totalCount"], 1);
}
