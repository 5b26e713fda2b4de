//! A task of one tenant.

use sea_orm::{FromQueryResult, QueryResult, entity::prelude::*};

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

/// A row of [`Entity::find`], read by the places of its columns. Looking for them by their names, as a [`Model`] does, is
/// most of what reading a list takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Model);

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, _prefix: &str) -> Result<Self, DbErr> {
        Ok(Self(Model {
            id: row.try_get_by_index(Column::Id as usize)?,
            tenant_id: row.try_get_by_index(Column::TenantId as usize)?,
            title: row.try_get_by_index(Column::Title as usize)?,
            notes: row.try_get_by_index(Column::Notes as usize)?,
            completed_at: row.try_get_by_index(Column::CompletedAt as usize)?,
            owner_id: row.try_get_by_index(Column::OwnerId as usize)?,
            assignee_id: row.try_get_by_index(Column::AssigneeId as usize)?,
            version: row.try_get_by_index(Column::Version as usize)?,
            created_at: row.try_get_by_index(Column::CreatedAt as usize)?,
            updated_at: row.try_get_by_index(Column::UpdatedAt as usize)?,
        }))
    }
}
