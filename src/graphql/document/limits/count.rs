//! What a document asks for, counted. Each fragment is looked at once, however often it is spread.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet},
};
use async_graphql_value::Value;

use super::MAX_LEVELS;

/// What a selection set asks for, fragments expanded where they are spread.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) fields: u64,
    pub(super) depth: u64,
    pub(super) aliases: u64,
    pub(super) root_fields: u64,
    pub(super) directives: u64,
    /// Nesting of selection sets, those of fragments included.
    pub(super) levels: u64,
    /// Fields, once for each selection set that they are merged into: so often validation looks at them.
    pub(super) merged: u64,
}

/// What is written in a document, wherever it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    /// Definitions and uses.
    pub(super) variables: u64,
    pub(super) arguments: u64,
    /// Arguments of the field or directive that has most of them.
    pub(super) most_arguments: u64,
    /// Scalars, lists and objects in arguments.
    pub(super) values: u64,
}

pub(super) struct Counter<'a> {
    document: &'a ExecutableDocument,
    /// `None` while a fragment is being counted.
    fragments: HashMap<&'a Name, Option<Size>>,
    /// Selection sets around the one that is being counted.
    level: u64,
    pub(super) written: Written,
    /// A spread that leads back to its own fragment.
    pub(super) circle: Option<Pos>,
    /// Selections looked at; stays linear in the document.
    pub(super) visited: u64,
}

impl<'a> Counter<'a> {
    pub(super) fn new(document: &'a ExecutableDocument) -> Self {
        let (fragments, written) = (HashMap::new(), Written::default());
        Self { document, fragments, level: 0, written, circle: None, visited: 0 }
    }

    pub(super) fn operation(&mut self, operation: &'a OperationDefinition) -> Size {
        let mut size = self.selections(&operation.selection_set.node);
        size.directives = size.directives.saturating_add(self.directives(&operation.directives));
        for variable in &operation.variable_definitions {
            self.written.variables += 1;
            size.directives = size.directives.saturating_add(self.directives(&variable.node.directives));
        }
        size
    }

    pub(super) fn fragment(&mut self, name: &'a Name, spread: Pos) -> Size {
        if let Some(known) = self.fragments.get(name) {
            if known.is_none() {
                self.circle = Some(spread);
            }
            return known.unwrap_or_default();
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            // Validation refuses it, and until then it is walked through like a field.
            return Size { root_fields: 1, ..Size::default() };
        };
        self.fragments.insert(name, None);
        let mut size = self.selections(&fragment.node.selection_set.node);
        size.directives = size.directives.saturating_add(self.directives(&fragment.node.directives));
        self.fragments.insert(name, Some(size));
        size
    }

    fn selections(&mut self, set: &'a SelectionSet) -> Size {
        if set.items.is_empty() {
            return Size::default();
        }
        if self.level > MAX_LEVELS {
            // A long chain of fragments must not use up the stack; whatever began it is too deep already.
            return Size { levels: 1, ..Size::default() };
        }
        self.level += 1;
        let mut total = Size::default();
        for selection in &set.items {
            self.visited += 1;
            let (size, directives) = match &selection.node {
                Selection::Field(field) => {
                    let below = self.selections(&field.node.selection_set.node);
                    self.arguments(&field.node.arguments);
                    (below.below_field(field.node.alias.is_some()), &field.node.directives)
                }
                Selection::InlineFragment(inline) => {
                    (self.selections(&inline.node.selection_set.node), &inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    (self.fragment(&spread.node.fragment_name.node, selection.pos), &spread.node.directives)
                }
            };
            total = total.and(size);
            total.directives = total.directives.saturating_add(self.directives(directives));
        }
        self.level -= 1;
        total.levels += 1;
        total.merged = total.merged.saturating_add(total.root_fields);
        total
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) -> u64 {
        for directive in directives {
            self.arguments(&directive.node.arguments);
        }
        directives.len() as u64
    }

    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Value>)]) {
        let count = arguments.len() as u64;
        self.written.arguments += count;
        self.written.most_arguments = self.written.most_arguments.max(count);
        for (_, value) in arguments {
            self.value(&value.node);
        }
    }

    fn value(&mut self, value: &Value) {
        self.written.values += 1;
        match value {
            Value::Variable(_) => self.written.variables += 1,
            Value::List(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(members) => members.values().for_each(|member| self.value(member)),
            Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_) => {}
        }
    }
}

impl Size {
    /// Of a field that selects this.
    const fn below_field(self, aliased: bool) -> Self {
        Self {
            fields: self.fields.saturating_add(1),
            depth: self.depth.saturating_add(1),
            aliases: self.aliases.saturating_add(aliased as u64),
            root_fields: 1,
            ..self
        }
    }

    const fn and(self, other: Self) -> Self {
        const fn larger(one: u64, other: u64) -> u64 {
            if one > other { one } else { other }
        }
        Self {
            fields: self.fields.saturating_add(other.fields),
            depth: larger(self.depth, other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            directives: self.directives.saturating_add(other.directives),
            levels: larger(self.levels, other.levels),
            merged: self.merged.saturating_add(other.merged),
        }
    }
}
