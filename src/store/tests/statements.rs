//! What the connections of a server keep does not grow with what happens to be asked.

use entity::decision::Model;
use sea_orm::{EntityTrait as _, sqlx::Connection as _};
use uuid::Uuid;

use super::rows::config;
use crate::store::Store;

fn decisions(count: usize) -> Vec<Model> {
    let decision = |_| Model {
        id: Uuid::now_v7(),
        at: 1,
        tenant_id: "default".to_owned(),
        subject: "auth0|someone".to_owned(),
        resource: "task".to_owned(),
        action: "get".to_owned(),
        key: None,
        allowed: true,
        reason: None,
        request_id: "r".to_owned(),
        trace_id: None,
        asked_by: None,
    };
    (0..count).map(decision).collect()
}

#[tokio::test]
async fn batches_of_decisions_are_few_statements_whatever_their_lengths() {
    let file = tempfile::tempdir().unwrap();
    let mut config = config(format!("sqlite://{}/log.db?mode=rwc", file.path().display()));
    config.max_connections = 1;
    let store = Store::connect(&config).await.unwrap();
    let pool = store.db.get_sqlite_connection_pool();
    // Those of the migrations fill what a connection keeps.
    pool.acquire().await.unwrap().clear_cached_statements().await.unwrap();

    let lengths: Vec<usize> = (1..=30).chain([64, 127, 128, 500]).collect();
    for length in &lengths {
        store.log_decisions(&decisions(*length)).await.unwrap();
    }

    // One for each power of two up to 64.
    let kept = pool.acquire().await.unwrap().cached_statements_size();
    assert_eq!(kept, 7, "of {} lengths", lengths.len());
    let all = entity::decision::Entity::find().all(&store.db).await.unwrap();
    assert_eq!(all.len(), lengths.iter().sum::<usize>());
}
