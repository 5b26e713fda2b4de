//! What an operation costs its caller, counted before it is executed, from its text, its variables and the schema. An
//! operation costs
//!
//! - 1 for itself, 10 for each field of a mutation, 25 for each document in an argument;
//! - 1 for each object that it may return: a connection counts as the page that is asked for, any other list as
//!   [`OTHER_LIST`] objects, or as many as there are in the argument that it answers;
//! - 1 for each hundred leaves of these objects, where a long text counts as [`LONG_TEXT`] leaves, and a leaf once more
//!   for each [`LONG_NAME`] bytes of the name that it is answered under;
//! - 1 for each permission that is asked about: once for the tenant, for each object with object rules, and whether the
//!   caller may be told who is allowed what they are not;
//! - 1 for each thousand leaves of introspection, whose objects count as ten and whose lists count as large as those of
//!   this schema are.
//!
//! A field that is selected again counts again, with an alias or without one. It is what it may cost at most, not what it
//! did: a page that is not full costs the same.

mod introspection;
mod questions;
mod walk;

use std::borrow::Cow;

use async_graphql::{Request, Variables, parser::types::OperationDefinition, registry::Registry};

use super::limits::LimitExceeded;
use crate::graphql::{
    Api,
    authorization::{plan::Ground, rules::Rules},
    selected,
};

/// Objects that a list is taken for about which nothing tells.
const OTHER_LIST: u64 = 5;
/// Leaves that cost one point. Few cost nothing: what they belong to is paid.
const LEAVES: u64 = 100;
/// Leaves that a long text counts as: seldom are its thousands of characters used.
const LONG_TEXT: u64 = 25;
/// Bytes of an alias that are as much to write as a leaf. No field of the schema has so long a name.
const LONG_NAME: usize = 32;
/// Leaves of introspection that cost one point: they need neither the database nor a permission.
const INTROSPECTED_LEAVES: u64 = 1_000;

/// What an operation costs, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// All of it.
    pub points: u64,
    /// Permissions among it.
    pub checks: u64,
}

/// Permissions in the tenant as a whole, as resource and action, that fields below the root ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::graphql) struct Foreseen(pub(in crate::graphql) Vec<(Cow<'static, str>, Cow<'static, str>)>);

impl Cost {
    /// Of what is not executed.
    pub const NOTHING: Self = Self { points: 1, checks: 0 };
}

impl Api {
    /// What the operation costs, whether or not anybody pays for it. What it is foreseen to ask stays with the request.
    ///
    /// # Errors
    /// More than one operation may cost.
    pub fn cost(&self, request: &mut Request) -> Result<Cost, LimitExceeded> {
        let (cost, foreseen) = of(&self.registry, &self.trails.rules, self.config.object_rules, request);
        request.data.insert(foreseen);
        let limit = self.config.max_cost;
        if limit > 0 && cost.points > limit {
            return Err(LimitExceeded { what: "cost", limit, actual: cost.points });
        }
        Ok(cost)
    }
}

/// What the operation costs that `request` selects. The document is within its limits, which bound the walk.
fn of(registry: &Registry, rules: &Rules, object_rules: bool, request: &mut Request) -> (Cost, Foreseen) {
    // The parsed document can only be borrowed together with the whole request.
    let given = std::mem::take(&mut request.variables);
    let name = request.operation_name.clone();
    let cost = request.parsed_query().ok().and_then(|document| {
        let operation = selected(document, name.as_deref())?;
        let variables = with_defaults(&given, operation);
        let ground = Ground { registry, rules, document, variables: Some(&variables) };
        Some(walk::cost(ground, object_rules, operation))
    });
    request.variables = given;
    cost.unwrap_or((Cost::NOTHING, Foreseen::default()))
}

/// The variables as the executor sees them, mistakes apart.
fn with_defaults<'a>(given: &'a Variables, operation: &OperationDefinition) -> Cow<'a, Variables> {
    let mut variables = Cow::Borrowed(given);
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        if let Some(default) = &definition.node.default_value
            && !given.contains_key(name)
        {
            variables.to_mut().insert(name.clone(), default.node.clone());
        }
    }
    variables
}

#[cfg(test)]
mod tests;
