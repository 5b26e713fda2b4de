//! What happened to one task: a page of its events, looked up together with those of the other tasks of the answer.

use async_graphql::{Context, ID, Result, SimpleObject};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::task_event::Model;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    graphql::{
        execution::{context::ContextExt as _, error::ApiError},
        instant,
        schema::{
            connection::{Listing, PageArguments, PageInfo, Sorted, encode},
            subscription::TaskChangeKind,
        },
    },
    store::{HistoryRequest, Page, Position, SortValue},
};

/// Versions are numbers, as points in time are. The id of a position is that of the task: no version occurs twice.
const LISTING: Listing = Listing { list: "history", order: "VERSION_DESC", sorted_by: Sorted::Instant };

/// A page of what happened to a task, newest first.
#[derive(SimpleObject, Debug)]
pub(in crate::graphql) struct TaskEventConnection {
    /// The events of this page with their cursors.
    edges: Vec<TaskEventEdge>,
    /// The events of this page.
    nodes: Vec<TaskEvent>,
    /// Where this page stands in the history.
    page_info: PageInfo,
}

/// Something that happened to a task, and its place in the history.
#[derive(SimpleObject, Debug)]
pub(in crate::graphql) struct TaskEventEdge {
    /// What happened.
    node: TaskEvent,
    /// Its place, for `after`.
    cursor: String,
}

/// A change of a task, as its history keeps it.
#[derive(SimpleObject, Debug, Clone)]
pub(in crate::graphql) struct TaskEvent {
    /// Unique and stable; an event is no `Node`.
    id: ID,
    /// What happened.
    kind: TaskChangeKind,
    /// The `sub` of whoever did it; null when nobody asked for it.
    by: Option<String>,
    /// When it happened.
    at: OffsetDateTime,
    /// The version of the task from then on.
    version: i32,
}

/// A page of the history of `task`.
pub(super) async fn history(
    ctx: &Context<'_>,
    task: Uuid,
    first: Option<i32>,
    after: Option<String>,
) -> Result<TaskEventConnection, ApiError> {
    let request = PageArguments { first, after, ..PageArguments::default() }.read(LISTING)?;
    let before = request.after.map(|position| version(&position, task)).transpose()?;
    let page = ctx.signed_in()?.load_history(task, HistoryRequest { limit: request.limit, before }).await?;
    TaskEventConnection::new(&page)
}

fn version(position: &Position, task: Uuid) -> Result<i32, ApiError> {
    match position.value {
        SortValue::Instant(version) if position.id == task => i32::try_from(version)
            .map_err(|_| ApiError::bad_input("after", "This is not a cursor of this API.")),
        _ => Err(ApiError::bad_input("after", "This cursor belongs to the history of another task.")),
    }
}

fn cursor(event: &Model) -> String {
    encode(LISTING, Position { value: SortValue::Instant(event.version.into()), id: event.task_id })
}

impl TaskEventConnection {
    fn new(page: &Page<Model>) -> Result<Self, ApiError> {
        let nodes = page.rows.iter().map(TaskEvent::new).collect::<Result<Vec<_>, _>>()?;
        let edge =
            |(node, event): (&TaskEvent, &Model)| TaskEventEdge { node: node.clone(), cursor: cursor(event) };
        Ok(Self {
            edges: nodes.iter().zip(&page.rows).map(edge).collect(),
            nodes,
            page_info: PageInfo::of(page, cursor),
        })
    }
}

impl TaskEvent {
    fn new(event: &Model) -> Result<Self, ApiError> {
        Ok(Self {
            id: ID(URL_SAFE_NO_PAD.encode(format!("TaskEvent:{}", event.id))),
            kind: event.kind.into(),
            by: event.by.clone(),
            at: instant(event.at)?,
            version: event.version,
        })
    }
}
