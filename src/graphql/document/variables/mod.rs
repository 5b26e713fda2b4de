//! Variables, coerced before anything is executed, as the specification has it (section 6.1.2, "Coercing Variable
//! Values"). The executor of async-graphql 7.0 reads a variable only when a field asks for it: a wrong one would be
//! found after earlier fields of a mutation have written, and one that was not sent would be read as `null`, which
//! in a patch clears.
//!
//! Called by [`Api::execute`](crate::graphql::Api::execute) for every operation. When every declared variable was sent, this
//! is one look at each value and nothing more.

mod coercion;
mod omission;
mod rehearsal;

use std::collections::BTreeSet;

use async_graphql::{
    Name, Request, ServerError, Variables, parser::types::OperationDefinition, registry::Registry,
};

pub(in crate::graphql) use omission::leave_out;
pub(in crate::graphql) use rehearsal::{OnlyValidate, rehearsal};

use super::validation;
use crate::graphql::selected;

/// Wrong variables that are told at once; a document may declare thousands.
const MAX_TOLD: usize = 20;

/// What the variables of a request are not.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Shortcomings {
    /// Nullable variables without value and default: whatever is nothing but one of them counts as not written.
    pub(in crate::graphql) omitted: BTreeSet<Name>,
    /// One error for each mistake that validation overlooks, else for each variable that is missing or not of its type.
    pub(in crate::graphql) errors: Vec<ServerError>,
}

impl Shortcomings {
    pub(in crate::graphql) fn is_empty(&self) -> bool {
        self.omitted.is_empty() && self.errors.is_empty()
    }
}

/// Looks at every variable that the selected operation declares, and adds the defaults of those that were not sent.
/// Types that `registry` does not know as inputs are left to validation.
pub(in crate::graphql) fn coerce(registry: &Registry, request: &mut Request) -> Shortcomings {
    // The parsed document can only be borrowed together with the whole request.
    let mut variables = std::mem::take(&mut request.variables);
    let name = request.operation_name.clone();
    let found = request.parsed_query().ok().and_then(|document| {
        let operation = selected(document, name.as_deref())?;
        let errors = validation::overlooked(registry, document, operation);
        Some(if errors.is_empty() {
            shortcomings(registry, operation, &mut variables)
        } else {
            Shortcomings { errors, ..Shortcomings::default() }
        })
    });
    request.variables = variables;
    found.unwrap_or_default()
}

fn shortcomings(
    registry: &Registry,
    operation: &OperationDefinition,
    variables: &mut Variables,
) -> Shortcomings {
    let mut found = Shortcomings::default();
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let wrong = match (variables.get(name), &definition.node.default_value) {
            (Some(value), _) => coercion::misfit(registry, &ty.to_string(), value)
                .map(|misfit| format!("Variable `${name}{}` {}.", misfit.at, misfit.told)),
            (None, Some(default)) => {
                // `@skip` and `@include` are evaluated on what was sent alone.
                variables.insert(name.clone(), default.node.clone());
                None
            }
            (None, None) if ty.nullable => {
                found.omitted.insert(name.clone());
                None
            }
            (None, None) => Some(format!("Variable `${name}` is missing; its type is `{ty}`.")),
        };
        if let Some(message) = wrong
            && found.errors.len() < MAX_TOLD
        {
            let mut error = ServerError::new(message, Some(definition.pos));
            let extensions = error.extensions.get_or_insert_default();
            extensions.set("code", "BAD_USER_INPUT");
            extensions.set("field", name.as_str());
            found.errors.push(error);
        }
    }
    found
}

#[cfg(test)]
mod tests;
