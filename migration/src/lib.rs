//! The history of the database schema. A migration never imports `entity`: it must keep meaning the same when
//! the entities move on.
//!
//! The version before goes on working while a new one is started beside it, so a migration only *expands*: tables,
//! indexes that are not unique, columns that are nullable or have a default, and constraints that are dropped. What the
//! version before reads or writes is renamed, narrowed or dropped (*contracted*) one version later, when nothing uses it
//! any more. A test applies them one by one and looks.

pub use sea_orm_migration::prelude::*;

mod m20261124_000001_create_tasks_and_users;
mod m20261124_000002_create_ledger_outbox_and_tombstones;
mod m20261125_000001_create_task_events;
mod m20261125_000002_create_decisions;
mod m20261127_000001_add_indexes;

/// Applies the migrations in order, each at most once.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_create_tasks_and_users::Migration),
            Box::new(m20261124_000002_create_ledger_outbox_and_tombstones::Migration),
            Box::new(m20261125_000001_create_task_events::Migration),
            Box::new(m20261125_000002_create_decisions::Migration),
            Box::new(m20261127_000001_add_indexes::Migration),
        ]
    }
}
