//! Where the rows are.

use clap::Args as ClapArgs;
use secrecy::SecretString;

#[derive(ClapArgs, Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "a field is named as its flag is")]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// `sqlite://FILE?mode=rwc` or `postgres://…`. Default: `sqlite://taskgate.db?mode=rwc`; in the sandbox a
    /// temporary file of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Connections to the database.
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 8)]
    pub database_max_connections: u32,
    /// Longest wait for a connection to the database.
    #[arg(long, env = "DATABASE_TIMEOUT_MS", default_value_t = 5_000)]
    pub database_timeout_ms: u64,
}
