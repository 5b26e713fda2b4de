//! What happened to tasks, newest first.

use std::collections::HashMap;

use entity::task_event::{Column, Entity, Model};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, Order, QueryFilter as _, QueryOrder as _, Select,
    sea_query::{Alias, Expr, ExprTrait as _, Func, Query, SelectStatement, WindowStatement},
};
use uuid::Uuid;

use super::{Page, StoreError, TenantStore};

/// Which part of a history; the same one of several tasks is one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HistoryRequest {
    /// Most events of each task.
    pub limit: u64,
    /// Only events that led to earlier versions.
    pub before: Option<i32>,
}

impl TenantStore {
    /// The same page of the history of each of `tasks`; none of them is missing. One statement, in which the database
    /// numbers the events of each task, so that a page of tasks costs no query for each of its rows.
    ///
    /// # Errors
    /// The database failed.
    pub async fn histories(
        &self,
        tasks: &[Uuid],
        request: HistoryRequest,
    ) -> Result<HashMap<Uuid, Page<Model>>, StoreError> {
        let has_previous = request.before.is_some();
        let empty = || Page { rows: Vec::new(), has_next: false, has_previous };
        let mut pages: HashMap<Uuid, Page<Model>> = tasks.iter().map(|task| (*task, empty())).collect();
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        for event in self.newest_events(tasks, request).all(&self.db).await? {
            let page = pages.entry(event.task_id).or_insert_with(empty);
            if page.rows.len() < limit {
                page.rows.push(event);
            } else {
                page.has_next = true;
            }
        }
        Ok(pages)
    }

    /// The events of each page, and one more.
    pub(super) fn newest_events(&self, tasks: &[Uuid], request: HistoryRequest) -> Select<Entity> {
        let newest = self.numbered(tasks, request);
        Entity::find().filter(Column::Seq.in_subquery(newest)).order_by_desc(Column::Version)
    }

    /// Numbers of the first events of each page, and of one more.
    fn numbered(&self, tasks: &[Uuid], request: HistoryRequest) -> SelectStatement {
        let place = Alias::new("place");
        let newest_first =
            WindowStatement::partition_by(Column::TaskId).order_by(Column::Version, Order::Desc).take();
        let mut numbered = Query::select();
        numbered
            .column(Column::Seq)
            .expr_window_as(Func::cust("ROW_NUMBER"), newest_first, place.clone())
            .from(Entity)
            .and_where(Column::TenantId.eq(&*self.tenant))
            .and_where(Column::TaskId.is_in(tasks.iter().copied()));
        if let Some(before) = request.before {
            numbered.and_where(Column::Version.lt(before));
        }
        Query::select()
            .column(Column::Seq)
            .from_subquery(numbered.take(), Alias::new("numbered"))
            .and_where(Expr::col(place).lte(request.limit + 1))
            .take()
    }
}
