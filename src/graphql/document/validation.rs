//! What the library's validation overlooks. Each of these would be found by the resolver, after earlier fields of a
//! mutation have written, or not at all:
//!
//! - a variable in a place of another type (section 5.8.5, "All Variable Usages Are Allowed"): the library has the
//!   rule, but its visitor never calls it. What is left out of a document would hide such a mistake until somebody
//!   sends a value.
//! - a literal `Int` out of range, and a literal in the place of an input object that is none (5.6.1).
//! - arguments and directives of `__typename`, which the library does not visit.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection,
        SelectionSet, VariableDefinition,
    },
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};
use async_graphql_value::Value;

use super::type_lookup::root;

/// Mistakes that are told at once.
const MAX_TOLD: usize = 20;

/// One error for each mistake in the operation. Fields and arguments that `registry` does not know are left to the
/// library.
pub(in crate::graphql) fn overlooked(
    registry: &Registry,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Vec<ServerError> {
    let definitions = &operation.variable_definitions;
    let variables =
        definitions.iter().map(|definition| (&definition.node.name.node, &definition.node)).collect();
    let mut places = Places {
        registry,
        document,
        variables,
        visited: HashSet::new(),
        pending: Vec::new(),
        pos: Pos::default(),
        errors: Vec::new(),
    };
    let root = root(registry, operation.ty);
    places.selections(root, &operation.selection_set.node);
    while let Some(fragment) = places.pending.pop() {
        places.selections(Some(&fragment.type_condition.node.on.node), &fragment.selection_set.node);
    }
    places.errors
}

struct Places<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    variables: HashMap<&'a Name, &'a VariableDefinition>,
    /// Fragments, each of which is looked at once, wherever it is spread.
    visited: HashSet<&'a Name>,
    /// In turn and not in depth: a chain of them may be as long as the document.
    pending: Vec<&'a FragmentDefinition>,
    /// Of the argument that is being looked at.
    pos: Pos,
    errors: Vec<ServerError>,
}

impl<'a> Places<'a> {
    fn selections(&mut self, parent: Option<&'a str>, set: &'a SelectionSet) {
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => self.field(parent, &field.node),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let ty = condition.map(|condition| condition.node.on.node.as_str()).or(parent);
                    self.selections(ty, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.visited.insert(name)
                    {
                        self.pending.push(&fragment.node);
                    }
                }
            }
        }
    }

    fn field(&mut self, parent: Option<&'a str>, field: &'a Field) {
        if field.name.node == "__typename" {
            let known =
                |directive: &Positioned<Directive>| matches!(&*directive.node.name.node, "skip" | "include");
            if !field.arguments.is_empty() || !field.directives.iter().all(known) {
                self.pos = field.name.pos;
                self.refuse(
                    "`__typename` takes no arguments, and no directives but `@skip` and `@include`."
                        .to_owned(),
                );
            }
            return;
        }
        let parent = parent.and_then(|parent| self.registry.types.get(parent));
        let meta = parent.and_then(|parent| parent.field_by_name(&field.name.node));
        for (name, value) in &field.arguments {
            if let Some(input) = meta.and_then(|meta| meta.args.get(name.node.as_str())) {
                self.pos = name.pos;
                self.input(input, &value.node);
            }
        }
        let ty = meta.map(|meta| MetaTypeName::concrete_typename(&meta.ty));
        self.selections(ty, &field.selection_set.node);
    }

    /// `@skip` and `@include`; the schema has no other directive that an operation may carry.
    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        for (name, value) in directives.iter().flat_map(|directive| &directive.node.arguments) {
            if name.node == "if" {
                self.pos = name.pos;
                self.value("Boolean!", false, &value.node);
            }
        }
    }

    fn input(&mut self, input: &'a MetaInputValue, value: &'a Value) {
        self.value(&input.ty, input.default_value.is_some(), value);
    }

    fn value(&mut self, ty: &'a str, has_default: bool, value: &'a Value) {
        match (value, MetaTypeName::create(ty.strip_suffix('!').unwrap_or(ty))) {
            (Value::Variable(name), _) => self.variable(ty, has_default, name),
            (Value::List(items), MetaTypeName::List(item)) => {
                for value in items {
                    self.value(item, false, value);
                }
            }
            // A single value stands for a list of one.
            (value, MetaTypeName::List(item)) => self.value(item, false, value),
            (value, MetaTypeName::Named(name)) => self.literal(ty, name, value),
            (_, MetaTypeName::NonNull(_)) => {}
        }
    }

    fn literal(&mut self, ty: &str, name: &'a str, value: &'a Value) {
        let fits = match (value, self.registry.types.get(name)) {
            (Value::Object(entries), Some(MetaType::InputObject { input_fields, .. })) => {
                for (key, value) in entries {
                    match (input_fields.get(key.as_str()), value) {
                        (Some(input), value) => self.input(input, value),
                        (None, Value::Variable(variable)) => self.nowhere(name, variable),
                        (None, _) => {}
                    }
                }
                true
            }
            (Value::Number(number), _) if name == "Int" => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
            }
            (value, Some(MetaType::InputObject { .. })) => *value == Value::Null,
            _ => true,
        };
        if !fits {
            self.refuse(format!("The value here must be of type `{ty}`."));
        }
    }

    /// The library looks at an input object only when all of its variables were sent.
    fn nowhere(&mut self, input: &str, name: &Name) {
        self.refuse(format!("Variable `${name}` stands in a field that `{input}` does not have."));
    }

    fn variable(&mut self, ty: &str, has_default: bool, name: &Name) {
        let Some(definition) = self.variables.get(name) else { return };
        let declared = definition.var_type.node.to_string();
        // Where either side has a default, a variable that may be absent is no hole.
        let place = if has_default || definition.default_value.is_some() {
            ty.strip_suffix('!').unwrap_or(ty)
        } else {
            ty
        };
        if !stands(place, &declared) {
            self.refuse(format!(
                "Variable `${name}` of type `{declared}` cannot stand where `{ty}` is expected."
            ));
        }
    }

    fn refuse(&mut self, message: String) {
        if self.errors.len() < MAX_TOLD {
            let mut error = ServerError::new(message, Some(self.pos));
            error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
            self.errors.push(error);
        }
    }
}

/// Whether a variable declared as `declared` may stand where `place` is expected. The library's own comparison
/// refuses a non-null list in the place of a nullable one.
fn stands(place: &str, declared: &str) -> bool {
    match (place.strip_suffix('!'), declared.strip_suffix('!')) {
        (Some(_), None) => false,
        (Some(place), Some(declared)) => stands(place, declared),
        (None, Some(declared)) => stands(place, declared),
        (None, None) => match (MetaTypeName::create(place), MetaTypeName::create(declared)) {
            (MetaTypeName::List(place), MetaTypeName::List(declared)) => stands(place, declared),
            (MetaTypeName::Named(place), MetaTypeName::Named(declared)) => place == declared,
            _ => false,
        },
    }
}
