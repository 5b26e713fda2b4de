//! Tasks of a tenant, as they are read.

use entity::{
    task::{Column, Entity, Model, Row},
    task_event::{self, Traits},
};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Select};
use uuid::Uuid;

use super::{
    End, Page, PageRequest, Position, Range, SortValue, StoreError, TenantStore,
    page::{Keyset, page, rows},
};

/// Which tasks, in which order.
#[derive(Debug, Clone, Default)]
pub struct TaskListQuery {
    pub completed: Option<bool>,
    /// Part of the title; letters A to Z match in either case.
    pub title_contains: Option<String>,
    pub owner_id: Option<Uuid>,
    pub assignee_id: Option<Uuid>,
    /// Only tasks that this user owns or is to do.
    pub related_to: Option<Uuid>,
    pub order: TaskOrder,
}

/// What tasks are sorted by; newest first unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskOrder {
    pub sort: TaskSort,
    pub descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskSort {
    CreatedAt,
    UpdatedAt,
    Title,
}

impl TaskListQuery {
    /// Whether the event made a task one of those described, changed one of them, or took one from them.
    pub fn concerns(&self, event: &task_event::Model) -> bool {
        event.before.iter().chain(&event.after).any(|task| self.describes(task))
    }

    /// Whether a task with these traits is one of those described. The same question that
    /// [`TenantStore::list_tasks`] asks the database, where both match A to Z in either case.
    pub fn describes(&self, task: &Traits) -> bool {
        let has = |part: &String| task.title.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        self.completed.is_none_or(|completed| completed == task.completed)
            && self.title_contains.as_ref().is_none_or(has)
            && self.owner_id.is_none_or(|owner| task.owner_id == Some(owner))
            && self.assignee_id.is_none_or(|assignee| task.assignee_id == Some(assignee))
    }
}

impl Default for TaskOrder {
    fn default() -> Self {
        Self { sort: TaskSort::CreatedAt, descending: true }
    }
}

impl TaskOrder {
    /// Where `task` stands in this order.
    pub fn position(self, task: &Model) -> Position {
        let value = match self.sort {
            TaskSort::CreatedAt => SortValue::Instant(task.created_at),
            TaskSort::UpdatedAt => SortValue::Instant(task.updated_at),
            TaskSort::Title => SortValue::Text(task.title.clone()),
        };
        Position { value, id: task.id }
    }

    pub(super) fn keyset(self) -> Keyset<Column> {
        let column = match self.sort {
            TaskSort::CreatedAt => Column::CreatedAt,
            TaskSort::UpdatedAt => Column::UpdatedAt,
            TaskSort::Title => Column::Title,
        };
        Keyset { column, id: Column::Id, descending: self.descending }
    }
}

impl TenantStore {
    pub(super) fn tasks(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(&*self.tenant))
    }

    /// The task `id`, if this tenant has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_task(&self, id: Uuid) -> Result<Option<Model>, StoreError> {
        Ok(self.tasks().filter(Column::Id.eq(id)).one(&self.db).await?)
    }

    /// Those of `ids` that this tenant has, in no order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_tasks(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(self.tasks().filter(Column::Id.is_in(ids)).all(&self.db).await?)
    }

    /// One page of the tasks that `query` describes.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list_tasks(
        &self,
        query: &TaskListQuery,
        request: &PageRequest,
    ) -> Result<Page<Model>, StoreError> {
        let page = page(&self.db, self.matching(query), query.order.keyset(), request).await?;
        Ok(page.map(|Row(task)| task))
    }

    /// At most `limit` of the tasks that `query` describes, from one end of `range`, the outermost first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn scan_tasks(
        &self,
        query: &TaskListQuery,
        range: &Range,
        end: End,
        limit: u64,
    ) -> Result<Vec<Model>, StoreError> {
        let rows = rows(&self.db, self.matching(query), query.order.keyset(), range, end, limit).await?;
        Ok(rows.into_iter().map(|Row(task)| task).collect())
    }

    /// How many tasks `query` describes.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_tasks(&self, query: &TaskListQuery) -> Result<u64, StoreError> {
        Ok(self.matching(query).count(&self.db).await?)
    }

    pub(super) fn matching(&self, query: &TaskListQuery) -> Select<Entity> {
        let mut select = self.tasks();
        if let Some(completed) = query.completed {
            let column = Column::CompletedAt;
            select = select.filter(if completed { column.is_not_null() } else { column.is_null() });
        }
        if let Some(part) = &query.title_contains {
            select = select.filter(self.contains(Column::Title, part));
        }
        if let Some(owner) = query.owner_id {
            select = select.filter(Column::OwnerId.eq(owner));
        }
        if let Some(assignee) = query.assignee_id {
            select = select.filter(Column::AssigneeId.eq(assignee));
        }
        if let Some(user) = query.related_to {
            let related = Condition::any().add(Column::OwnerId.eq(user)).add(Column::AssigneeId.eq(user));
            select = select.filter(related);
        }
        select
    }
}
