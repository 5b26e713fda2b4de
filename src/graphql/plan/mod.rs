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

pub(super) use given::argument_of;

use super::{directives::Access, id::GlobalId, rules::Rules};

/// Something that the guard looks at before a field is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Response keys from the root, joined by dots; lists have no index.
    pub(super) path: String,
    /// `Type.field`, `Input.field` or `Type.field(argument:)`.
    pub(super) coordinate: String,
    pub(super) access: Access,
    pub(super) part: Part,
    /// What the arguments say about the object of an OBJECT rule on a root field.
    pub(super) object: Object,
    /// The only type for which it is asked, where the object may turn out to be of another one.
    pub(super) only_for: Option<String>,
}

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Field,
    Input,
    Argument,
}

/// The object that a root field is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    /// The rule is not about one, or it is about the object that the field belongs to.
    Elsewhere,
    Named(GlobalId),
    /// What was given is not the id of such an object, which this sentence says.
    Misnamed(String),
}

/// What documents are read against.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) registry: &'a Registry,
    pub(super) rules: &'a Rules,
    pub(super) document: &'a ExecutableDocument,
    /// `None`: nobody knows them yet, so that whatever may be asked is.
    pub(super) variables: Option<&'a Variables>,
}

impl Ground<'_> {
    /// The steps of `operation`, each once.
    pub(super) fn steps(self, operation: &OperationDefinition) -> Vec<Step> {
        walk::steps(self, operation)
    }
}
