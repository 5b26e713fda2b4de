//! The fields at the root of an operation, wherever they are written (section 6.3.2, "Field Collection"). The library
//! executes each of them as often as it is written: a mutation that two fragments select would write twice, and a list
//! would be read twice and shown as one. Below the root the same object answers, so that it does not matter.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map::Entry};

use async_graphql::{
    Name, Pos, Positioned, Request, ServerError, Variables,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection,
    },
};
use async_graphql_value::ConstValue;

use super::variables;
use crate::graphql::selected;

/// A field of the root, whose selections are those of all places where it is written.
#[derive(Debug)]
struct Root<'a> {
    first: &'a Positioned<Field>,
    again: Vec<&'a Positioned<Field>>,
}

/// The fields of the root in the order of execution.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Roots<'a> {
    fields: Vec<Root<'a>>,
    /// Where the first `@skip` or `@include` is that decides about one of them.
    pub(in crate::graphql) condition: Option<Pos>,
}

impl<'a> Roots<'a> {
    /// The fields that `variables` leave in. Other operations of the document are not looked at.
    pub(in crate::graphql) fn of(
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: &Variables,
    ) -> Self {
        let mut roots = Self::default();
        let (mut visited, mut places) = (HashSet::new(), HashMap::new());
        // No recursion: a chain of fragments may be as long as the document.
        let mut pending = vec![operation.selection_set.node.items.iter()];
        while let Some(set) = pending.last_mut() {
            let Some(selection) = set.next() else {
                pending.pop();
                continue;
            };
            let directives = selection.node.directives();
            if directives.iter().any(is_condition) {
                roots.condition = roots.condition.or(Some(selection.pos));
                if !runs(directives, variables) {
                    continue;
                }
            }
            match &selection.node {
                Selection::Field(field) => roots.add(field, &mut places),
                Selection::InlineFragment(inline) => {
                    pending.push(inline.node.selection_set.node.items.iter());
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name)
                        && visited.insert(name)
                    {
                        pending.push(fragment.node.selection_set.node.items.iter());
                    }
                }
            }
        }
        roots
    }

    fn add(&mut self, field: &'a Positioned<Field>, places: &mut HashMap<&'a Name, usize>) {
        match places.entry(&field.node.response_key().node) {
            Entry::Occupied(place) => self.fields[*place.get()].again.push(field),
            Entry::Vacant(place) => {
                place.insert(self.fields.len());
                self.fields.push(Root { first: field, again: Vec::new() });
            }
        }
    }

    /// Where the field after the first is, if there is one.
    pub(in crate::graphql) fn second(&self) -> Option<Pos> {
        self.fields.get(1).map(|root| root.first.pos)
    }

    /// Each of them once, with all that is selected of it.
    fn merged(&self) -> Result<Vec<Positioned<Selection>>, ServerError> {
        let merge = |root: &Root<'a>| {
            let mut field = root.first.clone();
            for again in &root.again {
                if !is_same(root.first, again) {
                    return Err(conflict(again));
                }
                let items = again.node.selection_set.node.items.iter().cloned();
                field.node.selection_set.node.items.extend(items);
            }
            Ok(Positioned::new(Selection::Field(field), root.first.pos))
        };
        self.fields.iter().map(merge).collect()
    }
}

/// Whether the executor can take the operation as it stands, as nearly always.
pub(in crate::graphql) fn are_written_once(request: &mut Request) -> bool {
    let (name, variables) = (request.operation_name.clone(), std::mem::take(&mut request.variables));
    // What cannot be read is refused later.
    let once = request.parsed_query().ok().and_then(|document| {
        let operation = selected(document, name.as_deref())?;
        Some(Roots::of(document, operation, &variables).fields.iter().all(|root| root.again.is_empty()))
    });
    request.variables = variables;
    once.unwrap_or(true)
}

/// Puts each field of the root where the executor looks for it, once. The operation has been validated before.
///
/// # Errors
/// Two different fields would answer under one name.
pub(in crate::graphql) fn merge(request: &mut Request) -> Result<(), ServerError> {
    let (name, variables) = (request.operation_name.clone(), std::mem::take(&mut request.variables));
    // What cannot be read is refused later.
    let merged = request.parsed_query().ok().and_then(|document| {
        let operation = selected(document, name.as_deref())?;
        let fields = Roots::of(document, operation, &variables).merged();
        Some(fields.map(|fields| with_roots(document.clone(), name.as_deref(), &fields)))
    });
    request.variables = variables;
    if let Some(document) = merged.transpose()? {
        request.set_parsed_query(document);
        // Fragments that nothing spreads any more would be a mistake of their own.
        variables::leave_out(request, &BTreeSet::new());
    }
    Ok(())
}

fn with_roots(
    mut document: ExecutableDocument,
    name: Option<&str>,
    fields: &[Positioned<Selection>],
) -> ExecutableDocument {
    for operation in operations(&mut document, name) {
        operation.selection_set.node.items = fields.to_vec();
    }
    document
}

/// Those that may be meant by `name`: all of them, where there is none.
fn operations<'a>(
    document: &'a mut ExecutableDocument,
    name: Option<&'a str>,
) -> impl Iterator<Item = &'a mut OperationDefinition> {
    let (single, multiple) = match &mut document.operations {
        DocumentOperations::Single(operation) => (Some(&mut operation.node), None),
        DocumentOperations::Multiple(operations) => (None, Some(operations)),
    };
    let named = multiple.into_iter().flatten();
    let meant = named.filter(move |(this, _)| name.is_none_or(|name| *this == name));
    single.into_iter().chain(meant.map(|(_, operation)| &mut operation.node))
}

fn is_condition(directive: &Positioned<Directive>) -> bool {
    matches!(&*directive.node.name.node, "skip" | "include")
}

/// Whether all of `@skip` and `@include` leave it in. Coercion has given each variable its value.
fn runs(directives: &[Positioned<Directive>], variables: &Variables) -> bool {
    directives.iter().filter(|directive| is_condition(directive)).all(|directive| {
        let condition = directive.node.get_argument("if").map(|value| value.node.clone());
        let given = condition
            .and_then(|value| value.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok());
        given == Some(ConstValue::Boolean(directive.node.name.node == "include"))
    })
}

fn is_same(one: &Positioned<Field>, other: &Positioned<Field>) -> bool {
    let (one, other) = (&one.node, &other.node);
    one.name.node == other.name.node
        && one.arguments.len() == other.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(name, value)| other.get_argument(&name.node).is_some_and(|other| other.node == value.node))
}

fn conflict(field: &Positioned<Field>) -> ServerError {
    let key = &field.node.response_key().node;
    let message = format!("`{key}` is two different fields here: give one of them an alias.");
    refusal(message, field.pos)
}

/// The document is not valid.
pub(in crate::graphql) fn refusal(message: impl Into<String>, at: Pos) -> ServerError {
    let mut error = ServerError::new(message, Some(at));
    error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
    error
}
