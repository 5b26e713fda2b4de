//! A task of one tenant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    /// Version 7, so that ids of one node follow the order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tenant_id: String,
    pub title: String,
    pub notes: Option<String>,
    /// When it was ticked off; `None` while it is open.
    pub completed_at: Option<i64>,
    /// Who created it; `None` once that user was removed.
    pub owner_id: Option<Uuid>,
    pub assignee_id: Option<Uuid>,
    /// Starts at 1 and grows by one with every change.
    pub version: i32,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
