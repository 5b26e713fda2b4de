//! Databases of a test's own: an SQLite file, and a PostgreSQL database where `TEST_DATABASE_URL` names a server.

use sea_orm::{ConnectionTrait as _, Database};
use tempfile::TempDir;
use uuid::Uuid;

/// A database that nobody else uses.
pub(crate) struct Fresh {
    /// As in `DATABASE_URL`.
    pub(crate) url: String,
    _file: Option<TempDir>,
}

/// One on each kind of server at hand.
pub(crate) async fn fresh_databases() -> Vec<Fresh> {
    let mut databases = vec![sqlite()];
    match server() {
        Some(url) => databases.push(postgres(&url).await),
        None => eprintln!("TEST_DATABASE_URL is not set: PostgreSQL is not tested here"),
    }
    databases
}

/// An SQLite file in a folder of its own.
pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh { url: format!("sqlite://{}/test.db?mode=rwc", folder.path().display()), _file: Some(folder) }
}

async fn postgres(server: &str) -> Fresh {
    let name = format!("taskgate_{}", Uuid::new_v4().simple());
    let admin = Database::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url: reqwest::Url = server.parse().unwrap();
    url.set_path(&name);
    Fresh { url: url.into(), _file: None }
}

#[expect(clippy::disallowed_methods, reason = "tests are told about servers by the environment")]
fn server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}
