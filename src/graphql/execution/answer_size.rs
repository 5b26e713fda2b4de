//! How large an answer may become. What an operation costs bounds how many values it has, and this how long its texts
//! are together, while they are resolved: nothing has to be built that will not be sent. What does not fit is an error
//! like any other, so that the fields of a mutation before it still tell what they did.

use std::{
    iter::once,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, ServerError, ServerResult, Value, parser::types::Field,
};

use crate::graphql::document::limits::LimitExceeded;

/// Largest answer, in bytes: keys and texts, and a few for each other value.
const MAX_ANSWER_BYTES: u64 = 10 * 1024 * 1024;
/// Of what is neither a text nor made of other values, and of the punctuation around each value.
const SMALL: usize = 8;

/// Marks an error of an answer that is too large already, which is told once.
pub(super) struct Overfull;

/// Bytes of the leaves that were resolved so far.
#[derive(Default)]
pub(super) struct AnswerSize(AtomicU64);

impl AnswerSize {
    /// Another answer begins: the next event of a subscription.
    pub(super) fn reset(&self) {
        self.0.store(0, Relaxed);
    }

    /// Counts the value of a field, unless it does not fit into the answer any more.
    pub(in crate::graphql) fn takes(&self, value: &Value, field: &Field) -> bool {
        let Some(bytes) = size(value, field) else { return true };
        let fits = |before: u64| before.checked_add(bytes).filter(|after| *after <= MAX_ANSWER_BYTES);
        self.0.fetch_update(Relaxed, Relaxed, fits).is_ok()
    }

    /// Lets the value of a field through.
    ///
    /// # Errors
    /// It does not fit into the answer any more; marked as [`Overfull`] except for the first.
    pub(super) fn admit(
        &self,
        value: Option<Value>,
        field: &Field,
        path: &QueryPathNode<'_>,
    ) -> ServerResult<Option<Value>> {
        let Some(bytes) = value.as_ref().and_then(|value| size(value, field)) else { return Ok(value) };
        let before = self.0.fetch_add(bytes, Relaxed);
        let actual = before.saturating_add(bytes);
        if actual <= MAX_ANSWER_BYTES {
            return Ok(value);
        }
        let exceeded = LimitExceeded { what: "bytes of the answer", limit: MAX_ANSWER_BYTES, actual };
        let mut error = too_large(exceeded);
        error.path = segments(path);
        error.locations = vec![field.name.pos];
        error.source = (before > MAX_ANSWER_BYTES).then(|| Arc::new(Overfull) as _);
        Err(error)
    }
}

/// Of a leaf with its key. Whatever is made of other values was counted with them.
fn size(value: &Value, field: &Field) -> Option<u64> {
    let bytes = match value {
        Value::List(_) | Value::Object(_) => return None,
        Value::String(text) => text.len(),
        Value::Enum(name) => name.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::Null | Value::Number(_) | Value::Boolean(_) => SMALL,
    };
    Some((bytes + field.response_key().node.len() + SMALL) as u64)
}

fn too_large(exceeded: LimitExceeded) -> ServerError {
    let message = "The answer is too large; ask for fewer rows or fields at once.";
    let mut error = ServerError::new(message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", "QUERY_TOO_COMPLEX");
    extensions.set("what", exceeded.what);
    extensions.set("limit", exceeded.limit);
    extensions.set("actual", exceeded.actual);
    error
}

fn segments(path: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let nodes: Vec<_> = once(path).chain(path.parents()).collect();
    let segment = |node: &&QueryPathNode<'_>| match node.segment {
        QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        QueryPathSegment::Index(index) => PathSegment::Index(index),
    };
    nodes.iter().rev().map(segment).collect()
}
