//! Something that happened to a task, written in the transaction that did it. It outlives the task and whoever did it.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "task_events")]
pub struct Model {
    /// Given before the commit, so the order of all events is not exactly that of their commits. That of one task is.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// What clients know it by: `seq` would tell them how much goes on in other tenants.
    #[sea_orm(unique)]
    pub id: Uuid,
    pub tenant_id: String,
    pub task_id: Uuid,
    /// Of the task from then on. A deletion counts as one more, so that no version of a task occurs twice.
    pub version: i32,
    pub kind: Kind,
    /// Subject of whoever did it; `None` when it was nobody's request.
    pub by: Option<String>,
    pub at: i64,
    /// `None` for a task that is new.
    pub before: Option<Traits>,
    /// `None` for a task that is gone.
    pub after: Option<Traits>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub enum Kind {
    #[sea_orm(string_value = "CREATED")]
    Created,
    #[sea_orm(string_value = "UPDATED")]
    Updated,
    #[sea_orm(string_value = "DELETED")]
    Deleted,
}

/// The parts of a task by which subscribers choose and rules decide, so that both work for a task that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Traits {
    pub title: String,
    pub completed: bool,
    pub owner_id: Option<Uuid>,
    pub assignee_id: Option<Uuid>,
}

impl From<&super::task::Model> for Traits {
    fn from(task: &super::task::Model) -> Self {
        Self {
            title: task.title.clone(),
            completed: task.completed_at.is_some(),
            owner_id: task.owner_id,
            assignee_id: task.assignee_id,
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
