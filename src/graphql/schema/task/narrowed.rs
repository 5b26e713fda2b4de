//! A page of the tasks that only object rules let the caller read. The database narrows the list to what the caller
//! owns or is to do, Permit has the last word on every row, and rows that it denies are replaced by further ones: a
//! page is full while there is anything to fill it with, and no hidden row shows in its flags or cursors.
//!
//! An operation that would have to ask about too many rows fails as a whole: a shorter page with a cursor behind the
//! last row that was looked at would tell of hidden ones.

use std::{collections::HashSet, sync::Arc};

use entity::task::Model;
use futures_util::future::try_join_all;

use crate::{
    graphql::execution::{
        context::{Operation, SignedIn},
        error::ApiError,
    },
    store::{Bound, End, Page, PageRequest, Range, TaskListQuery},
};

/// Rows that are looked at together when the first ones were not enough.
const CHUNK: usize = 100;

/// A walk along a part of the list until enough readable rows were found.
struct Walk {
    range: Range,
    end: End,
    wanted: usize,
    found: Vec<Arc<Model>>,
    rounds: usize,
    is_over: bool,
}

impl Walk {
    const fn new(range: Range, end: End, wanted: usize) -> Self {
        Self { range, end, wanted, found: Vec::new(), rounds: 0, is_over: wanted == 0 }
    }

    /// The next rows to be looked at.
    async fn step(&mut self, caller: &SignedIn, query: &TaskListQuery) -> Result<Vec<Arc<Model>>, ApiError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let limit = if self.rounds == 0 { self.wanted } else { CHUNK };
        self.rounds += 1;
        let rows = caller.store.scan_tasks(query, &self.range, self.end, limit as u64).await?;
        self.is_over = rows.len() < limit;
        if let Some(last) = rows.last() {
            let behind = Some(Bound::Beyond(query.order.position(last)));
            match self.end {
                End::First => self.range.after = behind,
                End::Last => self.range.before = behind,
            }
        }
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    fn take(&mut self, rows: Vec<Arc<Model>>, readable: &HashSet<uuid::Uuid>) {
        self.found.extend(rows.into_iter().filter(|row| readable.contains(&row.id)));
        self.is_over |= self.found.len() >= self.wanted;
    }
}

/// The page of the tasks in `query` that the caller may read.
pub(super) async fn page(
    operation: &Operation,
    query: &TaskListQuery,
    request: &PageRequest,
) -> Result<Page<Arc<Model>>, ApiError> {
    let caller = operation.signed_in()?;
    let asked = usize::try_from(request.limit).unwrap_or(usize::MAX - 1);
    // One more than asked for tells whether the list goes on; one row tells whether the cursor cut anything off.
    let mut walks = vec![Walk::new(request.range(), request.end, asked + 1)];
    walks.extend(request.cut_off().map(|range| Walk::new(range, request.end.opposite(), 1)));
    while walks.iter().any(|walk| !walk.is_over) {
        let steps = try_join_all(walks.iter_mut().map(|walk| walk.step(caller, query))).await?;
        let rows: Vec<Arc<Model>> = steps.iter().flatten().cloned().collect();
        caller.load_people(&rows).await?;
        let readable = operation.readable(rows).await?.iter().map(|row| row.id).collect();
        for (walk, rows) in walks.iter_mut().zip(steps) {
            walk.take(rows, &readable);
        }
    }
    let cut_off = walks.get(1).is_some_and(|walk| !walk.found.is_empty());
    let mut rows = std::mem::take(&mut walks[0].found);
    let goes_on = rows.len() > asked;
    rows.truncate(asked);
    Ok(Page::of(rows, request.end, goes_on, cut_off))
}
