//! Where the rows are: an SQLite file, or a database of its own on a PostgreSQL server.

use clap::ValueEnum;
use sea_orm::{ConnectionTrait as _, Database as Connector};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

/// `--database`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    Sqlite,
    Postgres,
    Both,
}

pub(crate) struct Database {
    pub(crate) name: &'static str,
    /// As in `DATABASE_URL`.
    pub(crate) url: String,
    _files: Option<TempDir>,
}

impl Database {
    fn sqlite() -> Self {
        let files = tempfile::tempdir().expect("a folder for the database");
        let url = format!("sqlite://{}/load.db?mode=rwc", files.path().display());
        Self { name: "SQLite", url, _files: Some(files) }
    }

    async fn postgres(server: &str) -> Self {
        let name = format!("load_{}", Uuid::new_v4().simple());
        let admin = Connector::connect(server).await.expect("a PostgreSQL server");
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a new database");
        let mut url: Url = server.parse().expect("the URL of a PostgreSQL server");
        url.set_path(&name);
        Self { name: "PostgreSQL", url: url.into(), _files: None }
    }

    /// Those that were chosen.
    pub(crate) async fn chosen(choice: Choice, server: Option<&str>) -> Vec<Self> {
        let mut chosen = Vec::new();
        if choice != Choice::Postgres {
            chosen.push(Self::sqlite());
        }
        if choice != Choice::Sqlite {
            let server = server.expect("--postgres-url, or TEST_DATABASE_URL, names a PostgreSQL server");
            chosen.push(Self::postgres(server).await);
        }
        chosen
    }
}
