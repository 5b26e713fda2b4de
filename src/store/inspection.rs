//! A look at the database that changes nothing: no file is created, no migration is applied.

use std::str::FromStr as _;

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, Database, DbErr, sqlx::sqlite::SqliteConnectOptions};
use secrecy::ExposeSecret as _;

use super::{Config, StoreError};

/// The state of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspection {
    /// The SQLite file is not there yet.
    Absent,
    /// So many migrations are still to be applied.
    Pending(usize),
    /// The schema is the one of this version.
    Current,
}

/// Opens the database, asks which migrations were applied, and closes it.
///
/// # Errors
/// [`StoreError::Migration`] if its schema is not one that this version knows; no connection.
pub async fn inspect(config: &Config) -> Result<Inspection, StoreError> {
    let url = config.url.expose_secret();
    if url.starts_with("sqlite:") && is_absent(url) {
        return Ok(Inspection::Absent);
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(false));
    let db = Database::connect(options).await.map_err(StoreError::opening)?;
    let pending = Migrator::get_pending_migrations_read_only(&db).await.map_err(|error| match error {
        // An applied migration that is none of ours.
        DbErr::Custom(_) => StoreError::Migration(error),
        other => StoreError::from(other),
    })?;
    db.close().await?;
    Ok(match pending.len() {
        0 => Inspection::Current,
        pending => Inspection::Pending(pending),
    })
}

/// A URL that cannot be read is left to the connection to complain about.
fn is_absent(url: &str) -> bool {
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let options = SqliteConnectOptions::from_str(url);
    !in_memory && options.is_ok_and(|options| !options.get_filename().exists())
}
