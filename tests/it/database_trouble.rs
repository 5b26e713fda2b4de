//! A database that is slow, locked, or not who it should be is an error with a name, and a connection that works again.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement, TransactionTrait as _};
use taskgate::store::{NewTask, Store, StoreError, TaskCreation, TenantStore};

use crate::support::{Fresh, fresh_databases, server};

const SOON: Duration = Duration::from_millis(200);

async fn creates(tenant: &TenantStore) -> Result<TaskCreation, StoreError> {
    let new = NewTask { title: "Task".into(), notes: None, owner_id: None, assignee_id: None };
    tenant.create_task(new, None, "auth0|ada").await
}

#[tokio::test]
async fn a_write_that_waits_too_long_for_a_lock_is_given_up_and_the_next_one_works() {
    for database in fresh_databases().await {
        let mut config = database.config();
        (config.max_connections, config.lock_timeout) = (1, SOON);
        let tenant = Store::connect(&config).await.unwrap().tenant("default");
        let other = Database::connect(&database.url).await.unwrap();
        let holder = other.begin().await.unwrap();
        let lock = if database.is_postgres() { "LOCK TABLE tasks" } else { "DELETE FROM tasks" };
        holder.execute_unprepared(lock).await.unwrap();

        let given_up = creates(&tenant).await.unwrap_err();
        assert!(matches!(given_up, StoreError::TimedOut(_)), "{given_up:?}");

        holder.rollback().await.unwrap();
        assert!(matches!(creates(&tenant).await.unwrap(), TaskCreation::Created(Some(_))));
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let mut config = database.config();
    (config.max_connections, config.statement_timeout) = (1, SOON);
    let tenant = Store::connect(&config).await.unwrap().tenant("default");
    let holder = Database::connect(&database.url).await.unwrap().begin().await.unwrap();
    holder.execute_unprepared("LOCK TABLE tasks").await.unwrap();

    let given_up = creates(&tenant).await.unwrap_err();
    assert!(matches!(given_up, StoreError::TimedOut(_)), "{given_up:?}");

    drop(holder);
    assert!(matches!(creates(&tenant).await.unwrap(), TaskCreation::Created(Some(_))));
}

/// The root certificate that the server's own is signed with, if it speaks TLS.
async fn root_certificate(server: &str) -> Option<String> {
    let db = Database::connect(server).await.unwrap();
    let shows = async |name: &str| -> String {
        let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("SHOW {name}"))).await;
        row.unwrap().unwrap().try_get_by_index(0).unwrap()
    };
    if shows("ssl").await == "on" {
        return Some(shows("ssl_cert_file").await);
    }
    eprintln!("the server of TEST_DATABASE_URL has no TLS: it is not tested here");
    None
}

#[tokio::test]
async fn a_certificate_is_verified_and_one_that_nobody_vouches_for_is_told() {
    let Some(mut database) = Fresh::on_postgres().await else { return };
    let Some(certificate) = root_certificate(&server().unwrap()).await else { return };
    let plain = database.url.clone();

    database.url = format!("{plain}?sslmode=verify-full&sslrootcert={certificate}");
    assert!(Store::connect(&database.config()).await.unwrap().ready().await.is_ok());

    database.url = format!("{plain}?sslmode=verify-full");
    let refused = Store::connect(&database.config()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Tls(_)), "{refused:?}");
    assert!(refused.to_string().contains("sslrootcert=FILE"), "{refused}");
}
