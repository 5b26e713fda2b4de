//! `explain`: what an operation would need, and whether somebody holds it, without executing anything.
//!
//! The document is validated by a schema without data ([`crate::graphql::document::validator`]) and walked
//! ([`crate::graphql::authorization::plan`]); all that it would ask is asked at once, at the type level ([`verdicts`]).
//! Nothing is loaded for it, so that what depends on an object is told to be undecided.

mod request;
mod verdicts;

use async_graphql::{Context, Json, Object, Result, SimpleObject};

use super::{id::UserId, permission::PermissionResult, requirements::AccessKind};
use crate::graphql::{
    authorization::{
        directives::{Scope, requires, signed_in},
        guard::permitted,
    },
    execution::context::EXPLAIN,
};
use request::Explained;

/// What an operation needs, and whether it is held.
#[derive(SimpleObject, Debug)]
pub(super) struct Explanation {
    /// Every field is decided and allowed.
    allowed: bool,
    /// What is asked about fields, input fields and arguments, in the order of the document. What is not listed is
    /// readable with its object. A field that asks for several permissions, such as the change of an object that has to
    /// be readable too, is listed once for each.
    fields: Vec<FieldVerdict>,
}

/// What is asked about a field, and the answer.
#[derive(SimpleObject, Debug)]
pub(super) struct FieldVerdict {
    /// Where its value would stand in the answer: response keys from the root, joined by dots. What stands in a list has
    /// no index, because the answer is the same for each of its items: `tasks.nodes.notes`. For an input field or an
    /// argument, the path of its field, followed by its own: `updateTask.input.assigneeId`.
    path: String,
    /// Where the rule stands in the schema: `Task.notes`, `UpdateTaskInput.assigneeId`, `Query.explain(asUser:)`.
    coordinate: String,
    /// Who may use it.
    access: AccessKind,
    /// The permission that is asked for, and the answer; null when none is, and when it is undecided.
    result: Option<PermissionResult>,
    /// Why the answer depends on data that was not loaded; null when it is decided.
    undecided: Option<String>,
}

impl FieldVerdict {
    fn is_allowed(&self) -> bool {
        self.undecided.is_none() && self.result.as_ref().is_none_or(PermissionResult::is_allowed)
    }
}

#[derive(Default)]
pub(super) struct ExplainQuery;

#[Object(guard = permitted("Query"))]
impl ExplainQuery {
    /// What an operation would need, and whether the caller, or somebody else, holds it. Nothing is executed, and what
    /// holds for the operation itself holds here: the same limits, and a document that is not valid is `BAD_USER_INPUT`.
    #[graphql(directive = signed_in::apply())]
    async fn explain(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document with the operation.")] document: String,
        #[graphql(desc = "Its variables, an object.")] variables: Option<Json<serde_json::Value>>,
        #[graphql(desc = "Which of its operations; needed when there are several.")] operation_name: Option<
            String,
        >,
        #[graphql(
            desc = "Id of a user in the caller's tenant for whom it is explained instead. This is logged.",
            directive = requires::apply(EXPLAIN.0, EXPLAIN.1, Scope::Tenant)
        )]
        as_user: Option<UserId>,
    ) -> Result<Option<Explanation>> {
        let variables = variables.map_or(serde_json::Value::Null, |Json(value)| value);
        let mut explained = Explained::read(ctx, &document, variables, operation_name).await?;
        Ok(Some(verdicts::explain(ctx, &mut explained, as_user).await?))
    }
}
