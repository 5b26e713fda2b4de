//! Databases of a test's own: an SQLite file, and a PostgreSQL database where `TEST_DATABASE_URL` names a server. Both go
//! when the test ends.

use std::thread;

use clap::Parser as _;
use sea_orm::{ConnectionTrait as _, Database};
use taskgate::{
    config::{Args, Config},
    store,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A database that nobody else uses.
pub(crate) struct Fresh {
    /// As in `DATABASE_URL`.
    pub(crate) url: String,
    place: Place,
}

enum Place {
    File { _folder: TempDir },
    Server { url: String, name: String },
}

impl Fresh {
    /// The settings of a server over it; everything else as by default.
    pub(crate) fn config(&self) -> store::Config {
        Config::store_from_args(&Args::parse_from(["taskgate", "--database-url", &self.url])).unwrap()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Server { .. })
    }

    /// One on the PostgreSQL server at hand, if there is one.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let server = server();
        if server.is_none() {
            eprintln!("TEST_DATABASE_URL is not set: PostgreSQL is not tested here");
        }
        Some(postgres(&server?).await)
    }

    /// One for a world: on PostgreSQL if `TEST_WORLDS=postgres` says so, else an SQLite file.
    pub(crate) async fn for_world() -> Self {
        if variable("TEST_WORLDS").as_deref() != Some("postgres") {
            return sqlite();
        }
        Self::on_postgres().await.expect("TEST_WORLDS=postgres needs TEST_DATABASE_URL")
    }
}

/// One on each kind of server at hand.
pub(crate) async fn fresh_databases() -> Vec<Fresh> {
    let mut databases = vec![sqlite()];
    databases.extend(Fresh::on_postgres().await);
    databases
}

/// An SQLite file in a folder of its own.
pub(crate) fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
    Fresh { url, place: Place::File { _folder: folder } }
}

async fn postgres(server: &str) -> Fresh {
    let name = format!("taskgate_{}", Uuid::new_v4().simple());
    let admin = Database::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url: reqwest::Url = server.parse().unwrap();
    url.set_path(&name);
    Fresh { url: url.into(), place: Place::Server { url: server.to_owned(), name } }
}

/// The PostgreSQL server that tests may use, as in `DATABASE_URL`.
pub(crate) fn server() -> Option<String> {
    variable("TEST_DATABASE_URL")
}

#[expect(clippy::disallowed_methods, reason = "tests are told about servers by the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let Place::Server { url, name } = &self.place else { return };
        let (url, drop) = (url.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        let dropping = async move { Database::connect(&url).await?.execute_unprepared(&drop).await };
        // The test's own runtime ends, perhaps by a panic; a database that stays goes with its server.
        let dropped = thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(dropping)
        });
        let _ = dropped.join();
    }
}
