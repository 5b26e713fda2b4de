//! Where the rows are, and how long anything may take there.

use clap::Args as ClapArgs;
use secrecy::SecretString;

#[derive(ClapArgs, Debug, Clone)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// `sqlite://FILE?mode=rwc` or `postgres://…`, which needs `sslmode=verify-full` unless its host is this machine.
    /// Default: `sqlite://taskgate.db?mode=rwc`; in the sandbox a temporary file of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Connections to the database that are kept open.
    #[arg(long, env = "DATABASE_MIN_CONNECTIONS", default_value_t = 0)]
    pub database_min_connections: u32,
    /// Connections to the database. Over PostgreSQL, a server has one more, which listens to other servers.
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 8)]
    pub database_max_connections: u32,
    /// Longest wait for a connection to the database.
    #[arg(long, env = "DATABASE_TIMEOUT_MS", default_value_t = 5_000)]
    pub database_timeout_ms: u64,
    /// How long a connection stays open unused.
    #[arg(long, env = "DATABASE_IDLE_TIMEOUT_MS", default_value_t = 600_000)]
    pub database_idle_timeout_ms: u64,
    /// Age at which a connection is replaced by a new one.
    #[arg(long, env = "DATABASE_MAX_LIFETIME_MS", default_value_t = 1_800_000)]
    pub database_max_lifetime_ms: u64,
    /// Longest that PostgreSQL works on one statement.
    #[arg(long, env = "DATABASE_STATEMENT_TIMEOUT_MS", default_value_t = 10_000)]
    pub database_statement_timeout_ms: u64,
    /// Longest that a statement waits for a lock, or SQLite's writers for each other.
    #[arg(long, env = "DATABASE_LOCK_TIMEOUT_MS", default_value_t = 5_000)]
    pub database_lock_timeout_ms: u64,
    /// PostgreSQL ends a transaction in which nothing happens for so long.
    #[arg(long, env = "DATABASE_IDLE_TRANSACTION_TIMEOUT_MS", default_value_t = 30_000)]
    pub database_idle_transaction_timeout_ms: u64,
    /// How long the events of a deleted task are kept; 0: for ever.
    #[arg(long, env = "DELETED_TASK_RETENTION_MS", default_value_t = 2_592_000_000)]
    pub deleted_task_retention_ms: u64,
}
