//! The database under the server: its faults, and what it holds at the end.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::ValueEnum;
use entity::{task, task_event};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database as Connector, DatabaseConnection, EntityTrait as _,
};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::proxy::{Proxy, Weather};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

#[derive(Debug)]
pub(crate) struct Database {
    /// As the server is told.
    pub(crate) url: String,
    /// Past the proxy.
    direct: String,
    proxy: Option<Proxy>,
    _files: Option<TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file: PathBuf = folder.path().join("soak.db");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        Self { direct: url.clone(), url, proxy: None, _files: Some(folder) }
    }

    /// A database of its own on the server at `url`, behind a proxy.
    pub(crate) async fn postgres(url: &str) -> Self {
        let name = format!("soak_{}", Uuid::new_v4().simple());
        let admin = connect(url).await;
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a new database");
        let mut direct: Url = url.parse().expect("the URL of a PostgreSQL server");
        direct.set_path(&name);
        let upstream =
            format!("{}:{}", direct.host_str().unwrap_or("127.0.0.1"), direct.port().unwrap_or(5432));
        let upstream: SocketAddr = upstream.parse().expect("the server by its address");
        let proxy = Proxy::start(upstream).await;
        let mut url = direct.clone();
        url.set_port(Some(proxy.address.port())).expect("a port");
        Self { url: url.into(), direct: direct.into(), proxy: Some(proxy), _files: None }
    }

    /// Breaks it for `length` in one of its ways, and mends it; what was done.
    pub(crate) async fn disturb(&self, rng: &mut fastrand::Rng, length: Duration) -> &'static str {
        let Some(proxy) = &self.proxy else {
            // Longer than the server waits for the lock, sometimes.
            let db = connect(&self.direct).await;
            db.execute_unprepared("BEGIN IMMEDIATE").await.ok();
            tokio::time::sleep(length * rng.u32(1..4)).await;
            db.execute_unprepared("ROLLBACK").await.ok();
            return "a lock on the file";
        };
        let (weather, what) = match rng.u8(..3) {
            0 => (Weather::Slow(Duration::from_millis(rng.u64(5..150))), "slow packets"),
            1 => (Weather::Broken, "connections that break"),
            _ => {
                proxy.turns(Weather::Broken);
                proxy.turns(Weather::Fine);
                return "connections reset once";
            }
        };
        proxy.turns(weather);
        tokio::time::sleep(length).await;
        proxy.turns(Weather::Fine);
        what
    }

    /// All tasks, and all that happened to tasks.
    pub(crate) async fn rows(&self) -> (Vec<task::Model>, Vec<task_event::Model>) {
        let db = connect(&self.direct).await;
        let tasks = task::Entity::find().all(&db).await.expect("tasks");
        let events = task_event::Entity::find().all(&db).await.expect("events");
        (tasks, events)
    }

    /// Undoes a write behind the server's back: the latest change of any task.
    pub(crate) async fn lose_a_write(&self) {
        let db = connect(&self.direct).await;
        let last = "DELETE FROM task_events WHERE seq = (SELECT MAX(seq) FROM task_events)";
        db.execute_unprepared(last).await.expect("a lost write");
    }
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).acquire_timeout(Duration::from_secs(20));
    Connector::connect(options).await.expect("the database")
}
