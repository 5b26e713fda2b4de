//! A database that is slow, locked, or not who it should be is an error with a name, and a connection that works again.

use std::{
    fs::{self, File},
    process::{Command, Stdio},
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement, TransactionTrait as _};
use serde_json::{Value, json};
use taskgate::store::{NewTask, Store, StoreError, TaskCreation, TenantStore};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{Fresh, Process, World, fresh_databases, server, sqlite};

const SOON: Duration = Duration::from_millis(200);

async fn creates(tenant: &TenantStore) -> Result<TaskCreation, StoreError> {
    let new = NewTask { title: "Task".into(), notes: None, owner_id: None, assignee_id: None };
    tenant.create_task(new, None, "auth0|ada").await
}

#[tokio::test]
async fn a_write_that_waits_too_long_for_a_lock_is_given_up_and_the_next_one_works() {
    for database in fresh_databases().await {
        let mut config = database.config();
        (config.max_connections, config.lock_timeout) = (1, SOON);
        let tenant = Store::connect(&config).await.unwrap().tenant("default");
        let other = Database::connect(&database.url).await.unwrap();
        let holder = other.begin().await.unwrap();
        let lock = if database.is_postgres() { "LOCK TABLE tasks" } else { "DELETE FROM tasks" };
        holder.execute_unprepared(lock).await.unwrap();

        let given_up = creates(&tenant).await.unwrap_err();
        assert!(matches!(given_up, StoreError::TimedOut(_)), "{given_up:?}");

        holder.rollback().await.unwrap();
        assert!(matches!(creates(&tenant).await.unwrap(), TaskCreation::Created(Some(_))));
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut config = database.config();
    (config.max_connections, config.statement_timeout) = (1, SOON);
    let tenant = Store::connect(&config).await.unwrap().tenant("default");
    let holder = Database::connect(&database.url).await.unwrap().begin().await.unwrap();
    holder.execute_unprepared("LOCK TABLE tasks").await.unwrap();

    let given_up = creates(&tenant).await.unwrap_err();
    assert!(matches!(given_up, StoreError::TimedOut(_)), "{given_up:?}");

    drop(holder);
    assert!(matches!(creates(&tenant).await.unwrap(), TaskCreation::Created(Some(_))));
}

#[tokio::test]
async fn the_log_tells_a_time_out_from_other_failures() {
    let world = World::start().await;
    let (database, files) = (sqlite(), tempfile::tempdir().unwrap());
    let log = files.path().join("log");
    let more = [("--database-lock-timeout-ms", "100")];
    let mut server =
        Process::start_talkative(&world.sandbox, &database.url, &more, File::create(&log).unwrap()).await;
    let manager = world.persona("manager").await.token();
    let manager = world.bearer_at(&server.url, manager);
    manager.asks("mutation { login { ready } }").await.data();
    let rows = Database::connect(&database.url).await.unwrap();

    let holder = rows.begin().await.unwrap();
    holder.execute_unprepared("DELETE FROM tasks").await.unwrap();
    let create = "mutation { createTask(input: {title: \"Task\"}) { task { id } } }";
    assert_eq!(manager.asks(create).await.codes(), ["INTERNAL"]);
    holder.rollback().await.unwrap();
    rows.execute_unprepared("ALTER TABLE tasks RENAME TO elsewhere").await.unwrap();
    assert_eq!(manager.asks(create).await.codes(), ["INTERNAL"]);

    server.stop();
    let log = std::fs::read_to_string(&log).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failures = lines.filter(|line| line["fields"]["message"] == "store failed");
    let causes: Vec<Value> = failures.map(|line| line["fields"]["cause"].clone()).collect();
    assert_eq!(causes, [json!("TIMEOUT"), json!("FAULT")]);
}

/// The root certificate that the server's own is signed with, if it speaks TLS.
async fn root_certificate(server: &str) -> Option<String> {
    let db = Database::connect(server).await.unwrap();
    let shows = async |name: &str| -> String {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("SHOW {name}"))).await;
        row.unwrap().unwrap().try_get_by_index(0).unwrap()
    };
    if shows("ssl").await == "on" {
        return Some(shows("ssl_cert_file").await);
    }
    eprintln!("the server of TEST_DATABASE_URL has no TLS: it is not tested here");
    None
}

#[tokio::test]
async fn a_certificate_is_verified_and_one_that_nobody_vouches_for_is_told() {
    let Some(mut database) = Fresh::on_postgres().await else { return };
    let Some(certificate) = root_certificate(&server().unwrap()).await else { return };
    let plain = database.url.clone();

    database.url = format!("{plain}?sslmode=verify-full&sslrootcert={certificate}");
    assert!(Store::connect(&database.config()).await.unwrap().ready().await.is_ok());

    database.url = format!("{plain}?sslmode=verify-full");
    let refused = Store::connect(&database.config()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Tls(_)), "{refused:?}");
    assert!(refused.to_string().contains("sslrootcert=FILE"), "{refused}");
}

/// Runs `taskgate migrate` with these variables alone.
fn migrates(url: &str, variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    program.env_clear().envs(variables.iter().copied()).stderr(Stdio::piped());
    program.args(["--database-timeout-ms", "1000", "--database-url", url, "migrate"]);
    program
}

#[test]
fn a_host_that_only_the_driver_is_told_of_is_not_spoken_to_in_the_clear() {
    let refused: [&[(&str, &str)]; 3] = [
        &[("PGHOST", "db.invalid")],
        &[("PGHOST", "127.0.0.1"), ("PGHOSTADDR", "192.0.2.1")],
        &[("PGHOST", "db.invalid"), ("PGSSLMODE", "prefer")],
    ];
    for variables in refused {
        let output = migrates("postgres:///db", variables).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{variables:?}: {told}");
        assert!(told.contains("DATABASE_URL needs sslmode=verify-full"), "{told}");
    }
    let tried: [&[(&str, &str)]; 2] = [
        &[("PGHOST", "127.0.0.1"), ("PGPORT", "9")],
        &[("PGHOST", "db.invalid"), ("PGSSLMODE", "verify-full")],
    ];
    for variables in tried {
        let output = migrates("postgres:///db", variables).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{variables:?} is refused by the settings");
    }
}

#[tokio::test]
async fn a_password_that_the_url_leaves_out_is_that_of_pgpassword() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://taskgate@{}/db?sslmode=disable", listener.local_addr().unwrap());
    let mut program = migrates(&url, &[("PGPASSWORD", "p@ss/word")]).spawn().unwrap();

    let asked = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u32().await.unwrap() as usize - 4;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        // AuthenticationCleartextPassword.
        stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.unwrap();
        let mut password = [0; 15];
        stream.read_exact(&mut password).await.unwrap();
        password
    };
    let password = tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();

    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(&password, b"p\0\0\0\x0ep@ss/word\0");
}

#[tokio::test]
async fn what_the_database_did_wrong_is_logged_once_under_the_request_that_met_it() {
    let (world, files) = (World::start().await, tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}/test.db?mode=rwc", files.path().display());
    let log = files.path().join("log");
    let server = Process::start_talkative(&world.sandbox, &url, &[], File::create(&log).unwrap()).await;
    let manager = world.bearer_at(&server.url, world.persona("manager").await.token());
    manager.asks("mutation { login { ready } }").await.data();
    let ids = [manager.creates_task("One").await, manager.creates_task("Two").await];
    let db = Database::connect(&url).await.unwrap();
    let create = "mutation { createTask(input: {title: \"Three\"}) { task { id } } }";
    let read = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";

    for (table, document, variables) in
        [("tombstones", create, json!({})), ("tasks", read, json!({"ids": ids}))]
    {
        db.execute_unprepared(&format!("ALTER TABLE {table} RENAME TO away")).await.unwrap();
        let answer = manager.asks_with(document, variables).await;
        db.execute_unprepared(&format!("ALTER TABLE away RENAME TO {table}")).await.unwrap();

        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "INTERNAL", "{}", answer.body);
        let text = fs::read_to_string(&log).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let request = &answer.body["extensions"]["requestId"];
        let of_request = |line: &Value| {
            line["level"] == "ERROR"
                && line["spans"].as_array().unwrap().iter().any(|span| span["request.id"] == *request)
        };
        let lines: Vec<Value> = lines.filter(of_request).collect();
        assert_eq!(lines.len(), 1, "{table}: {lines:?}");
        assert_eq!(lines[0]["fields"]["message"], "store failed");
        let cause = lines[0]["fields"]["error"].as_str().unwrap();
        assert!(cause.contains(&format!("no such table: {table}")), "{cause}");
    }
}
