//! The version before goes on working beside a new one, and any number of servers may start together.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use futures_util::future::join_all;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use taskgate::store::Store;

use crate::support::{Fresh, fresh_databases};

/// What a table takes and tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    kind: String,
    /// A writer that does not know the column may leave it out.
    is_optional: bool,
    is_nullable: bool,
}

/// By `table.column`.
type Columns = BTreeMap<String, Column>;

async fn texts(db: &DatabaseConnection, query: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), query);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn columns(db: &DatabaseConnection) -> Columns {
    let query = if db.get_database_backend() == DbBackend::Postgres {
        "SELECT table_name || '.' || column_name || '|' || data_type || '|' || (is_nullable = 'YES')::int \
         || '|' || (column_default IS NOT NULL)::int FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT m.name || '.' || c.name || '|' || c.type || '|' || (c.\"notnull\" = 0) || '|' \
         || (c.dflt_value IS NOT NULL OR c.pk > 0 AND c.type = 'integer') \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    };
    let column = |line: &String| {
        let [name, kind, nullable, default] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let is_nullable = nullable == "1";
        (
            name.to_owned(),
            Column { kind: kind.to_owned(), is_optional: is_nullable || default == "1", is_nullable },
        )
    };
    texts(db, query).await.iter().map(column).collect()
}

/// Unique indexes, as `table.index`.
async fn unique(db: &DatabaseConnection) -> BTreeSet<String> {
    let query = if db.get_database_backend() == DbBackend::Postgres {
        "SELECT tablename || '.' || indexname FROM pg_indexes \
         WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
    } else {
        "SELECT m.name || '.' || i.name FROM sqlite_master m JOIN pragma_index_list(m.name) i \
         WHERE m.type = 'table' AND i.\"unique\" = 1"
    };
    texts(db, query).await.into_iter().collect()
}

fn table(name: &str) -> &str {
    name.split('.').next().unwrap()
}

async fn migrated(database: &Fresh, steps: Option<u32>) -> DatabaseConnection {
    let db = Database::connect(&database.url).await.unwrap();
    Migrator::up(&db, steps).await.unwrap();
    db
}

#[tokio::test]
async fn what_an_earlier_version_reads_and_writes_is_there_after_every_migration() {
    let count = u32::try_from(Migrator::migrations().len()).unwrap();
    for steps in 1..count {
        for database in fresh_databases().await {
            let db = migrated(&database, Some(steps)).await;
            let (before, indexes) = (columns(&db).await, unique(&db).await);
            Migrator::up(&db, None).await.unwrap();
            let after = columns(&db).await;

            for (name, column) in &before {
                let now =
                    after.get(name).unwrap_or_else(|| panic!("{name} is gone, which version {steps} reads"));
                assert_eq!(now.kind, column.kind, "{name} is of another type than in version {steps}");
                assert!(
                    now.is_nullable || !column.is_nullable,
                    "{name} must be given, and version {steps} may not"
                );
                assert!(now.is_optional || !column.is_optional, "{name} has no default any more");
            }
            let tables: BTreeSet<&str> = before.keys().map(|name| table(name)).collect();
            for (name, column) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                let fine = column.is_optional || !tables.contains(table(name));
                assert!(fine, "{name} must be given, and version {steps} does not know it");
            }
            for name in unique(&db).await.difference(&indexes) {
                assert!(!tables.contains(table(name)), "{name} refuses what version {steps} writes");
            }
        }
    }
}

#[tokio::test]
async fn five_servers_that_start_at_once_on_an_empty_database_all_start() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let config = database.config();

    let started = join_all((0..5).map(|_| Store::connect(&config))).await;

    assert!(started.iter().all(Result::is_ok), "{started:?}");
    let db = Database::connect(&database.url).await.unwrap();
    let applied = texts(&db, "SELECT version FROM seaql_migrations").await;
    assert_eq!(applied.len(), Migrator::migrations().len());
}

#[tokio::test]
async fn a_command_that_looks_at_the_database_migrates_nothing() {
    let all = Migrator::migrations().len();
    for database in fresh_databases().await {
        let db = migrated(&database, Some(1)).await;
        for arguments in [["sync", "status"], ["sync", "replay"], ["decisions", "export"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_taskgate"));
            let output = command.args(arguments).env("DATABASE_URL", &database.url).output().unwrap();

            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}");
            assert!(told.contains(&format!("{} migrations", all - 1)), "{told}");
            assert!(told.contains("run `taskgate migrate`"), "{told}");
        }
        assert_eq!(Migrator::get_applied_migrations(&db).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_command_that_looks_at_the_database_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskgate"));
    command.args(["sync", "status"]).env("DATABASE_URL", format!("sqlite://{}?mode=rwc", file.display()));

    let output = command.output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no such database"));
    assert!(!file.exists());
}
