//! What one node commits is heard on the others, once and in the order of the commits, also by one that could not hear
//! for a while. Needs `TEST_DATABASE_URL`.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _,
    sqlx::postgres::PgListener,
};
use taskgate::store::{Config, NewTask, Relay, Signal, Store, TaskCreation};
use tokio::{sync::broadcast::Receiver, time::timeout};

use crate::support::{Fresh, Link, eventually, server};

const ADA: &str = "auth0|ada";
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node that hears, one that only writes, and the server beside them.
struct Pair {
    hearing: Store,
    writing: Store,
    told: Receiver<Signal>,
    server: DatabaseConnection,
    database: Fresh,
    _relay: Relay,
}

impl Pair {
    async fn on(database: Fresh) -> Self {
        let config = database.config();
        Self::with(database, config).await
    }

    /// The one that hears has settings of its own.
    async fn with(database: Fresh, config: Config) -> Self {
        let hearing = Store::connect(&config).await.unwrap();
        let writing = Store::connect(&database.config()).await.unwrap();
        let relay = hearing.relay().await.unwrap();
        let told = hearing.feed().listen();
        let server = Database::connect(&server().unwrap()).await.unwrap();
        Self { hearing, writing, told, server, database, _relay: relay }
    }

    async fn writes(&self, title: &str) {
        let new = NewTask { title: title.into(), notes: None, owner_id: None, assignee_id: None };
        let created = self.writing.tenant("default").create_task(new, None, ADA).await.unwrap();
        assert!(matches!(created, TaskCreation::Created(Some(_))));
    }

    /// The next signal: the title of a task, or who it is about.
    async fn hears(&mut self) -> String {
        let signal = timeout(PATIENCE, self.told.recv()).await.expect("something is told").unwrap();
        match signal {
            Signal::Task(event) => event.after.as_ref().unwrap().title.clone(),
            Signal::Permissions(person) => format!("permissions of {}", person.subject),
            Signal::Gap => "gap".to_owned(),
        }
    }

    fn name(&self) -> String {
        self.database.url.rsplit('/').next().unwrap().to_owned()
    }

    /// Ends the connection that listens, and lets nobody connect any more.
    async fn is_cut_off(&self) {
        let cut = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name());
        self.server.execute_unprepared(&cut).await.unwrap();
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{}' AND application_name = 'taskgate-listener'",
            self.name()
        );
        assert_eq!(self.server.execute_unprepared(&end).await.unwrap().rows_affected(), 1);
    }

    async fn may_connect(&self) {
        let allow = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name());
        self.server.execute_unprepared(&allow).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_could_not_hear_is_told_of_every_event_once_and_doubts_all_permissions() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut pair = Pair::on(database).await;
    pair.writes("heard").await;
    assert_eq!(pair.hears().await, "heard");
    // A transaction that has its number and is not committed before others are.
    let slow = Database::connect(&pair.database.url).await.unwrap().begin().await.unwrap();
    let copy = "INSERT INTO task_events (id, tenant_id, task_id, version, kind, at, after) \
        SELECT gen_random_uuid(), tenant_id, gen_random_uuid(), 1, kind, at, \
        jsonb_set(after::jsonb, '{title}', '\"overtaken\"')::json FROM task_events";
    slow.execute_unprepared(copy).await.unwrap();
    pair.writes("overtaking").await;
    assert_eq!(pair.hears().await, "overtaking");

    pair.is_cut_off().await;
    pair.writes("unheard").await;
    pair.writing.tenant("default").tell_permissions("auth0|unheard").await;
    slow.commit().await.unwrap();
    pair.may_connect().await;

    assert_eq!([pair.hears().await, pair.hears().await], ["overtaken", "unheard"]);
    assert_eq!(pair.hears().await, "gap");
    pair.writes("afterwards").await;
    assert_eq!(pair.hears().await, "afterwards");
}

#[tokio::test]
async fn what_a_node_says_about_permissions_is_told_to_it_once() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut pair = Pair::on(database).await;

    pair.hearing.tenant("default").tell_permissions("auth0|own").await;
    pair.writing.tenant("default").tell_permissions("auth0|other").await;

    assert_eq!(pair.hears().await, "permissions of auth0|own");
    assert_eq!(pair.hears().await, "permissions of auth0|other");
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut pair = Pair::on(database).await;
    let rows = Database::connect(&pair.database.url).await.unwrap();
    let tx = rows.begin().await.unwrap();
    tx.execute_unprepared("SELECT pg_notify('taskgate', 'of another version')").await.unwrap();
    tx.rollback().await.unwrap();
    pair.writes("told").await;

    assert_eq!(pair.hears().await, "told");
}

#[tokio::test]
async fn what_cannot_be_read_may_have_been_anything_and_is_no_reason_to_stop_hearing() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut pair = Pair::on(database).await;
    let rows = Database::connect(&pair.database.url).await.unwrap();

    rows.execute_unprepared("SELECT pg_notify('taskgate', 'of another version')").await.unwrap();
    assert_eq!(pair.hears().await, "gap");
    // Only now: what is written meanwhile is told by the look-up before it.
    pair.writes("told").await;

    assert_eq!(pair.hears().await, "told");
}

/// Waits until a statement in the database of `pair` waits for a lock.
async fn somebody_waits(pair: &Pair) {
    let waiting = format!(
        "SELECT 1 FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
        pair.name()
    );
    eventually("somebody who waits", async || {
        let waiting = Statement::from_string(DbBackend::Postgres, &waiting);
        pair.server.query_one_raw(waiting).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_node_whose_pool_is_used_up_still_finds_out_whether_it_hears() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut config = database.config();
    (config.max_connections, config.lock_timeout) = (1, PATIENCE);
    let pair = Pair::with(database, config).await;
    let holder = Database::connect(&pair.database.url).await.unwrap().begin().await.unwrap();
    holder.execute_unprepared("LOCK TABLE tasks").await.unwrap();
    let tenant = pair.hearing.tenant("default");
    let new = NewTask { title: "waits".into(), notes: None, owner_id: None, assignee_id: None };
    let busy = tokio::spawn(async move { tenant.create_task(new, None, ADA).await });
    somebody_waits(&pair).await;

    let mut beside = PgListener::connect(&pair.database.url).await.unwrap();
    beside.listen("taskgate").await.unwrap();
    let echo = timeout(PATIENCE / 2, beside.recv()).await.expect("it is heard").unwrap();

    assert!(echo.payload().contains("\"kind\":\"echo\""), "{}", echo.payload());
    assert!(!busy.is_finished());
}

/// A node that hears through a network.
async fn through_a_network() -> Option<(Pair, Link)> {
    let database = Fresh::on_postgres().await?;
    let link = Link::to(&database.url).await;
    let mut config = database.config();
    config.url = link.url.clone().into();
    Some((Pair::with(database, config).await, link))
}

#[tokio::test]
async fn a_connection_that_goes_silent_is_given_up_and_what_was_missed_is_told() {
    let Some((mut pair, link)) = through_a_network().await else { return };
    pair.writes("heard").await;
    assert_eq!(pair.hears().await, "heard");

    link.goes_silent_at("echo").await;
    pair.writes("unheard").await;

    assert_eq!([pair.hears().await, pair.hears().await], ["unheard", "gap"]);
}

#[tokio::test]
async fn an_attempt_to_listen_that_is_not_answered_is_not_the_last_one() {
    let Some((mut pair, link)) = through_a_network().await else { return };

    pair.is_cut_off().await;
    pair.writes("unheard").await;
    tokio::join!(link.goes_silent_at("LISTEN"), pair.may_connect());

    assert_eq!([pair.hears().await, pair.hears().await], ["unheard", "gap"]);
}
