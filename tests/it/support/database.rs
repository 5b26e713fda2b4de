//! Databases of a test's own: an SQLite file, and a PostgreSQL database where `TEST_DATABASE_URL` names a server. Both go
//! when the test ends.

use std::thread;

use clap::Parser as _;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use taskgate::{
    config::{Args, Config},
    store,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;
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
        Some(postgres(&server?, "").await)
    }

    /// One for a world: on PostgreSQL if `TEST_WORLDS=postgres` says so, else an SQLite file.
    pub(crate) async fn for_world() -> Self {
        if variable("TEST_WORLDS").as_deref() != Some("postgres") {
            return sqlite();
        }
        let server = server().expect("TEST_WORLDS=postgres needs TEST_DATABASE_URL");
        let template = TEMPLATE.get_or_init(|| template(&server)).await;
        postgres(&server, &format!("TEMPLATE {template}")).await
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

async fn postgres(server: &str, how: &str) -> Fresh {
    let name = format!("taskgate_{}", Uuid::new_v4().simple());
    let admin = Database::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name} {how}")).await.unwrap();
    admin.close().await.unwrap();
    Fresh { url: address(server, &name), place: Place::Server { url: server.to_owned(), name } }
}

fn address(server: &str, database: &str) -> String {
    let mut url: reqwest::Url = server.parse().unwrap();
    url.set_path(database);
    url.into()
}

/// A database with the schema of today, which worlds copy: quicker than to migrate each of them.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Makes one in place of those that earlier runs left behind.
async fn template(server: &str) -> String {
    let admin = Database::connect(server).await.unwrap();
    let old = "SELECT datname FROM pg_database WHERE datname LIKE 'taskgate\\_template\\_%'";
    for row in admin.query_all_raw(Statement::from_string(DbBackend::Postgres, old)).await.unwrap() {
        let old: String = row.try_get_by_index(0).unwrap();
        admin.execute_unprepared(&format!("DROP DATABASE {old}")).await.unwrap();
    }
    let name = format!("taskgate_template_{}", Uuid::new_v4().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    admin.close().await.unwrap();
    let database = Database::connect(address(server, &name)).await.unwrap();
    Migrator::up(&database, None).await.unwrap();
    // What somebody is connected to cannot be copied.
    database.close().await.unwrap();
    name
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
