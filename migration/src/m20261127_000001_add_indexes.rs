//! Indexes for the lists of one owner's and one assignee's tasks, and for what is forgotten.
//!
//! Tables of millions of rows are locked against writes while an index is built. Whoever cannot wait builds them before,
//! under the same names, with `CREATE INDEX CONCURRENTLY`.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the trait of sea-orm-migration elides them, and async_trait binds them"
)]

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEXES: [(&str, &[&str]); 4] = [
    ("tasks", &["tenant_id", "owner_id", "created_at", "id"]),
    ("tasks", &["tenant_id", "assignee_id", "created_at", "id"]),
    ("task_events", &["kind", "at"]),
    ("outbox", &["state", "finished_at"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            let mut index = Index::create();
            index.if_not_exists().name(name(table, columns)).table(Alias::new(table));
            for column in columns {
                index.col(Alias::new(*column));
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            let index = Index::drop().name(name(table, columns)).table(Alias::new(table)).to_owned();
            manager.drop_index(index).await?;
        }
        Ok(())
    }
}

fn name(table: &str, columns: &[&str]) -> String {
    format!("ix_{table}_{}", columns.join("_"))
}
