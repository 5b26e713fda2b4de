//! A copy that was made while the server runs has everything, and a server starts over it: the commands of the manual.

use std::{collections::BTreeMap, process::Command};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use taskgate::store::{NewTask, Store, TaskCreation, TaskListQuery};

use crate::support::{Fresh, fresh_databases};

const TABLES: [&str; 9] = [
    "users",
    "tasks",
    "role_assignments",
    "idempotency_keys",
    "outbox",
    "tombstones",
    "task_events",
    "decisions",
    "seaql_migrations",
];

/// How many rows each table has.
async fn counts(url: &str) -> BTreeMap<&'static str, i64> {
    let db: DatabaseConnection = Database::connect(url).await.unwrap();
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let count =
            Statement::from_string(db.get_database_backend(), format!("SELECT count(*) FROM {table}"));
        let row = db.query_one_raw(count).await.unwrap().unwrap();
        counts.insert(table, row.try_get_by_index(0).unwrap());
    }
    counts
}

fn runs(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_copy_has_every_row_and_serves() {
    for database in fresh_databases().await {
        let store = Store::connect(&database.config()).await.unwrap();
        for n in 0..50 {
            let new = NewTask { title: format!("Task {n}"), notes: None, owner_id: None, assignee_id: None };
            let created = store.tenant("default").create_task(new, None, "auth0|ada").await.unwrap();
            assert!(matches!(created, TaskCreation::Created(Some(_))));
        }
        let before = counts(&database.url).await;
        let files = tempfile::tempdir().unwrap();
        let copy = files.path().join("copy").display().to_string();
        let mut restored = if database.is_postgres() {
            runs("pg_dump", &["--format=custom", "--file", &copy, &database.url]);
            let empty = Fresh::on_postgres().await.unwrap();
            runs("pg_restore", &["--exit-on-error", "--single-transaction", "--dbname", &empty.url, &copy]);
            empty
        } else {
            let db = Database::connect(&database.url).await.unwrap();
            db.execute_unprepared(&format!("VACUUM INTO '{copy}'")).await.unwrap();
            crate::support::sqlite()
        };
        if !database.is_postgres() {
            restored.url = format!("sqlite://{copy}");
        }

        assert_eq!(counts(&restored.url).await, before);
        let served = Store::connect(&restored.config()).await.unwrap().tenant("default");
        assert_eq!(served.count_tasks(&TaskListQuery::default()).await.unwrap(), 50);
        let next = NewTask { title: "Next".into(), notes: None, owner_id: None, assignee_id: None };
        served.create_task(next, None, "auth0|ada").await.unwrap();
    }
}
