//! Users, tasks, the local copy of role assignments and the outcomes of idempotent creates.

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
        manager.create_table(users()).await?;
        manager.create_table(tasks()).await?;
        manager.create_table(role_assignments()).await?;
        manager.create_table(idempotency_keys()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["idempotency_keys", "role_assignments", "tasks", "users"] {
            manager.drop_table(Table::drop().table(Alias::new(table)).to_owned()).await?;
        }
        Ok(())
    }
}

fn text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().take()
}

fn required_text(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

/// Microseconds since the Unix epoch.
fn instant(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("users"))
        .col(ColumnDef::new(Alias::new("id")).uuid().not_null().primary_key())
        .col(required_text("tenant_id"))
        .col(required_text("subject"))
        .col(text("name"))
        .col(text("email"))
        .col(text("fingerprint"))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .to_owned()
}

fn tasks() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("tasks"))
        .col(ColumnDef::new(Alias::new("id")).uuid().not_null().primary_key())
        .col(required_text("tenant_id"))
        .col(required_text("title"))
        .col(text("notes"))
        .col(ColumnDef::new(Alias::new("completed_at")).big_integer())
        .col(ColumnDef::new(Alias::new("owner_id")).uuid())
        .col(ColumnDef::new(Alias::new("assignee_id")).uuid())
        .col(ColumnDef::new(Alias::new("version")).integer().not_null())
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .foreign_key(&mut to_user("tasks", "owner_id", ForeignKeyAction::SetNull))
        .foreign_key(&mut to_user("tasks", "assignee_id", ForeignKeyAction::SetNull))
        .to_owned()
}

fn role_assignments() -> TableCreateStatement {
    Table::create()
        .table(Alias::new("role_assignments"))
        .col(ColumnDef::new(Alias::new("user_id")).uuid().not_null())
        .col(required_text("role"))
        .col(required_text("tenant_id"))
        .col(ColumnDef::new(Alias::new("source")).string_len(8).not_null())
        .col(instant("created_at"))
        .primary_key(Index::create().col(Alias::new("user_id")).col(Alias::new("role")))
        .foreign_key(&mut to_user("role_assignments", "user_id", ForeignKeyAction::Cascade))
        .to_owned()
}

fn idempotency_keys() -> TableCreateStatement {
    let identity = ["tenant_id", "subject", "mutation", "key"];
    let mut primary_key = Index::create();
    let mut table = Table::create();
    table.table(Alias::new("idempotency_keys"));
    for column in identity {
        table.col(required_text(column));
        primary_key.col(Alias::new(column));
    }
    table
        .col(required_text("input_hash"))
        .col(required_text("outcome"))
        .col(instant("created_at"))
        .primary_key(&mut primary_key)
        .to_owned()
}

fn to_user(table: &str, column: &str, on_delete: ForeignKeyAction) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(Alias::new(table), Alias::new(column))
        .to(Alias::new("users"), Alias::new("id"))
        .on_delete(on_delete)
        .to_owned()
}

/// One index for each order of a list, ending in the id that breaks ties, and one for each look-up.
fn indexes() -> Vec<IndexCreateStatement> {
    let index = |table: &str, columns: &[&str]| {
        let mut index = Index::create();
        index.name(format!("ix_{table}_{}", columns.join("_"))).table(Alias::new(table));
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    };
    let mut identity = index("users", &["tenant_id", "subject"]);
    vec![
        identity.unique().to_owned(),
        index("users", &["tenant_id", "created_at", "id"]),
        index("users", &["subject"]),
        index("tasks", &["tenant_id", "created_at", "id"]),
        index("tasks", &["tenant_id", "updated_at", "id"]),
        index("tasks", &["tenant_id", "title", "id"]),
        index("tasks", &["owner_id"]),
        index("tasks", &["assignee_id"]),
        index("role_assignments", &["tenant_id", "role"]),
        index("idempotency_keys", &["created_at"]),
    ]
}
