//! The log of decisions.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the trait of sea-orm-migration elides them, and async_trait binds them"
)]

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const TABLE: &str = "decisions";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(decisions()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(TABLE)).to_owned()).await
    }
}

fn decisions() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(TABLE))
        .col(ColumnDef::new(Alias::new("id")).uuid().not_null().primary_key())
        // Microseconds since the Unix epoch.
        .col(ColumnDef::new(Alias::new("at")).big_integer().not_null())
        .col(required_text("tenant_id"))
        .col(required_text("subject"))
        .col(required_text("resource"))
        .col(required_text("action"))
        .col(text("key"))
        .col(ColumnDef::new(Alias::new("allowed")).boolean().not_null())
        .col(text("reason"))
        .col(required_text("request_id"))
        .col(text("trace_id"))
        .col(text("asked_by"))
        .to_owned()
}

fn text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().take()
}

fn required_text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

/// What is too old; a tenant's list; the same for one subject. Each ends in the id that breaks ties.
fn indexes() -> Vec<IndexCreateStatement> {
    let lists: [&[&str]; 3] =
        [&["at", "id"], &["tenant_id", "at", "id"], &["tenant_id", "subject", "at", "id"]];
    let index = |columns: &[&str]| {
        let mut index = Index::create();
        index.name(format!("ix_{TABLE}_{}", columns.join("_"))).table(Alias::new(TABLE));
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    };
    lists.map(index).into()
}
