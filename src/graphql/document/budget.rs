//! How many permissions an operation certainly asks about, counted before it is executed where its text and its
//! variables tell: the lists of the root field `permissions`. What depends on rows is counted by
//! [`decisions`](crate::graphql::authorization::decisions) when it is asked.

use std::collections::HashSet;

use async_graphql::{
    Request, Value, Variables,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};
use async_graphql_value::Value as Written;

use crate::graphql::{Api, authorization::decisions::MAX_CHECKS, selected};

/// An operation asks about more permissions than one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyChecks {
    /// Different questions.
    pub actual: u64,
}

impl TooManyChecks {
    /// For people.
    pub const ADVICE: &'static str =
        "This operation asks for too many permissions; ask for fewer rows or fields.";
    /// What is counted.
    pub const WHAT: &'static str = "distinct permission checks";

    /// Different questions that one operation may ask.
    pub const fn limit(self) -> u64 {
        MAX_CHECKS
    }
}

impl Api {
    /// Counts the permissions that the operation certainly asks about.
    ///
    /// # Errors
    /// They are more than one operation may ask about.
    pub fn check_budget(&self, request: &mut Request) -> Result<(), TooManyChecks> {
        check(request)
    }
}

/// Counts what can be counted before execution.
pub(in crate::graphql) fn check(request: &mut Request) -> Result<(), TooManyChecks> {
    // The parsed document can only be borrowed together with the whole request.
    let variables = std::mem::take(&mut request.variables);
    let name = request.operation_name.clone();
    let actual = request.parsed_query().ok().and_then(|document| {
        let operation = selected(document, name.as_deref())?;
        let mut lists = Lists { document, visited: HashSet::new(), pending: Vec::new(), found: Vec::new() };
        if operation.ty == OperationType::Query {
            lists.pending.push(&operation.selection_set.node);
        }
        while let Some(set) = lists.pending.pop() {
            lists.collect(set);
        }
        Some(lists.distinct(&variables))
    });
    request.variables = variables;
    match actual {
        Some(actual) if actual > MAX_CHECKS => Err(TooManyChecks { actual }),
        _ => Ok(()),
    }
}

/// The arguments `checks` of an operation's root fields.
struct Lists<'a> {
    document: &'a ExecutableDocument,
    /// Fragments: spread twice, they ask the same twice.
    visited: HashSet<&'a str>,
    /// In turn and not in depth: a chain of fragments may be as long as the document.
    pending: Vec<&'a SelectionSet>,
    found: Vec<&'a Written>,
}

impl<'a> Lists<'a> {
    /// Selections with directives may be skipped, so they are left to be counted when they ask.
    fn collect(&mut self, set: &'a SelectionSet) {
        for selection in set.items.iter().filter(|selection| selection.node.directives().is_empty()) {
            match &selection.node {
                Selection::Field(field) if field.node.name.node == "permissions" => {
                    self.found.extend(field.node.get_argument("checks").map(|checks| &checks.node));
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(inline) => self.collect(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.visited.insert(name)
                    {
                        self.pending.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    /// How many different questions these lists have; the sum of their lengths when that is few enough anyway.
    fn distinct(&self, variables: &Variables) -> u64 {
        let length = |list: &&Written| match list {
            Written::List(checks) => checks.len() as u64,
            Written::Variable(name) => match variables.get(name) {
                Some(Value::List(checks)) => checks.len() as u64,
                _ => 0,
            },
            _ => 0,
        };
        let sum: u64 = self.found.iter().map(length).sum();
        if sum <= MAX_CHECKS {
            return sum;
        }
        let mut questions = HashSet::new();
        for list in &self.found {
            let known = (*list).clone().into_const_with(|name| variables.get(&name).cloned().ok_or(()));
            if let Ok(Value::List(checks)) = known {
                questions.extend(checks.iter().filter_map(question));
            }
        }
        questions.len() as u64
    }
}

/// Resource and action: without object rules the key makes no difference to the PDP.
fn question(check: &Value) -> Option<(String, String)> {
    let Value::Object(entries) = check else { return None };
    match (entries.get("resource")?, entries.get("action")?) {
        (Value::String(resource), Value::String(action)) => Some((resource.clone(), action.clone())),
        _ => None,
    }
}
