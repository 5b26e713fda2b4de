//! Pages by keyset: a page begins behind a *position* (sort value and id of a row), never at an offset, so rows
//! that come and go meanwhile are neither skipped nor repeated.

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, FromQueryResult, Order, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _},
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

/// Where a range of a list begins or ends.
#[derive(Debug, Clone)]
pub enum Bound {
    /// Behind the row at this position.
    Beyond(Position),
    /// With it.
    At(Position),
}

/// A part of a list, in its order.
#[derive(Debug, Clone, Default)]
pub struct Range {
    pub after: Option<Bound>,
    pub before: Option<Bound>,
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

    fn within(self, range: &Range) -> Condition {
        let mut within = Condition::all();
        for (side, bound) in [(Side::After, &range.after), (Side::Before, &range.before)] {
            if let Some(bound) = bound {
                within = within.add(self.from(side, bound));
            }
        }
        within
    }

    /// Rows on one `side` of `bound`. Both columns are compared at once, so that an index over them finds the first.
    fn from(self, side: Side, bound: &Bound) -> Expr {
        let (Bound::Beyond(position) | Bound::At(position)) = bound;
        let value = match &position.value {
            SortValue::Instant(at) => Expr::val(*at),
            SortValue::Text(text) => Expr::val(text.as_str()),
        };
        let row = Expr::tuple([self.column.into_expr(), self.id.into_expr()]);
        let place = Expr::tuple([value, Expr::val(position.id)]);
        match ((side == Side::After) != self.descending, bound) {
            (true, Bound::Beyond(_)) => row.gt(place),
            (true, Bound::At(_)) => row.gte(place),
            (false, Bound::Beyond(_)) => row.lt(place),
            (false, Bound::At(_)) => row.lte(place),
        }
    }
}

impl PageRequest {
    /// What the page may be taken from.
    pub fn range(&self) -> Range {
        Range { after: self.after.clone().map(Bound::Beyond), before: self.before.clone().map(Bound::Beyond) }
    }

    /// What the cursor at the page's own end cut off: a row at the position itself, and all on its other side.
    pub fn cut_off(&self) -> Option<Range> {
        match self.end {
            End::First => self.after.clone().map(|at| Range { after: None, before: Some(Bound::At(at)) }),
            End::Last => self.before.clone().map(|at| Range { after: Some(Bound::At(at)), before: None }),
        }
    }
}

impl End {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::First => Self::Last,
            Self::Last => Self::First,
        }
    }
}

/// Reads one page of `select`, as rows of the shape `M`.
pub(super) async fn page<E: EntityTrait, M: FromQueryResult>(
    db: &DatabaseConnection,
    select: Select<E>,
    keyset: Keyset<E::Column>,
    request: &PageRequest,
) -> Result<Page<M>, StoreError>
where
    E::Model: Sync,
{
    // One more than asked for tells whether the list goes on.
    let mut rows = rows(db, select.clone(), keyset, &request.range(), request.end, request.limit + 1).await?;
    let asked = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let goes_on = rows.len() > asked;
    rows.truncate(asked);
    let cut_off = match request.cut_off() {
        Some(range) => select.filter(keyset.within(&range)).limit(1).count(db).await? > 0,
        None => false,
    };
    Ok(Page::of(rows, request.end, goes_on, cut_off))
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(change).collect();
        Page { rows, has_next: self.has_next, has_previous: self.has_previous }
    }

    /// A page of rows that were read from `end`, the outermost first.
    pub fn of(mut rows: Vec<T>, end: End, goes_on: bool, cut_off: bool) -> Self {
        match end {
            End::First => Self { rows, has_next: goes_on, has_previous: cut_off },
            End::Last => {
                rows.reverse();
                Self { rows, has_next: cut_off, has_previous: goes_on }
            }
        }
    }
}

/// At most `limit` rows of `range`, from one end of it, the outermost first, in the shape `M`.
pub(super) async fn rows<E: EntityTrait, M: FromQueryResult>(
    db: &DatabaseConnection,
    select: Select<E>,
    keyset: Keyset<E::Column>,
    range: &Range,
    end: End,
    limit: u64,
) -> Result<Vec<M>, StoreError> {
    Ok(selected(select, keyset, range, end, limit).into_model().all(db).await?)
}

pub(super) fn selected<E: EntityTrait>(
    select: Select<E>,
    keyset: Keyset<E::Column>,
    range: &Range,
    end: End,
    limit: u64,
) -> Select<E> {
    let order = keyset.order(end == End::Last);
    select
        .filter(keyset.within(range))
        .order_by(keyset.column, order.clone())
        .order_by(keyset.id, order)
        .limit(limit)
}
