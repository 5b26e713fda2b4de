//! Leaves out of a document what is nothing but a variable that was not sent: "if no value is provided, no entry is
//! added" (sections 6.4.1 and 3.10); and with it fragments and variables that nothing uses any more, which would be a
//! mistake of their own. The document has been validated before, so nothing wrong is lost.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_graphql::{
    Name, Positioned, Request,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, FragmentDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value;

type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;
type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Replaces the document of `request` by its selected operation without the variables `omitted`, and without what is
/// nothing but one of them.
pub(in crate::graphql) fn leave_out(request: &mut Request, omitted: &BTreeSet<Name>) {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return };
    let document = without(document.clone(), name.as_deref(), omitted);
    request.set_parsed_query(document);
}

/// Other operations go, as they may spread the same fragments and declare the same variables.
pub(super) fn without(
    mut document: ExecutableDocument,
    name: Option<&str>,
    omitted: &BTreeSet<Name>,
) -> ExecutableDocument {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => {
            operations.retain(|operation, _| name.is_none_or(|name| operation == name));
            operations.values_mut().collect()
        }
    };
    for fragment in document.fragments.values_mut() {
        thin(&mut fragment.node.selection_set.node, omitted);
    }
    let mut reached = HashSet::new();
    for operation in operations {
        let operation = &mut operation.node;
        thin_directives(&mut operation.directives, omitted);
        thin(&mut operation.selection_set.node, omitted);
        let mut uses =
            Uses { fragments: &document.fragments, reached: HashSet::new(), variables: HashSet::new() };
        uses.directives(&operation.directives);
        uses.set(&operation.selection_set.node);
        let Uses { variables, reached: fragments, .. } = uses;
        let wanted: HashSet<Name> = variables.into_iter().cloned().collect();
        reached.extend(fragments.into_iter().cloned());
        operation.variable_definitions.retain(|definition| wanted.contains(&definition.node.name.node));
    }
    document.fragments.retain(|name, _| reached.contains(name));
    document
}

fn thin(set: &mut SelectionSet, omitted: &BTreeSet<Name>) {
    for selection in &mut set.items {
        thin_directives(selection.node.directives_mut(), omitted);
        match &mut selection.node {
            Selection::Field(field) => {
                thin_arguments(&mut field.node.arguments, omitted);
                thin(&mut field.node.selection_set.node, omitted);
            }
            Selection::InlineFragment(inline) => thin(&mut inline.node.selection_set.node, omitted),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn thin_directives(directives: &mut [Positioned<Directive>], omitted: &BTreeSet<Name>) {
    for directive in directives {
        thin_arguments(&mut directive.node.arguments, omitted);
    }
}

fn thin_arguments(arguments: &mut Arguments, omitted: &BTreeSet<Name>) {
    arguments.retain_mut(|(_, value)| stays(&mut value.node, omitted));
}

/// Whether an argument or entry with this value stays; what stays is thinned itself.
fn stays(value: &mut Value, omitted: &BTreeSet<Name>) -> bool {
    match value {
        Value::Variable(name) => return !omitted.contains(name),
        Value::Object(entries) => entries.retain(|_, value| stays(value, omitted)),
        Value::List(items) => {
            for item in items {
                if !stays(item, omitted) {
                    // The others keep their places.
                    *item = Value::Null;
                }
            }
        }
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
    true
}

/// What an operation uses, directly or through the fragments that it spreads.
struct Uses<'a> {
    fragments: &'a Fragments,
    reached: HashSet<&'a Name>,
    variables: HashSet<&'a Name>,
}

impl<'a> Uses<'a> {
    fn set(&mut self, set: &'a SelectionSet) {
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => {
                    self.arguments(&field.node.arguments);
                    self.set(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.fragments.get(name)
                        && self.reached.insert(name)
                    {
                        self.set(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        for directive in directives {
            self.arguments(&directive.node.arguments);
        }
    }

    fn arguments(&mut self, arguments: &'a Arguments) {
        for (_, value) in arguments {
            self.value(&value.node);
        }
    }

    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Variable(name) => drop(self.variables.insert(name)),
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(entries) => entries.values().for_each(|entry| self.value(entry)),
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }
}
