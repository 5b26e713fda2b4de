//! A subscription has exactly one field at its root (section 5.2.4.1, "Single Root Field"). The library neither
//! checks that nor looks for the field in fragments: it would deliver nothing, silently.

use async_graphql::{Request, ServerError, Variables, parser::types::Selection};

use crate::graphql::{
    document::roots::{self, Roots, refusal},
    selected,
};

/// Whether the executor can take the operation as it stands.
pub(in crate::graphql) fn stands_alone(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    // What cannot be read is refused later.
    let Ok(document) = request.parsed_query() else { return true };
    let Some(operation) = selected(document, name.as_deref()) else { return true };
    match operation.selection_set.node.items.as_slice() {
        [only] => matches!(&only.node, Selection::Field(field) if field.node.directives.is_empty()),
        _ => false,
    }
}

/// Puts the one field of a valid subscription where the executor looks for it.
///
/// # Errors
/// There is more than one field, or it may be skipped.
pub(in crate::graphql) fn put_first(request: &mut Request) -> Result<(), ServerError> {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return Ok(()) };
    let Some(operation) = selected(document, name.as_deref()) else { return Ok(()) };
    let fields = Roots::of(document, operation, &Variables::default());
    if let Some(at) = fields.condition {
        return Err(refusal("`@skip` and `@include` cannot stand at the root of a subscription.", at));
    }
    if let Some(at) = fields.second() {
        return Err(refusal("A subscription has exactly one root field.", at));
    }
    roots::merge(request)
}
