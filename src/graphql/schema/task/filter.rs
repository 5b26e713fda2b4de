//! Which tasks a list shows, and in which order.

use async_graphql::{Enum, InputObject};

use crate::{
    graphql::{
        authorization::directives::{Scope, requires},
        execution::error::ApiError,
        schema::{
            connection::{Listing, Sorted},
            id::UserId,
            input::MAX_TITLE,
        },
    },
    store::{TaskListQuery, TaskOrder as StoredOrder, TaskSort},
};

/// Narrows a list of tasks; everything given must hold.
#[derive(InputObject, Debug, Default)]
pub(in crate::graphql) struct TaskFilter {
    /// Only tasks that are done (true) or open (false).
    completed: Option<bool>,
    /// Only tasks whose title has this part; letters A to Z match in either case.
    title_contains: Option<String>,
    /// Only tasks that this user created.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    owner_id: Option<UserId>,
    /// Only tasks that this user is to do.
    #[graphql(directive = requires::apply("user", "get", Scope::Tenant))]
    assignee_id: Option<UserId>,
}

/// The order of a list of tasks; the id decides between equals.
#[derive(InputObject, Debug)]
pub(in crate::graphql) struct TaskOrder {
    /// What to sort by.
    field: TaskOrderField,
    /// Which end comes first.
    direction: OrderDirection,
}

/// What tasks can be sorted by.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum TaskOrderField {
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// The title, by code point or by the collation of the database.
    Title,
}

/// Which end of a list comes first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum OrderDirection {
    /// The oldest, or A.
    Asc,
    /// The newest, or Z.
    Desc,
}

impl TaskFilter {
    /// # Errors
    /// A part of a title that no title can have.
    pub(in crate::graphql) fn query(self, order: Option<TaskOrder>) -> Result<TaskListQuery, ApiError> {
        if self
            .title_contains
            .as_ref()
            .is_some_and(|part| part.chars().count() > MAX_TITLE || part.contains('\0'))
        {
            return Err(ApiError::bad_input(
                "titleContains",
                format!("At most {MAX_TITLE} characters, none of them NUL."),
            ));
        }
        Ok(TaskListQuery {
            completed: self.completed,
            title_contains: self.title_contains.filter(|part| !part.is_empty()),
            owner_id: self.owner_id.map(|id| id.uuid),
            assignee_id: self.assignee_id.map(|id| id.uuid),
            related_to: None,
            order: order.map(StoredOrder::from).unwrap_or_default(),
        })
    }
}

impl From<TaskOrder> for StoredOrder {
    fn from(order: TaskOrder) -> Self {
        let sort = match order.field {
            TaskOrderField::CreatedAt => TaskSort::CreatedAt,
            TaskOrderField::UpdatedAt => TaskSort::UpdatedAt,
            TaskOrderField::Title => TaskSort::Title,
        };
        Self { sort, descending: order.direction == OrderDirection::Desc }
    }
}

/// The list of tasks in this order, as cursors know it.
pub(super) fn listing(order: StoredOrder) -> Listing {
    let (name, sorted_by) = match (order.sort, order.descending) {
        (TaskSort::CreatedAt, false) => ("CREATED_AT_ASC", Sorted::Instant),
        (TaskSort::CreatedAt, true) => ("CREATED_AT_DESC", Sorted::Instant),
        (TaskSort::UpdatedAt, false) => ("UPDATED_AT_ASC", Sorted::Instant),
        (TaskSort::UpdatedAt, true) => ("UPDATED_AT_DESC", Sorted::Instant),
        (TaskSort::Title, false) => ("TITLE_ASC", Sorted::Text),
        (TaskSort::Title, true) => ("TITLE_DESC", Sorted::Text),
    };
    Listing { list: "tasks", order: name, sorted_by }
}
