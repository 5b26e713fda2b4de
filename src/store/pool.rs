//! How the database is opened: how many connections, how they are protected, and how long anything may take.

use std::{net::IpAddr, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection,
    sqlx::{
        postgres::{PgConnectOptions, PgSslMode},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::StoreError;

/// Where the rows are.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`: `sqlite://FILE?mode=rwc` or `postgres://…`.
    pub url: SecretString,
    /// `DATABASE_MIN_CONNECTIONS`: connections that are kept open. Default 0.
    pub min_connections: u32,
    /// `DATABASE_MAX_CONNECTIONS`: connections of the pool. Over PostgreSQL, a server has one more, which listens.
    /// Default 8.
    pub max_connections: u32,
    /// `DATABASE_TIMEOUT_MS`: longest wait for a free connection. Default 5 s.
    pub acquire_timeout: Duration,
    /// `DATABASE_IDLE_TIMEOUT_MS`: how long a connection beyond the least number stays open unused. Default 10 min.
    pub idle_timeout: Duration,
    /// `DATABASE_MAX_LIFETIME_MS`: age at which a connection is replaced. Default 30 min.
    pub max_lifetime: Duration,
    /// `DATABASE_STATEMENT_TIMEOUT_MS`: longest that PostgreSQL works on one statement. SQLite knows no such limit.
    /// Default 10 s.
    pub statement_timeout: Duration,
    /// `DATABASE_LOCK_TIMEOUT_MS`: longest that a statement waits for a lock, or SQLite's writers for each other.
    /// Default 5 s.
    pub lock_timeout: Duration,
    /// `DATABASE_IDLE_TRANSACTION_TIMEOUT_MS`: PostgreSQL ends a transaction in which nothing happens for so long.
    /// Default 30 s.
    pub idle_transaction_timeout: Duration,
    /// `DELETED_TASK_RETENTION_MS`: how long the events of a deleted task are kept; zero: for ever. Default 30 days.
    pub deleted_task_retention: Duration,
}

/// Statements that a connection keeps prepared. A list of ids is a statement of its own for each length, of some tens of
/// kilobytes, so that the driver's hundred would be megabytes a connection.
const STATEMENTS: usize = 32;

/// Parameters of a URL that the driver of PostgreSQL reads, beside `options[NAME]`.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The first parameter of `url` that the driver of PostgreSQL does not read. It leaves that out of account, be it
/// `channel_binding=require`, and logs it with its value, be it a password.
pub fn unknown_parameter(url: &Url) -> Option<String> {
    let is_option = |key: &str| key.starts_with("options[") && key.ends_with(']');
    let mut keys = url.query_pairs().map(|(key, _)| key.into_owned());
    keys.find(|key| !PARAMETERS.contains(&key.as_str()) && !is_option(key))
}

/// Whether nobody on the way to the PostgreSQL server at `url` can read along: it is reached over loopback or a socket in
/// the file system, or TLS is demanded. What the URL leaves out comes from the driver's `PG*` variables, as when it
/// connects. `None`: the driver cannot read the URL.
pub fn is_protected(url: &str) -> Option<bool> {
    let options: PgConnectOptions = url.parse().ok()?;
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_socket = options.get_socket().is_some() || host.starts_with('/');
    let is_here = is_socket || host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let demands_tls =
        matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    Some(is_here || demands_tls)
}

/// Opens the database. Nothing is asked of it yet.
pub(super) async fn open(config: &Config) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(config.url.expose_secret());
    let (to_sqlite, to_postgres) = (config.clone(), config.clone());
    options
        .min_connections(config.min_connections)
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .connect_timeout(config.acquire_timeout)
        .idle_timeout(config.idle_timeout)
        .max_lifetime(config.max_lifetime)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| sqlite(&to_sqlite, options))
        .map_sqlx_postgres_opts(move |options| postgres(&to_postgres, options));
    Database::connect(options).await.map_err(StoreError::opening)
}

/// A connection that is replaced leaves statistics behind where they are missing or out of date: without them SQLite
/// passes all tasks of a tenant rather than sort somebody's few.
fn sqlite(config: &Config, options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(config.lock_timeout)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .optimize_on_close(true, None)
        .pragma("temp_store", "memory")
}

fn postgres(config: &Config, options: PgConnectOptions) -> PgConnectOptions {
    options.statement_cache_capacity(STATEMENTS).options([
        ("statement_timeout", config.statement_timeout.as_millis()),
        ("lock_timeout", config.lock_timeout.as_millis()),
        ("idle_in_transaction_session_timeout", config.idle_transaction_timeout.as_millis()),
    ])
}
