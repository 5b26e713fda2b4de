//! Pages of a list, as Relay's connections specification has them: `first`/`after` from the front,
//! `last`/`before` from the back. Cursors are opaque, and bound to the list and the order that they were made for.

use async_graphql::SimpleObject;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    graphql::execution::error::ApiError,
    store::{End, Page, PageRequest, Position, SortValue},
};

/// Rows of a page when the client names no number.
pub(in crate::graphql) const DEFAULT_PAGE: i32 = 20;
/// Most rows of a page.
pub(in crate::graphql) const MAX_PAGE: i32 = 100;
/// Longest cursor that is looked at, in bytes; ours are shorter than titles allow.
const MAX_CURSOR: usize = 2_048;

/// Where this page stands in its list.
#[derive(SimpleObject, Debug, Clone)]
pub(super) struct PageInfo {
    /// Whether there are items behind this page.
    has_next_page: bool,
    /// Whether there are items before this page.
    has_previous_page: bool,
    /// Cursor of the first item; null for an empty page.
    start_cursor: Option<String>,
    /// Cursor of the last item; null for an empty page.
    end_cursor: Option<String>,
}

/// The four arguments of a connection, as sent.
#[derive(Debug, Default)]
pub(super) struct PageArguments {
    pub(in crate::graphql) first: Option<i32>,
    pub(in crate::graphql) after: Option<String>,
    pub(in crate::graphql) last: Option<i32>,
    pub(in crate::graphql) before: Option<String>,
}

/// A list in one of its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) struct Listing {
    /// The field that answers it.
    pub(in crate::graphql) list: &'static str,
    pub(in crate::graphql) order: &'static str,
    pub(super) sorted_by: Sorted,
}

/// What the rows of a list are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorted {
    Instant,
    Text,
}

/// The place of a row in a listing.
#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "l")]
    list: String,
    #[serde(rename = "o")]
    order: String,
    #[serde(rename = "p")]
    position: Position,
}

impl PageArguments {
    /// The page of `listing` that is asked for.
    ///
    /// # Errors
    /// Both `first` and `last`, a number outside 0 to [`MAX_PAGE`], or a cursor that is not of this list.
    pub(in crate::graphql) fn read(self, listing: Listing) -> Result<PageRequest, ApiError> {
        let (end, field, count) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_input("first", "Give either `first` or `last`, not both."));
            }
            (None, Some(last)) => (End::Last, "last", last),
            (first, None) => (End::First, "first", first.unwrap_or(DEFAULT_PAGE)),
        };
        let limit = u64::try_from(count).ok().filter(|_| count <= MAX_PAGE).ok_or_else(|| {
            ApiError::bad_input(field, format!("`{field}` is a number from 0 to {MAX_PAGE}."))
        })?;
        Ok(PageRequest {
            limit,
            end,
            after: self.after.map(|cursor| decode(&cursor, listing, "after")).transpose()?,
            before: self.before.map(|cursor| decode(&cursor, listing, "before")).transpose()?,
        })
    }
}

impl PageInfo {
    pub(in crate::graphql) fn of<T>(page: &Page<T>, cursor: impl Fn(&T) -> String) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.rows.first().map(&cursor),
            end_cursor: page.rows.last().map(&cursor),
        }
    }
}

/// The cursor of a row at `position` of `listing`.
pub(in crate::graphql) fn encode(listing: Listing, position: Position) -> String {
    let cursor = Cursor { list: listing.list.to_owned(), order: listing.order.to_owned(), position };
    // Serialising plain strings and numbers cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

fn decode(text: &str, listing: Listing, field: &str) -> Result<Position, ApiError> {
    let cursor = (text.len() <= MAX_CURSOR)
        .then(|| URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok())
        .ok_or_else(|| ApiError::bad_input(field, "This is not a cursor of this API."))?;
    if cursor.list != listing.list || cursor.order != listing.order {
        return Err(ApiError::bad_input(field, "This cursor belongs to another list, or to another order."));
    }
    // Databases differ in what they make of a value of another type, and PostgreSQL refuses a NUL.
    match (listing.sorted_by, &cursor.position.value) {
        (Sorted::Instant, SortValue::Instant(_)) => Ok(cursor.position),
        (Sorted::Text, SortValue::Text(text)) if !text.contains('\0') => Ok(cursor.position),
        _ => Err(ApiError::bad_input(field, "This is not a cursor of this API.")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn fuzz_cursors() {
        let id = Uuid::from_bytes([7; 16]);
        let [text, time] = [(BY_TITLE, SortValue::Text("a".to_owned())), (BY_TIME, SortValue::Instant(7))]
            .map(|(listing, value)| encode(listing, Position { value, id }));
        let json = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let json = String::from_utf8(json).unwrap();
        fuzz("cursors", &[&text, &time, &json], |bytes| {
            for text in [String::from_utf8_lossy(bytes).into_owned(), URL_SAFE_NO_PAD.encode(bytes)] {
                for listing in [BY_TITLE, BY_TIME] {
                    let _ = decode(&text, listing, "after");
                }
            }
        });
    }

    const BY_TITLE: Listing = Listing { list: "tasks", order: "TITLE_ASC", sorted_by: Sorted::Text };
    const BY_TIME: Listing = Listing { list: "tasks", order: "CREATED_AT_DESC", sorted_by: Sorted::Instant };

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(text in ".{0,200}", at: i64, textual: bool, id: [u8; 16]) {
            let text = text.replace('\0', "");
            let (listing, value) =
                if textual { (BY_TITLE, SortValue::Text(text)) } else { (BY_TIME, SortValue::Instant(at)) };
            let position = Position { value, id: Uuid::from_bytes(id) };
            let decoded = decode(&encode(listing, position.clone()), listing, "after").unwrap();
            prop_assert_eq!(decoded, position);
        }

        #[test]
        fn no_text_makes_decoding_panic(text in ".{0,300}") {
            let _ = decode(&text, BY_TITLE, "after");
        }
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let position = Position { value: SortValue::Instant(1), id: Uuid::nil() };
        let refusal = decode(&encode(BY_TIME, position), BY_TITLE, "after").unwrap_err();
        assert!(matches!(refusal, ApiError::BadInput { field, .. } if field == "after"));
    }
}
