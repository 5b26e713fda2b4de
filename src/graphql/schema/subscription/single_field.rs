//! A subscription has exactly one field at its root (section 5.2.4.1, "Single Root Field"). The library neither
//! checks that nor looks for the field in fragments: it would deliver nothing, silently.

use std::collections::{BTreeSet, HashSet};

use async_graphql::{
    Name, Positioned, Request, ServerError,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use crate::graphql::{document::variables, selected};

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
    let mut document = document.clone();
    let Some(operation) = selected(&document, name.as_deref()) else { return Ok(()) };
    let Some(field) = Roots::of(&document, operation)? else { return Ok(()) };
    let selection = Positioned::new(Selection::Field(field.clone()), field.pos);
    for (this, operation) in operations(&mut document) {
        if name.is_none() || this.map(Name::as_str) == name.as_deref() {
            operation.selection_set.node.items = vec![selection.clone()];
        }
    }
    request.set_parsed_query(document);
    // Fragments that nothing spreads any more would be a mistake of their own.
    variables::leave_out(request, &BTreeSet::new());
    Ok(())
}

fn operations(
    document: &mut ExecutableDocument,
) -> impl Iterator<Item = (Option<&Name>, &mut OperationDefinition)> {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};

    let (single, multiple) = match &mut document.operations {
        Single(operation) => (Some(operation), None),
        Multiple(operations) => (None, Some(operations)),
    };
    let single = single.into_iter().map(|operation| (None, &mut operation.node));
    let named = |(name, operation)| {
        let operation: &mut Positioned<OperationDefinition> = operation;
        (Some(name), &mut operation.node)
    };
    single.chain(multiple.into_iter().flatten().map(named))
}

/// What stands at the root of a subscription, wherever it is written.
struct Roots<'a> {
    document: &'a ExecutableDocument,
    visited: HashSet<&'a str>,
    /// In turn and not in depth: a chain of fragments may be as long as the document.
    pending: Vec<&'a SelectionSet>,
    field: Option<Positioned<Field>>,
}

impl<'a> Roots<'a> {
    fn of(
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
    ) -> Result<Option<Positioned<Field>>, ServerError> {
        let pending = vec![&operation.selection_set.node];
        let mut roots = Self { document, visited: HashSet::new(), pending, field: None };
        while let Some(set) = roots.pending.pop() {
            for selection in &set.items {
                roots.look(selection)?;
            }
        }
        Ok(roots.field)
    }

    fn look(&mut self, selection: &'a Positioned<Selection>) -> Result<(), ServerError> {
        let is_conditional = |name: &str| matches!(name, "skip" | "include");
        if selection.node.directives().iter().any(|directive| is_conditional(&directive.node.name.node)) {
            let message = "`@skip` and `@include` cannot stand at the root of a subscription.";
            return Err(refusal(message, selection));
        }
        match &selection.node {
            Selection::Field(field) => match &mut self.field {
                None => self.field = Some(field.clone()),
                Some(first) if first.node.response_key().node == field.node.response_key().node => {
                    // Valid documents have the same field and arguments under one key.
                    let items = field.node.selection_set.node.items.iter().cloned();
                    first.node.selection_set.node.items.extend(items);
                }
                Some(_) => return Err(refusal("A subscription has exactly one root field.", selection)),
            },
            Selection::InlineFragment(inline) => self.pending.push(&inline.node.selection_set.node),
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                if let Some(fragment) = self.document.fragments.get(name)
                    && self.visited.insert(name)
                {
                    self.pending.push(&fragment.node.selection_set.node);
                }
            }
        }
        Ok(())
    }
}

fn refusal(message: &str, at: &Positioned<Selection>) -> ServerError {
    let mut error = ServerError::new(message, Some(at.pos));
    error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
    error
}
