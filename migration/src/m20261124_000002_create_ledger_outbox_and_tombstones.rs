//! What a login has to reconcile: where each assignment came from, what is still to be told to Permit and Auth0,
//! and who was removed.

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
        // One column a statement: SQLite adds no more at once.
        for (table, column) in columns() {
            let name = Alias::new(table);
            manager.alter_table(Table::alter().table(name).add_column(column).to_owned()).await?;
        }
        manager.create_table(outbox()).await?;
        manager.create_table(tombstones()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tombstones", "outbox"] {
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        for (table, column) in columns() {
            let name = Alias::new(column.get_column_name());
            let table = Alias::new(table);
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("users", text("desired").take()),
        ("users", instant("first_login_at").take()),
        ("users", instant("synced_at").take()),
        ("users", flag("visible").take()),
        (
            "role_assignments",
            ColumnDef::new(Alias::new("state")).string_len(8).not_null().default("HELD").take(),
        ),
        ("role_assignments", flag("in_token").take()),
        ("role_assignments", instant("token_seen_at").take()),
        ("role_assignments", instant("permit_seen_at").take()),
    ]
}

fn outbox() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("outbox"))
        .col(ColumnDef::new(Alias::new("seq")).big_integer().not_null().auto_increment().primary_key())
        .col(text("tenant_id").not_null())
        .col(text("subject").not_null())
        .col(ColumnDef::new(Alias::new("kind")).string_len(8).not_null())
        .col(ColumnDef::new(Alias::new("state")).string_len(8).not_null())
        .col(ColumnDef::new(Alias::new("attempts")).integer().not_null())
        .col(instant("due_at").not_null())
        .col(ColumnDef::new(Alias::new("lease")).uuid())
        .col(instant("leased_until"))
        .col(instant("created_at").not_null())
        .col(instant("finished_at"))
        .col(text("cause"))
        .col(text("report"))
        .to_owned()
}

fn tombstones() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("tombstones"))
        .col(text("tenant_id").not_null())
        .col(text("subject").not_null())
        .col(ColumnDef::new(Alias::new("user_id")).uuid().not_null())
        .col(instant("removed_at").not_null())
        .primary_key(Index::create().col(Alias::new("tenant_id")).col(Alias::new("subject")))
        .to_owned()
}

fn text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().take()
}

/// Microseconds since the Unix epoch.
fn instant(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().take()
}

fn flag(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).boolean().not_null().default(false).take()
}

/// The next item that is due; the items of one subject in order; a removal by its user.
fn indexes() -> Vec<IndexCreateStatement> {
    let index = |table: &str, columns: &[&str]| {
        let mut index = Index::create();
        index.name(format!("ix_{table}_{}", columns.join("_"))).table(Alias::new(table));
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    };
    vec![
        index("outbox", &["state", "due_at"]),
        index("outbox", &["subject", "state", "seq"]),
        index("tombstones", &["tenant_id", "user_id"]),
    ]
}
