//! What happened to deleted tasks is forgotten after a while; what happened to others is not.

use std::time::Duration;

use entity::task_event;
use sea_orm::{Database, EntityTrait as _};
use taskgate::store::{Expected, NewTask, Store, TaskCreation, TaskPatch};
use uuid::Uuid;

use crate::support::fresh_databases;

const ADA: &str = "auth0|ada";

#[tokio::test]
async fn the_events_of_a_deleted_task_are_forgotten_when_they_are_old_and_no_others() {
    for database in fresh_databases().await {
        let mut config = database.config();
        let careful = Store::connect(&config).await.unwrap();
        config.deleted_task_retention = Duration::from_micros(1);
        let forgetful = Store::connect(&config).await.unwrap();
        config.deleted_task_retention = Duration::ZERO;
        let keeping = Store::connect(&config).await.unwrap();
        let tenant = careful.tenant("default");
        let creates = async || {
            let new = NewTask { title: "Task".into(), notes: None, owner_id: None, assignee_id: None };
            match tenant.create_task(new, None, ADA).await.unwrap() {
                TaskCreation::Created(Some(task)) => task.id,
                other => panic!("not created but {other:?}"),
            }
        };
        let (kept, gone) = (creates().await, creates().await);
        let done = TaskPatch { completed: Some(true), ..TaskPatch::default() };
        tenant.update_task(gone, done, Expected::default(), ADA).await.unwrap();
        tenant.delete_task(gone, Expected::default(), ADA).await.unwrap();
        let rows = Database::connect(&database.url).await.unwrap();
        let tasks = async || -> Vec<Uuid> {
            let events = task_event::Entity::find().all(&rows).await.unwrap();
            events.into_iter().map(|event| event.task_id).collect()
        };

        careful.sweep().await.unwrap();
        keeping.sweep().await.unwrap();
        assert_eq!(tasks().await, [kept, gone, gone, gone], "not old enough, or kept for ever");

        forgetful.sweep().await.unwrap();
        assert_eq!(tasks().await, [kept]);
    }
}
