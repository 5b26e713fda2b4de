//! What can go wrong with the database.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx::Error as Sqlx};

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection: not reachable, not to be opened, or every connection is busy.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The schema could not be brought up to date.
    #[error("a migration failed")]
    Migration(#[source] DbErr),
    /// Another writer inserted the same unique key first.
    #[error("a unique key is taken")]
    Duplicate(#[source] DbErr),
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

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_connection_trouble(&error) {
            Self::Unavailable(error)
        } else if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            Self::Duplicate(error)
        } else {
            Self::Statement(error)
        }
    }
}

fn is_connection_trouble(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Query(RuntimeErr::SqlxError(inner)) | DbErr::Exec(RuntimeErr::SqlxError(inner)) => {
            matches!(**inner, Sqlx::Io(_) | Sqlx::PoolTimedOut | Sqlx::PoolClosed | Sqlx::WorkerCrashed)
        }
        _ => false,
    }
}
