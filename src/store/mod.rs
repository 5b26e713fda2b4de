//! Reads and writes of the database. Nothing here is reachable without naming a tenant: [`Store::tenant`] is the
//! only way to a row, so that a forgotten filter cannot exist.
//!
//! SQLite by default, PostgreSQL for more than one node; both run the same queries. A transaction that writes
//! takes SQLite's write lock when it begins: one that reads first and writes later fails under load, and waiting
//! does not help it.

mod arrival;
mod creation;
mod decision;
mod delivered;
mod error;
mod event;
mod feed;
mod history;
mod idempotency;
mod inspection;
mod ledger;
mod notice;
mod operator;
mod outbox;
mod page;
mod pool;
mod pool_watch;
mod queue;
mod relay;
mod removal;
mod retention;
mod standing;
mod sync;
mod task;
mod task_change;
mod tombstone;
mod user;

use std::{sync::Arc, time::Duration};

use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
    sea_query::{Expr, ExprTrait as _, Func},
};

use self::pool::open;

pub use arrival::{Arrival, Desired, SignIn};
pub use creation::{UserCreation, given};
pub use decision::{DECISIONS_AT_ONCE, DecisionExport, DecisionQuery};
pub use delivered::MAX_OPERATION_TIMEOUT;
pub use entity::{
    decision::Model as LoggedDecision,
    outbox::{Kind, State as ItemState},
    role_assignment::{Source, State},
};
pub use error::StoreError;
pub use feed::{Feed, Signal};
pub use history::HistoryRequest;
pub use idempotency::{Idempotency, KeyReused};
pub use inspection::{Inspection, inspect};
pub use ledger::{Entry, LastAdmin, Role};
pub use operator::{Backlog, Unfinished};
pub use outbox::{Job, Progress};
pub use page::{Bound, End, Page, PageRequest, Position, Range, SortValue};
pub use pool::{Config, is_protected, unknown_parameter};
pub use pool_watch::PoolWatch;
pub use relay::Relay;
pub use removal::{KEPT_ELSEWHERE, RemovalItems, RemovalStart, TasksOnRemoval};
pub use standing::{Standing, UNKNOWN_TENANT};
pub use sync::{Settled, SyncEnd, SyncState};
pub use task::{TaskListQuery, TaskOrder, TaskSort};
pub use task_change::{Expected, NewTask, Relations, TaskChange, TaskCreation, TaskDeletion, TaskPatch};
pub use tombstone::Person;
pub use user::NewUser;

/// The role whose last holder in a tenant can be neither removed nor demoted.
pub const ADMIN: &str = "admin";

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: DatabaseConnection,
    feed: Feed,
    deleted_task_retention: Duration,
}

/// One tenant's rows; another tenant's are simply not there.
#[derive(Debug, Clone)]
pub struct TenantStore {
    db: DatabaseConnection,
    feed: Feed,
    tenant: Arc<str>,
}

impl Store {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// The database cannot be reached or opened, or a migration failed.
    pub async fn connect(config: &Config) -> Result<Self, StoreError> {
        let db = open(config).await?;
        migrate(&db).await.map_err(StoreError::Migration)?;
        Ok(Self { db, feed: Feed::new(), deleted_task_retention: config.deleted_task_retention })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.db.ping().await.map_err(StoreError::from)
    }

    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        begin(&self.db).await
    }

    /// The rows of the tenant `id`.
    pub fn tenant(&self, id: &str) -> TenantStore {
        TenantStore { db: self.db.clone(), feed: self.feed.clone(), tenant: id.into() }
    }

    /// Tells what is committed: on this node, and, with a [`Relay`], on every node.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

impl TenantStore {
    /// Key of the tenant.
    pub fn id(&self) -> &str {
        &self.tenant
    }

    /// `column` has `part` somewhere; case is ignored as far as the database can (SQLite: A to Z).
    fn contains(&self, column: impl ColumnTrait, part: &str) -> Expr {
        let search = match self.db.get_database_backend() {
            DbBackend::Postgres => "strpos",
            _ => "instr",
        };
        let lower = |text: Expr| Expr::from(Func::lower(text));
        let arguments = [lower(column.into_expr()), lower(Expr::val(part))];
        Expr::from(Func::cust(search).args(arguments)).gt(0)
    }

    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        begin(&self.db).await
    }

    /// Begins a transaction that changes what is known about `subject`. Those of one subject take turns: a login must
    /// not bring back whom a removal is about to bury. (SQLite's writers take turns anyway.)
    async fn begin_for(&self, subject: &str) -> Result<DatabaseTransaction, StoreError> {
        let tx = begin(&self.db).await?;
        take_turn(&tx, subject).await?;
        Ok(tx)
    }
}

/// Waits until no other transaction is concerned with `subject`, and keeps others waiting until this one ends.
async fn take_turn(tx: &DatabaseTransaction, subject: &str) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7418529630))";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, lock, [subject.into()]);
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

/// Takes the turn of `subject` until this transaction ends, if nobody has it.
async fn has_turn(tx: &DatabaseTransaction, subject: &str) -> Result<bool, StoreError> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7418529630)) AS taken";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, lock, [subject.into()]);
    let row = tx.query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get("", "taken")).transpose()?.unwrap_or(false))
}

/// The only way to begin a transaction that writes.
async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(db.begin_with_options(options).await?)
}

/// The only way to end one that has written.
async fn commit(tx: DatabaseTransaction) -> Result<(), StoreError> {
    tx.commit().await.map_err(StoreError::committing)
}

/// Waits for the turn of this node, however long another one migrates or a table is large.
const MIGRATES_ALONE: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7418529630)";

/// Brings the schema up to date. Nodes that start together take turns; SQLite has one node.
async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Migrator::up(db, None).await;
    }
    let tx = db.begin().await?;
    tx.execute_unprepared(MIGRATES_ALONE).await?;
    Migrator::up(&tx, None).await?;
    tx.commit().await
}

/// Now, in microseconds since the Unix epoch.
fn now() -> i64 {
    let nanos = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    i64::try_from(nanos / 1_000).expect("the year 294246 is far away")
}

#[cfg(test)]
mod tests;
