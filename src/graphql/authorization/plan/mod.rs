//! What a document asks for, read from its text and the rules, without executing anything: one [`Step`] for each
//! field, input field and argument with a rule, in the order of the document, fragments where they are spread.
//!
//! `explain` asks the steps of one operation with its variables, `permissionRequirements` lists those of a whole
//! document for any variables.

mod given;
mod walk;

use async_graphql::{
    Variables,
    parser::types::{ExecutableDocument, OperationDefinition},
    registry::Registry,
};

pub(in crate::graphql) use given::argument_of;

use super::{directives::Access, rules::Rules};
use crate::graphql::schema::id::GlobalId;

/// Something that the guard looks at before a field is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) struct Step {
    /// Response keys from the root, joined by dots; lists have no index.
    pub(in crate::graphql) path: String,
    /// `Type.field`, `Input.field` or `Type.field(argument:)`.
    pub(in crate::graphql) coordinate: String,
    pub(in crate::graphql) access: Access,
    pub(in crate::graphql) part: Part,
    /// What the arguments say about the object of an OBJECT rule on a root field.
    pub(in crate::graphql) object: Object,
    /// The only type for which it is asked, where the object may turn out to be of another one.
    pub(in crate::graphql) only_for: Option<String>,
}

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Part {
    Field,
    Input,
    Argument,
}

/// The object that a root field is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) enum Object {
    /// The rule is not about one, or it is about the object that the field belongs to.
    Elsewhere,
    Named(GlobalId),
    /// What was given is not the id of such an object, which this sentence says.
    Misnamed(String),
}

/// What documents are read against.
#[derive(Clone, Copy)]
pub(in crate::graphql) struct Ground<'a> {
    pub(in crate::graphql) registry: &'a Registry,
    pub(in crate::graphql) rules: &'a Rules,
    pub(in crate::graphql) document: &'a ExecutableDocument,
    /// `None`: nobody knows them yet, so that whatever may be asked is.
    pub(in crate::graphql) variables: Option<&'a Variables>,
}

impl Ground<'_> {
    /// The steps of `operation`, each once.
    pub(in crate::graphql) fn steps(self, operation: &OperationDefinition) -> Vec<Step> {
        walk::steps(self, operation)
    }
}
