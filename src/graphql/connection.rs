//! Pages of a list, as Relay's connections specification has them: `first`/`after` from the front,
//! `last`/`before` from the back. Cursors are opaque, and bound to the order that they were made for.

use async_graphql::SimpleObject;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::store::{End, Page, PageRequest, Position};

/// Rows of a page when the client names no number.
const DEFAULT_PAGE: i32 = 20;
/// Most rows of a page.
pub(super) const MAX_PAGE: i32 = 100;
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
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

/// The place of a row in a list that is ordered in one particular way.
#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "o")]
    order: String,
    #[serde(rename = "p")]
    position: Position,
}

impl PageArguments {
    /// The page that is asked for, of a list in the order called `order`.
    ///
    /// # Errors
    /// Both `first` and `last`, a number outside 0 to [`MAX_PAGE`], or a cursor that is not of this list.
    pub(super) fn read(self, order: &str) -> Result<PageRequest, ApiError> {
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
            after: self.after.map(|cursor| decode(&cursor, order, "after")).transpose()?,
            before: self.before.map(|cursor| decode(&cursor, order, "before")).transpose()?,
        })
    }
}

impl PageInfo {
    pub(super) fn of<T>(page: &Page<T>, cursor: impl Fn(&T) -> String) -> Self {
        Self {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: page.rows.first().map(&cursor),
            end_cursor: page.rows.last().map(&cursor),
        }
    }
}

/// The cursor of a row at `position` of a list in the order called `order`.
pub(super) fn encode(order: &str, position: Position) -> String {
    let cursor = Cursor { order: order.to_owned(), position };
    // Serialising plain strings and numbers cannot fail.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

fn decode(text: &str, order: &str, field: &str) -> Result<Position, ApiError> {
    let cursor = (text.len() <= MAX_CURSOR)
        .then(|| URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .and_then(|bytes| serde_json::from_slice::<Cursor>(&bytes).ok())
        .ok_or_else(|| ApiError::bad_input(field, "This is not a cursor of this API."))?;
    if cursor.order != order {
        return Err(ApiError::bad_input(field, "This cursor belongs to a list in another order."));
    }
    Ok(cursor.position)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::store::SortValue;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(text in ".{0,200}", at: i64, textual: bool, id: [u8; 16]) {
            let value = if textual { SortValue::Text(text) } else { SortValue::Instant(at) };
            let position = Position { value, id: Uuid::from_bytes(id) };
            let decoded = decode(&encode("TITLE_ASC", position.clone()), "TITLE_ASC", "after").unwrap();
            prop_assert_eq!(decoded, position);
        }

        #[test]
        fn no_text_makes_decoding_panic(text in ".{0,300}") {
            let _ = decode(&text, "TITLE_ASC", "after");
        }
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let position = Position { value: SortValue::Instant(1), id: Uuid::nil() };
        let refusal = decode(&encode("CREATED_AT_DESC", position), "TITLE_ASC", "after").unwrap_err();
        assert!(matches!(refusal, ApiError::BadInput { field, .. } if field == "after"));
    }
}
