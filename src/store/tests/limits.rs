//! The limits of time are the database's own: it keeps them whatever becomes of us.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Statement};

use super::rows::{config, server};
use crate::store::Store;

#[tokio::test]
async fn the_database_is_told_how_long_anything_may_take() {
    let Some(url) = server() else {
        eprintln!("TEST_DATABASE_URL is not set: PostgreSQL is not tested here");
        return;
    };
    let mut config = config(url);
    config.statement_timeout = Duration::from_secs(11);
    config.lock_timeout = Duration::from_millis(1_500);
    config.idle_transaction_timeout = Duration::from_mins(2);
    let db = Store::connect(&config).await.unwrap().db;

    let mut told = Vec::new();
    for name in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
        let show = Statement::from_string(db.get_database_backend(), format!("SHOW {name}"));
        told.push(db.query_one_raw(show).await.unwrap().unwrap().try_get_by_index::<String>(0).unwrap());
    }
    assert_eq!(told, ["11s", "1500ms", "2min"]);
}
