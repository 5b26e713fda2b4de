//! What an operation needs, for any variables.
//!
//! A need is *certain* when the field is resolved whatever the variables and the rows are: neither `@skip` nor `@include`
//! with a variable stands before it, and its object can be of no other type. An input field needs its permission for
//! certain when a value for it stands in the document itself. Everything else is needed perhaps.

use std::collections::BTreeMap;

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
    registry::{MetaTypeName, Registry},
};
use async_graphql_value::Value as Written;

use crate::graphql::{
    authorization::{
        directives::{Access, Need, Scope},
        rules::{Rule, Rules},
    },
    document::type_lookup::{possible, root},
};

/// A permission that an operation needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientNeed {
    pub resource: String,
    pub action: String,
    /// It is asked about one object, so that being its owner may be enough.
    pub on_object: bool,
    /// Whatever the variables and the rows are.
    pub is_certain: bool,
}

/// The needs of a valid operation, sorted; one that is certain somewhere is certain.
pub(super) fn of(
    registry: &Registry,
    rules: &Rules,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Vec<ClientNeed> {
    let mut walk = Walk { registry, rules, document, found: BTreeMap::new() };
    if let Some(root) = root(registry, operation.ty) {
        walk.set(&[root], true, &operation.selection_set.node);
    }
    let found = walk.found.into_iter();
    found
        .map(|((resource, action, on_object), is_certain)| ClientNeed {
            resource,
            action,
            on_object,
            is_certain,
        })
        .collect()
}

struct Walk<'a> {
    registry: &'a Registry,
    rules: &'a Rules,
    document: &'a ExecutableDocument,
    /// Resource, action, whether it is about an object; and whether it is certain.
    found: BTreeMap<(String, String, bool), bool>,
}

impl<'a> Walk<'a> {
    /// `types` are the object types that the set may be about.
    fn set(&mut self, types: &[&'a str], is_certain: bool, set: &'a SelectionSet) {
        for selection in &set.items {
            let Some(always) = always(selection.node.directives()) else { continue };
            let is_certain = is_certain && always;
            match &selection.node {
                Selection::Field(field) => self.field(types, is_certain, &field.node),
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref().map(|on| &*on.node.on.node);
                    self.narrowed(types, is_certain, on, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    let Some(fragment) = fragment else { continue };
                    let on = Some(&*fragment.node.type_condition.node.on.node);
                    self.narrowed(types, is_certain, on, &fragment.node.selection_set.node);
                }
            }
        }
    }

    fn narrowed(&mut self, types: &[&'a str], is_certain: bool, on: Option<&'a str>, set: &'a SelectionSet) {
        let Some(on) = on else { return self.set(types, is_certain, set) };
        let within = possible(self.registry, on);
        let left: Vec<&str> = types.iter().copied().filter(|ty| within.contains(ty)).collect();
        self.set(&left, is_certain && left.len() == types.len(), set);
    }

    fn field(&mut self, types: &[&'a str], is_certain: bool, field: &'a Field) {
        let is_certain_here = is_certain && types.len() == 1;
        let mut below: Vec<&'a str> = Vec::new();
        for ty in types {
            if let Some(rule) = self.rules.get(ty, &field.name.node) {
                let is_mutation = self.registry.mutation_type.as_deref() == Some(ty);
                self.rule(rule, is_certain_here, is_mutation, field);
            }
            let meta = self.registry.types.get(*ty).and_then(|ty| ty.field_by_name(&field.name.node));
            // Introspection, which needs nothing.
            let Some(meta) = meta else { continue };
            let answers = possible(self.registry, MetaTypeName::concrete_typename(&meta.ty));
            below.extend(answers.into_iter().filter(|ty| !below.contains(ty)).collect::<Vec<_>>());
        }
        self.set(&below, is_certain, &field.selection_set.node);
    }

    fn rule(&mut self, rule: &Rule, is_certain: bool, is_mutation: bool, field: &Field) {
        if let Access::Requires(need) = &rule.access {
            self.need(need, is_certain);
            // A mutation on an object that the caller may not read is told that there is none.
            if is_mutation && need.scope == Scope::Object {
                self.need(&Need { action: "get".to_owned(), ..need.clone() }, is_certain);
            }
        }
        for argument in &rule.arguments {
            if let Some(value) = field.get_argument(&argument.argument) {
                self.need(&argument.need, is_certain && says_something(&value.node));
            }
        }
        for input in &rule.inputs {
            let argument = field.get_argument(&input.argument).map(|value| &value.node);
            match argument {
                None => {}
                Some(Written::Object(members)) => match members.get(&Name::new(&input.field)) {
                    None => {}
                    Some(value) => self.need(&input.need, is_certain && says_something(value)),
                },
                Some(_) => self.need(&input.need, false),
            }
        }
    }

    fn need(&mut self, need: &Need, is_certain: bool) {
        let on_object = need.scope == Scope::Object;
        let key = (need.resource.clone(), need.action.clone(), on_object);
        *self.found.entry(key).or_default() |= is_certain;
    }
}

/// Whether `@skip` and `@include` let the selection be executed for all variables; `None`: for none.
fn always(directives: &[Positioned<Directive>]) -> Option<bool> {
    let mut always = true;
    for directive in directives {
        let executes = match &*directive.node.name.node {
            "skip" => false,
            "include" => true,
            _ => continue,
        };
        match directive.node.get_argument("if").map(|value| &value.node) {
            Some(Written::Boolean(given)) if *given != executes => return None,
            Some(Written::Boolean(_)) => {}
            _ => always = false,
        }
    }
    Some(always)
}

fn says_something(value: &Written) -> bool {
    value.clone().into_const().is_some_and(|value| value != Value::Null)
}
