//! What the arguments of a field say, as far as it is known before execution.

use async_graphql::{
    Name, Positioned, Value,
    parser::types::{Directive, Field},
};
use async_graphql_value::Value as Written;

use super::Ground;

/// What was given for an argument or for a member of one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::graphql) enum Given {
    Absent,
    /// It depends on variables that nobody knows.
    Unknown,
    Is(Value),
}

impl Given {
    /// What the guard will see; a guess where nobody knows: that something is given.
    pub(in crate::graphql) fn seen(&self) -> Option<&Value> {
        match self {
            Self::Absent => None,
            Self::Unknown => Some(&Value::Boolean(true)),
            Self::Is(value) => Some(value),
        }
    }

    fn member(&self, name: &str) -> Self {
        match self {
            Self::Is(Value::Object(members)) => {
                members.get(&Name::new(name)).cloned().map_or(Self::Absent, Self::Is)
            }
            Self::Unknown => Self::Unknown,
            Self::Is(_) | Self::Absent => Self::Absent,
        }
    }
}

impl Ground<'_> {
    /// What was written, with the variables that are known.
    pub(in crate::graphql) fn given(self, written: Option<&Written>) -> Given {
        match (written, self.variables) {
            (None, _) => Given::Absent,
            (Some(Written::Variable(name)), Some(known)) => {
                known.get(name).cloned().map_or(Given::Absent, Given::Is)
            }
            (Some(written), known) => {
                let of = |name| match known {
                    Some(known) => Ok(known.get(&name).cloned().unwrap_or_default()),
                    None => Err(()),
                };
                written.clone().into_const_with(of).map_or(Given::Unknown, Given::Is)
            }
        }
    }

    /// Whether `@skip` and `@include` let a selection be executed, as far as is known.
    pub(in crate::graphql) fn runs(self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.node.get_argument("if").map(|value| &value.node);
            let refused = match &*directive.node.name.node {
                "skip" => Value::Boolean(true),
                "include" => Value::Boolean(false),
                _ => return true,
            };
            self.given(condition) != Given::Is(refused)
        })
    }

    /// The member `name` of an input object; known although other members may not be.
    pub(in crate::graphql) fn given_member(self, written: Option<&Written>, name: &str) -> Given {
        match written {
            Some(Written::Object(members)) => self.given(members.get(&Name::new(name))),
            other => self.given(other).member(name),
        }
    }
}

pub(in crate::graphql) fn argument_of<'a>(field: &'a Field, name: &str) -> Option<&'a Written> {
    field.get_argument(name).map(|value| &value.node)
}
