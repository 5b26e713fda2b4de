//! Pages by keyset: a page begins behind a *position* (sort value and id of a row), never at an offset, so rows
//! that come and go meanwhile are neither skipped nor repeated.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, Order, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select, Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoreError;

/// What a list is sorted by, at one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// A point in time, microseconds since the Unix epoch.
    Instant(i64),
    Text(String),
}

/// The place of a row in a list; it means the same after the row is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub value: SortValue,
    /// Breaks ties.
    pub id: Uuid,
}

/// From which end of the range the rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    First,
    Last,
}

/// A page: at most `limit` rows from one end of the range between two positions, both exclusive.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub limit: u64,
    pub end: End,
    pub after: Option<Position>,
    pub before: Option<Position>,
}

/// Rows in the list's order, and whether there are more on either side.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_next: bool,
    pub has_previous: bool,
}

/// The order of a list: a column, then the id in the same direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyset<C> {
    pub(super) column: C,
    pub(super) id: C,
    pub(super) descending: bool,
}

/// Which side of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl<C: ColumnTrait> Keyset<C> {
    fn order(self, reversed: bool) -> Order {
        if self.descending == reversed { Order::Asc } else { Order::Desc }
    }

    /// Rows strictly on one `side` of `position`.
    fn beyond(self, side: Side, position: &Position) -> Condition {
        let value = match &position.value {
            SortValue::Instant(at) => Value::from(*at),
            SortValue::Text(text) => Value::from(text.as_str()),
        };
        let greater = (side == Side::After) != self.descending;
        let (further, tied) = if greater {
            (self.column.gt(value.clone()), self.id.gt(position.id))
        } else {
            (self.column.lt(value.clone()), self.id.lt(position.id))
        };
        Condition::any().add(further).add(Condition::all().add(self.column.eq(value)).add(tied))
    }
}

/// Reads one page of `select`.
pub(super) async fn page<E, M>(
    db: &DatabaseConnection,
    select: Select<E>,
    keyset: Keyset<E::Column>,
    request: &PageRequest,
) -> Result<Page<M>, StoreError>
where
    E: EntityTrait<Model = M>,
    M: sea_orm::FromQueryResult + Sized + Send + Sync,
{
    let mut range = select.clone();
    for (side, position) in [(Side::After, &request.after), (Side::Before, &request.before)] {
        if let Some(position) = position {
            range = range.filter(keyset.beyond(side, position));
        }
    }
    let backward = request.end == End::Last;
    let order = keyset.order(backward);
    let mut rows = range
        .order_by(keyset.column, order.clone())
        .order_by(keyset.id, order)
        // One more than asked for tells whether the list goes on.
        .limit(request.limit + 1)
        .all(db)
        .await?;
    let asked = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let goes_on = rows.len() > asked;
    rows.truncate(asked);
    if backward {
        rows.reverse();
    }
    let (has_previous, has_next) = if backward {
        (goes_on, any_outside(db, select, keyset, Side::Before, request.before.as_ref()).await?)
    } else {
        (any_outside(db, select, keyset, Side::After, request.after.as_ref()).await?, goes_on)
    };
    Ok(Page { rows, has_next, has_previous })
}

/// Whether the cursor cut anything off: a row at the position itself, or on its other side.
async fn any_outside<E, M>(
    db: &DatabaseConnection,
    select: Select<E>,
    keyset: Keyset<E::Column>,
    side: Side,
    position: Option<&Position>,
) -> Result<bool, StoreError>
where
    E: EntityTrait<Model = M>,
    M: sea_orm::FromQueryResult + Sized + Send + Sync,
{
    let Some(position) = position else { return Ok(false) };
    let cut_off = select.filter(keyset.beyond(side, position).not()).limit(1);
    Ok(cut_off.count(db).await? > 0)
}
