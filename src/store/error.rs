//! What can go wrong with the database.

use std::{borrow::Cow, io::ErrorKind, sync::Arc};

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx::Error as Sqlx};

/// Codes of PostgreSQL: a statement was cancelled for its time, a lock was not available in time, two transactions
/// waited for each other, or could not be put in an order.
const OUT_OF_TIME: [&str; 4] = ["57014", "55P03", "40P01", "40001"];
/// Codes of SQLite: somebody else writes, the table is locked; and what `SQLITE_BUSY` is in full.
const BUSY: [&str; 4] = ["5", "6", "261", "517"];
/// Classes of PostgreSQL's codes: connection lost, too many of them, ended by an operator or by the idle time-out.
const GONE: [&str; 4] = ["08", "53", "57P", "25P03"];

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection: not reachable, not to be opened, or every connection is busy.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The connection cannot be protected as `sslmode` asks.
    #[error(
        "the database offers no TLS, or a certificate that is not accepted: name its root certificate with sslrootcert=FILE in DATABASE_URL, and the host as the certificate does"
    )]
    Tls(#[source] DbErr),
    /// The schema could not be brought up to date.
    #[error("a migration failed")]
    Migration(#[source] DbErr),
    /// Another writer inserted the same unique key first.
    #[error("a unique key is taken")]
    Duplicate(#[source] DbErr),
    /// A statement, or its wait for a lock, took longer than it may, or would have for ever; nothing was changed.
    #[error("a statement took too long")]
    TimedOut(#[source] DbErr),
    /// The connection was lost while it committed: everything was changed, or nothing.
    #[error("nobody knows whether a transaction was committed")]
    InDoubt(#[source] DbErr),
    /// A statement failed, which is a fault of ours.
    #[error("a statement failed")]
    Statement(#[source] DbErr),
    /// What other nodes are told could not be written down.
    #[error("other nodes cannot be told")]
    Notice(#[source] serde_json::Error),
    /// A stored outcome could not be read back.
    #[error("a stored outcome is unreadable")]
    Outcome(#[source] serde_json::Error),
}

impl StoreError {
    /// What kind of trouble this is, as in the log.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "TIMEOUT",
            Self::Unavailable(_) | Self::Tls(_) => "UNAVAILABLE",
            Self::InDoubt(_) => "IN_DOUBT",
            Self::Migration(_)
            | Self::Duplicate(_)
            | Self::Statement(_)
            | Self::Notice(_)
            | Self::Outcome(_) => "FAULT",
        }
    }

    /// The database could not be opened.
    pub(super) fn opening(error: DbErr) -> Self {
        match driver(&error) {
            Some(Sqlx::Tls(_)) => Self::Tls(error),
            // How a handshake tells that the certificate is not accepted.
            Some(Sqlx::Io(inner)) if inner.kind() == ErrorKind::InvalidData => Self::Tls(error),
            _ => Self::Unavailable(error),
        }
    }

    /// A transaction could not be committed.
    pub(super) fn committing(error: DbErr) -> Self {
        match Self::from(error) {
            Self::Unavailable(error) => Self::InDoubt(error),
            other => other,
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_connection_trouble(&error) {
            Self::Unavailable(error)
        } else if code(&error).is_some_and(|code| OUT_OF_TIME.contains(&&*code) || BUSY.contains(&&*code)) {
            Self::TimedOut(error)
        } else if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            Self::Duplicate(error)
        } else {
            Self::Statement(error)
        }
    }
}

impl From<Sqlx> for StoreError {
    fn from(error: Sqlx) -> Self {
        Self::from(DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))))
    }
}

fn is_connection_trouble(error: &DbErr) -> bool {
    let is_lost = |inner: &Sqlx| {
        matches!(inner, Sqlx::Io(_) | Sqlx::PoolTimedOut | Sqlx::PoolClosed | Sqlx::WorkerCrashed)
    };
    let is_gone = |code: String| {
        !OUT_OF_TIME.contains(&&*code) && GONE.iter().any(|class| code.len() == 5 && code.starts_with(class))
    };
    matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_))
        || driver(error).is_some_and(is_lost)
        || code(error).is_some_and(is_gone)
}

/// What the driver said.
fn driver(error: &DbErr) -> Option<&Sqlx> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner)) => Some(inner),
        _ => None,
    }
}

/// The database's own code for what went wrong.
fn code(error: &DbErr) -> Option<String> {
    driver(error)?.as_database_error()?.code().map(Cow::into_owned)
}
