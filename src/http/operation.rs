//! What becomes of a GraphQL request, whichever way it came: as an HTTP request, over a socket, or for an event
//! stream.
//!
//! In order: text and variables within their limits, one parse, the document within its limits, one operation
//! selected, the permissions counted that it asks about, its sender not removed, execution. The transports differ
//! only in how they tell what comes of it.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use async_graphql::{Name, Request, Response as Answer, ServerError, Value, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use serde::Serialize;
use tracing::Span;

use super::{outcome::Outcome, rejection::Rejection};
use crate::{
    auth::{AuthError, Reason, Subject},
    graphql::{Api, Caller, DocumentLimits},
};

/// In place of the library's own words.
const WRONG_OPERATION: &str = "`operationName` does not select one operation of the document.";

/// A request that keeps every limit and selects one operation.
#[derive(Debug)]
pub(super) struct Operation {
    request: Request,
    kind: OperationType,
}

impl Operation {
    /// Reads everything that can be known of `request` before it is executed.
    pub(super) fn read(api: &Api, mut request: Request) -> Result<Self, Rejection> {
        let limits = DocumentLimits::default();
        limits
            .check_text(&request.query)
            .and_then(|()| limits.check_variables(&request.variables))
            .map_err(Rejection::unfit)?;
        let kind = select(&mut request, limits)?;
        api.check_budget(&mut request)?;
        Ok(Self { request, kind })
    }

    pub(super) const fn kind(&self) -> OperationType {
        self.kind
    }
}

/// Parses the document once, for us and for the executor, and selects the operation.
fn select(request: &mut Request, limits: DocumentLimits) -> Result<OperationType, Rejection> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| Rejection::syntax(&error.locations))?;
    limits.check(document).map_err(Rejection::unfit)?;
    let mut selected = document
        .operations
        .iter()
        .filter(|(operation, _)| name.is_none() || operation.map(Name::as_str) == name.as_deref());
    match (selected.next(), selected.next()) {
        (Some((_, operation)), None) => Ok(operation.node.ty),
        _ => Err(Rejection::document("BAD_REQUEST", WRONG_OPERATION)),
    }
}

/// Refuses somebody who was removed from their tenant, whose token is still good.
pub(super) async fn admit(api: &Api, subject: &Subject) -> Result<(), Rejection> {
    let Some(user) = subject.verified() else { return Ok(()) };
    match api.is_removed(user).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(AuthError::Invalid(Reason::UserRemoved).into()),
        Err(_) => Err(Rejection::internal()),
    }
}

/// The one answer to a query or a mutation of somebody who is admitted.
pub(super) async fn answer(api: &Api, operation: Operation, caller: Caller) -> Result<Answer, Rejection> {
    let mut outcome = Outcome::of(operation.kind);
    let answer = executed(api, operation, caller).await;
    outcome.note(&answer);
    answer
}

async fn executed(api: &Api, operation: Operation, caller: Caller) -> Result<Answer, Rejection> {
    let subject = caller.subject.clone();
    let admission = admit(api, &subject);
    let execution = api.execute(operation.request, caller);
    if operation.kind == OperationType::Mutation {
        admission.await?;
        return Ok(execution.await);
    }
    // Reading has no effect that could not be thrown away, so the database is asked meanwhile.
    let (admitted, answer) = tokio::join!(admission, execution);
    admitted.map(|()| answer)
}

/// All answers to an operation of somebody who is admitted: one to a query or a mutation, any number to a
/// subscription. A panic of a resolver ends this operation and no other.
pub(super) fn answers(
    api: Api,
    operation: Operation,
    caller: Caller,
) -> BoxStream<'static, Result<Answer, Rejection>> {
    let span = tracing::info_span!("operation", request.id = caller.request_id);
    let mut outcome = Outcome::of(operation.kind);
    let executed = api.subscribe(operation.request, caller);
    guarded(executed, span).inspect(move |answer| outcome.note(answer)).boxed()
}

/// Whatever is logged on the way names the operation.
fn guarded(
    executed: impl Stream<Item = Answer> + Send + 'static,
    span: Span,
) -> BoxStream<'static, Result<Answer, Rejection>> {
    let mut answers = AssertUnwindSafe(executed).catch_unwind().boxed();
    let answers = stream::poll_fn(move |cx| span.in_scope(|| answers.poll_next_unpin(cx)));
    answers.map(|answer| answer.map_err(|_| panicked())).boxed()
}

fn panicked() -> Rejection {
    tracing::error!("a resolver panicked");
    Rejection::internal()
}

/// Whether the operation was executed, and not refused as a whole.
pub(super) fn is_executed(answer: &Answer) -> bool {
    answer.is_ok() || answer.data != Value::Null || answer.errors.iter().any(|error| !error.path.is_empty())
}

/// The members in the order that the specification recommends: errors first, for people who read them.
#[derive(Serialize)]
pub(super) struct AnswerBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [ServerError]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> From<&'a Answer> for AnswerBody<'a> {
    fn from(answer: &'a Answer) -> Self {
        Self {
            errors: (!answer.errors.is_empty()).then_some(&answer.errors),
            data: is_executed(answer).then_some(&answer.data),
            extensions: &answer.extensions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_last_that_is_heard_of_an_operation() {
        let executed = stream::iter(0..).map(|count| {
            assert!(count < 2, "a fault of ours");
            Answer::new(Value::from(count))
        });

        let heard: Vec<_> = guarded(executed, Span::none()).collect().await;

        assert_eq!(heard.len(), 3);
        assert!(heard[0].is_ok() && heard[1].is_ok());
        assert_eq!(heard[2].as_ref().unwrap_err().line(), "INTERNAL: The server made a mistake.");
    }
}
