//! What becomes of a GraphQL request, whichever way it came: as an HTTP request, over a socket, or for an event
//! stream.
//!
//! In order: its document found and, by its length, paid for; text and variables within their limits, one parse, the
//! document within its limits, one operation selected, the permissions counted that it asks about, and what it costs,
//! which its sender pays. Then its sender is not removed, which for a query is looked up beside the execution. The
//! transports differ only in how they tell what comes of it.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Name, Request, Response as Answer, ServerError, Value, parser::types::OperationType};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use serde::Serialize;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use super::{
    AppState, documents::Found, outcome::Outcome, rejection::Rejection, request::Asked, sender::Sender,
};
use crate::{
    auth::{AuthError, Reason, Subject},
    graphql::{Api, Caller, Cost, DocumentLimits, TrustedDocument},
};

/// In place of the library's own words.
const WRONG_OPERATION: &str = "`operationName` does not select one operation of the document.";

/// A request that keeps every limit and selects one operation.
#[derive(Debug)]
pub(super) struct Operation {
    request: Request,
    kind: OperationType,
    cost: Cost,
    trusted: Option<Arc<TrustedDocument>>,
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
        let cost = api.cost(&mut request)?;
        Ok(Self { request, kind, cost, trusted: None })
    }

    /// Finds the document that is asked for, and reads it.
    pub(super) fn find(state: &AppState, sender: &Sender, asked: Asked) -> Result<Self, Rejection> {
        let (named, rest) = asked.split();
        let Found { text, trusted, new } = state.documents.find(named)?;
        if trusted.is_none() {
            sender.pays_to_read(state, &text)?;
        }
        let operation = Self::read(&state.api, rest.with_text(text))?;
        if let Some(hash) = new {
            state.documents.remember(hash, &operation.request.query);
        }
        let operation = Self { trusted, ..operation };
        tracing::debug!(operation.name = operation.trusted_name(), "an operation is known");
        Ok(operation)
    }

    /// The name of the operation, if its document is a trusted one: there are few of those, and we know them all.
    pub(super) fn trusted_name(&self) -> Option<&str> {
        self.trusted.as_ref().map(|document| document.name.as_deref().unwrap_or(&document.id))
    }

    pub(super) const fn cost(&self) -> Cost {
        self.cost
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

/// The one answer to a query or a mutation of somebody who is admitted, if it is there within `limit`.
pub(super) async fn answer(
    api: &Api,
    operation: Operation,
    caller: Caller,
    limit: Duration,
) -> Result<Answer, Rejection> {
    let mut outcome = Outcome::of(&operation);
    let answer = admitted(api, operation, caller, limit).await;
    outcome.note(&answer);
    answer
}

async fn admitted(
    api: &Api,
    operation: Operation,
    caller: Caller,
    limit: Duration,
) -> Result<Answer, Rejection> {
    let subject = caller.subject.clone();
    let admission = timeout(limit, admit(api, &subject));
    let execution = executed(api, operation.request, operation.kind, caller, limit);
    if operation.kind == OperationType::Mutation {
        admission.await.map_err(|_| Rejection::timed_out(limit))??;
        return execution.await;
    }
    // Reading has no effect that could not be thrown away, so the database is asked meanwhile.
    let (admitted, answer) = tokio::join!(admission, execution);
    admitted.map_err(|_| Rejection::timed_out(limit))??;
    answer
}

/// A query that takes too long is given up. A mutation never is half-way: it goes on by itself, for as long again at
/// most, and nobody knows yet what will have come of it.
async fn executed(
    api: &Api,
    request: Request,
    kind: OperationType,
    caller: Caller,
    limit: Duration,
) -> Result<Answer, Rejection> {
    if kind != OperationType::Mutation {
        let answer = timeout(limit, api.execute(request, caller)).await;
        return answer.map_err(|_| Rejection::timed_out(limit));
    }
    let api = api.clone();
    let change = async move { timeout(limit * 2, api.execute(request, caller)).await };
    match timeout(limit, tokio::spawn(change.in_current_span())).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Err(_)) => Err(panicked()),
        Ok(Ok(Err(_))) | Err(_) => Err(Rejection::left_alone(limit)),
    }
}

/// All answers to an operation of somebody who is admitted: one to a query or a mutation, any number to a
/// subscription. A panic of a resolver ends this operation and no other.
pub(super) fn answers(
    api: Api,
    operation: Operation,
    caller: Caller,
    limit: Duration,
) -> BoxStream<'static, Result<Answer, Rejection>> {
    let span = tracing::info_span!("operation", request.id = caller.request_id);
    let mut outcome = Outcome::of(&operation);
    let Operation { request, kind, .. } = operation;
    let answers = if kind == OperationType::Subscription {
        guarded(api.subscribe(request, caller).map(Ok), span)
    } else {
        guarded(stream::once(async move { executed(&api, request, kind, caller, limit).await }), span)
    };
    answers.inspect(move |answer| outcome.note(answer)).boxed()
}

/// Whatever is logged on the way names the operation.
fn guarded(
    executed: impl Stream<Item = Result<Answer, Rejection>> + Send + 'static,
    span: Span,
) -> BoxStream<'static, Result<Answer, Rejection>> {
    let mut answers = AssertUnwindSafe(executed).catch_unwind().boxed();
    let answers = stream::poll_fn(move |cx| span.in_scope(|| answers.poll_next_unpin(cx)));
    answers.map(|answer| answer.unwrap_or_else(|_| Err(panicked()))).boxed()
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
            Ok(Answer::new(Value::from(count)))
        });

        let heard: Vec<_> = guarded(executed, Span::none()).collect().await;

        assert_eq!(heard.len(), 3);
        assert!(heard[0].is_ok() && heard[1].is_ok());
        assert_eq!(heard[2].as_ref().unwrap_err().line(), "INTERNAL: The server made a mistake.");
    }
}
