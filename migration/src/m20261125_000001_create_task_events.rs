//! What happened to each task, for its history and for subscribers.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the trait of sea-orm-migration elides them, and async_trait binds them"
)]

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(task_events()).await?;
        manager.create_index(history()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new("task_events")).to_owned()).await
    }
}

/// Neither task nor users are foreign keys: the history outlives them.
fn task_events() -> TableCreateStatement {
    let column = |name: &str| ColumnDef::new(Alias::new(name));
    Table::create()
        .table(Alias::new("task_events"))
        .col(column("seq").big_integer().not_null().auto_increment().primary_key())
        .col(column("id").uuid().not_null().unique_key())
        .col(column("tenant_id").text().not_null())
        .col(column("task_id").uuid().not_null())
        .col(column("version").integer().not_null())
        .col(column("kind").string_len(8).not_null())
        .col(column("by").text())
        .col(column("at").big_integer().not_null())
        .col(column("before").json())
        .col(column("after").json())
        .to_owned()
}

/// The history of one task in its order; no version of a task happens twice.
fn history() -> IndexCreateStatement {
    Index::create()
        .name("ix_task_events_tenant_id_task_id_version")
        .table(Alias::new("task_events"))
        .col(Alias::new("tenant_id"))
        .col(Alias::new("task_id"))
        .col(Alias::new("version"))
        .unique()
        .to_owned()
}
