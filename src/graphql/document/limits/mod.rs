//! How much a document may ask for: its text before it is parsed, and its selections before it is validated, whose
//! cost grows with both. Fragments that no operation spreads count too, because validation looks at them.

mod count;
mod text;

use async_graphql::{Pos, Value, Variables, parser::types::ExecutableDocument};

use count::{Counter, Size};

/// Deepest nesting of selection sets, fragments included; the executor's own limit, which tells less.
const MAX_LEVELS: u64 = 32;

/// Limits of a document. What stands in a fragment counts wherever it is spread.
#[derive(Debug, Clone, Copy)]
pub struct DocumentLimits {
    /// Selected fields of an operation or fragment, like the next five.
    pub fields: u64,
    /// Nesting of selected fields. The introspection query of common clients needs 13.
    pub depth: u64,
    pub aliases: u64,
    /// Of an operation alone.
    pub root_fields: u64,
    pub directives: u64,
    /// Of the whole document, once for each selection set that a field is merged into, like all that follow.
    pub selections: u64,
    pub operations: u64,
    /// Definitions and uses.
    pub variables: u64,
    pub arguments: u64,
    /// Of one field or directive.
    pub arguments_at_once: u64,
    /// Scalars, lists and objects in arguments: enough to ask about as many permissions as one operation may.
    pub values: u64,
    /// The same in variables, which validation copies with each use.
    pub variable_values: u64,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            fields: 1_000,
            depth: 16,
            aliases: 50,
            root_fields: 20,
            directives: 50,
            selections: 5_000,
            operations: 50,
            variables: 500,
            arguments: 1_000,
            arguments_at_once: 20,
            values: 10_000,
            variable_values: 5_000,
        }
    }
}

/// Why a document is not validated, let alone executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentError {
    /// A block string has no end; it begins here.
    Unterminated(Pos),
    Exceeded(LimitExceeded),
    /// This spread leads back to the fragment that it stands in.
    Circle(Pos),
}

/// A limit that a document exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    pub what: &'static str,
    pub limit: u64,
    /// At least so much; counting stops at the largest number there is.
    pub actual: u64,
}

impl DocumentLimits {
    /// Looks at the text alone, so that the parser's recursion and time are bounded.
    ///
    /// # Errors
    /// It is too long, brackets are nested too deeply, or a block string has no end.
    pub fn check_text(&self, document: &str) -> Result<(), DocumentError> {
        text::check(document)
    }

    /// Looks at the variables that come with the document.
    ///
    /// # Errors
    /// There is too much in them.
    pub fn check_variables(&self, variables: &Variables) -> Result<(), DocumentError> {
        let actual = variables.values().map(values).sum();
        within("values in variables", self.variable_values, actual)
    }

    /// Looks at every operation and fragment of the document.
    ///
    /// # Errors
    /// The first limit that one of them exceeds, or a circle of fragments.
    pub fn check(&self, document: &ExecutableDocument) -> Result<(), DocumentError> {
        within("operations", self.operations, document.operations.iter().count() as u64)?;
        let mut counter = Counter::new(document);
        let mut selections = 0_u64;
        for (_, operation) in document.operations.iter() {
            let size = counter.operation(&operation.node);
            self.check_size(&size)?;
            within("root fields", self.root_fields, size.root_fields)?;
            selections = selections.saturating_add(size.merged);
        }
        for (name, fragment) in &document.fragments {
            let size = counter.fragment(name, fragment.pos);
            self.check_size(&size)?;
            selections = selections.saturating_add(size.merged);
        }
        if let Some(spread) = counter.circle {
            return Err(DocumentError::Circle(spread));
        }
        within("selections", self.selections, selections)?;
        within("variables", self.variables, counter.written.variables)?;
        within("arguments", self.arguments, counter.written.arguments)?;
        within("arguments of one field", self.arguments_at_once, counter.written.most_arguments)?;
        within("values in arguments", self.values, counter.written.values)
    }

    fn check_size(&self, size: &Size) -> Result<(), DocumentError> {
        within("nesting of selections", MAX_LEVELS, size.levels)?;
        within("fields", self.fields, size.fields)?;
        within("depth", self.depth, size.depth)?;
        within("aliases", self.aliases, size.aliases)?;
        within("directives", self.directives, size.directives)
    }
}

/// Scalars, lists and objects in `value`, whose nesting the JSON parser has bounded.
fn values(value: &Value) -> u64 {
    match value {
        Value::List(items) => 1 + items.iter().map(values).sum::<u64>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<u64>(),
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => 1,
    }
}

fn within(what: &'static str, limit: u64, actual: u64) -> Result<(), DocumentError> {
    if actual > limit { Err(DocumentError::Exceeded(LimitExceeded { what, limit, actual })) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
