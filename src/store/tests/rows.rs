//! A hundred thousand rows of everything that is listed, on each database at hand.

use std::{thread, time::Duration};

use sea_orm::{ConnectionTrait as _, Database, DbBackend};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::store::{Config, Store};

/// A store full of rows of the tenant `big`. Dropped, its database goes with it.
pub(super) struct Full {
    pub(super) store: Store,
    _place: Place,
}

enum Place {
    File { _folder: TempDir },
    Server { url: String, name: String },
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Server { url, name } = self else { return };
        let (url, drop) = (url.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        let dropping = async move { Database::connect(&url).await?.execute_unprepared(&drop).await };
        // The test's own runtime ends, perhaps by a panic; a database that stays goes with its server.
        let dropped = thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(dropping)
        });
        let _ = dropped.join();
    }
}

/// Tables, how many rows, and what is in them. `ID(n)` is the n-th id, `i` counts the rows.
const TABLES: [(&str, u32, &str); 6] = [
    (
        "users (id, tenant_id, subject, name, created_at, updated_at)",
        10_000,
        "ID(i), 'big', 'auth0|' || i, 'Name ' || i, i, i",
    ),
    (
        "tasks (id, tenant_id, title, completed_at, owner_id, assignee_id, version, created_at, updated_at)",
        100_000,
        "ID(i), 'big', 'Title ' || (i * 7919 % 100000), CASE i % 3 WHEN 0 THEN i END, ID(1 + i % 10000), \
         ID(1 + i * 7 % 10000), 1, i, 200000 - i",
    ),
    (
        "role_assignments (user_id, role, tenant_id, source, created_at)",
        10_000,
        "ID(i), CASE i % 1000 WHEN 0 THEN 'admin' ELSE 'viewer' END, 'big', 'IDP', i",
    ),
    (
        "task_events (id, tenant_id, task_id, version, kind, at)",
        100_000,
        "ID(i), 'big', ID(1 + i % 20000), i, CASE i % 50 WHEN 0 THEN 'DELETED' ELSE 'UPDATED' END, i",
    ),
    (
        "decisions (id, at, tenant_id, subject, resource, action, allowed, request_id)",
        100_000,
        "ID(i), i, 'big', 'auth0|' || (i % 1000), 'task', 'get', true, 'r'",
    ),
    (
        "outbox (tenant_id, subject, kind, state, attempts, due_at, created_at, finished_at)",
        100_000,
        "'big', 'auth0|' || i, 'SYNC', CASE i % 1000 WHEN 0 THEN 'PENDING' ELSE 'DONE' END, 0, i, i, i",
    ),
];

pub(super) async fn databases() -> Vec<Full> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/full.db?mode=rwc", folder.path().display());
    let mut all = vec![Full { store: filled(url).await, _place: Place::File { _folder: folder } }];
    let Some(server) = server() else {
        eprintln!("TEST_DATABASE_URL is not set: PostgreSQL is not tested here");
        return all;
    };
    let admin = Database::connect(&server).await.unwrap();
    let name = format!("taskgate_plans_{}", Uuid::new_v4().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url: Url = server.parse().unwrap();
    url.set_path(&name);
    // Begun before it is filled, so that it goes whatever fails.
    let place = Place::Server { url: server, name };
    all.push(Full { store: filled(url.into()).await, _place: place });
    all
}

#[expect(clippy::disallowed_methods, reason = "tests are told about servers by the environment")]
pub(super) fn server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}

pub(super) fn config(url: String) -> Config {
    let minutes = Duration::from_mins(5);
    Config {
        url: url.into(),
        min_connections: 0,
        max_connections: 2,
        acquire_timeout: minutes,
        idle_timeout: minutes,
        max_lifetime: minutes,
        statement_timeout: minutes,
        lock_timeout: minutes,
        idle_transaction_timeout: minutes,
        deleted_task_retention: minutes,
    }
}

async fn filled(url: String) -> Store {
    let store = Store::connect(&config(url.clone())).await.unwrap();
    let is_postgres = store.db.get_database_backend() == DbBackend::Postgres;
    for (table, count, values) in TABLES {
        let (numbers, values) = if is_postgres {
            (
                format!("(SELECT generate_series(1, {count}))"),
                ids(values, "lpad(to_hex(", "), 32, '0')::uuid"),
            )
        } else {
            let numbers = format!("(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
            (numbers, ids(values, "unhex(printf('%032x', ", "))"))
        };
        let insert = format!("WITH RECURSIVE n(i) AS {numbers} INSERT INTO {table} SELECT {values} FROM n");
        store.db.execute_unprepared(&insert).await.unwrap();
    }
    if is_postgres {
        store.db.execute_unprepared("VACUUM ANALYZE").await.unwrap();
        return store;
    }
    // As connections are replaced in time.
    store.db.close().await.unwrap();
    Store::connect(&config(url)).await.unwrap()
}

/// `values` with every `ID(…)` as the database writes it.
fn ids(values: &str, before: &str, after: &str) -> String {
    let mut parts = values.split("ID(");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(')').unwrap();
        text.extend([before, number, after, rest]);
    }
    text
}
