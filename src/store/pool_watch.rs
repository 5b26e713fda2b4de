//! The pool of connections, as a monitor sees it.

use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, DatabaseConnectionType, sqlx};
use tokio::task::JoinHandle;

use super::Store;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Measures the pool as long as it is held.
#[derive(Debug)]
pub struct PoolWatch(JoinHandle<()>);

impl Store {
    /// Begins to measure: how many connections there are, and how long one has to be waited for.
    pub fn watch_pool(&self) -> PoolWatch {
        PoolWatch(tokio::spawn(watch(self.db.clone())))
    }
}

impl Drop for PoolWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(db: DatabaseConnection) {
    loop {
        match &db.inner {
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                look(db.get_sqlite_connection_pool()).await;
            }
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                look(db.get_postgres_connection_pool()).await;
            }
            DatabaseConnectionType::Disconnected => return,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The driver tells nobody how long its callers wait, so we stand in the same queue and give the connection back. A
/// wait that ends without one counts as long as it was.
async fn look<D: sqlx::Database>(pool: &sqlx::Pool<D>) {
    let (open, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
    metrics::gauge!("database_connections_in_use").set(open.saturating_sub(idle));
    metrics::gauge!("database_connections_idle").set(idle);
    metrics::gauge!("database_connections_limit").set(pool.options().get_max_connections());
    let started = Instant::now();
    drop(pool.acquire().await);
    metrics::histogram!("database_acquire_seconds").record(started.elapsed());
}
