//! What becomes of an operation that is paid for: its sender is not removed, which for a query is looked up beside the
//! execution, and then it is executed. One deadline holds for both. The transports differ only in how they tell what
//! comes of it.

use std::{
    future::{Future, pending},
    panic::AssertUnwindSafe,
    time::Duration,
};

use async_graphql::{Response as Answer, parser::types::OperationType};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{Instrument as _, Span};

use super::{
    AppState, connection::Occupied, operation::Operation, outcome::Outcome, rejection::Rejection,
    sender::Sender, subscribers::Seat,
};
use crate::{
    auth::{AuthError, Reason, Subject},
    graphql::{Api, Caller},
    trace::TraceContext,
};

/// When the patience with an operation ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    limit: Duration,
    at: Instant,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self { limit, at: Instant::now() + limit }
    }

    /// What comes of `work`, which is given up when it is too late.
    async fn meet<T>(self, work: impl Future<Output = T>) -> Result<T, Rejection> {
        timeout_at(self.at, work).await.map_err(|_| Rejection::timed_out(self.limit))
    }
}

/// Completes at this moment; never without one.
pub(super) async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Refuses somebody who was removed from their tenant, whose token is still good.
pub(super) async fn admit(api: &Api, subject: &Subject, deadline: Deadline) -> Result<(), Rejection> {
    let Some(user) = subject.verified() else { return Ok(()) };
    match deadline.meet(api.is_removed(user)).await? {
        Ok(false) => Ok(()),
        Ok(true) => Err(AuthError::Invalid(Reason::UserRemoved).into()),
        Err(_) => Err(Rejection::internal()),
    }
}

/// An operation that is about to be executed.
pub(super) struct Execution {
    pub(super) api: Api,
    pub(super) operation: Operation,
    pub(super) caller: Caller,
    pub(super) deadline: Deadline,
    pub(super) occupied: Occupied,
    /// Of a subscription.
    seat: Option<Seat>,
}

/// How a request came.
pub(super) struct Arrival {
    pub(super) request_id: String,
    pub(super) trace: TraceContext,
    pub(super) occupied: Occupied,
}

impl Execution {
    /// Of an operation that its sender has room for, and pays.
    pub(super) fn paid(
        state: &AppState,
        sender: Sender,
        operation: Operation,
        arrival: Arrival,
    ) -> Result<Self, Rejection> {
        let lasts = operation.kind() == OperationType::Subscription;
        let seat = lasts.then(|| state.subscribers.seat(sender.payer())).transpose()?;
        let Arrival { request_id, trace, occupied } = arrival;
        let caller = sender.sends(&operation, request_id, trace)?;
        state.documents.keep(operation.keepsake(), &caller.subject);
        let deadline = Deadline::after(state.config.operation_timeout);
        Ok(Self { api: state.api.clone(), operation, caller, deadline, occupied, seat })
    }

    /// See [`admit`].
    pub(super) async fn admission(&self) -> Result<(), Rejection> {
        admit(&self.api, &self.caller.subject, self.deadline).await
    }

    /// The one answer to a query or a mutation, if its sender is admitted.
    pub(super) async fn answer(self) -> Result<Answer, Rejection> {
        let mut outcome = Outcome::of(&self.operation);
        let answer = self.admitted().await;
        outcome.note(&answer);
        answer
    }

    async fn admitted(self) -> Result<Answer, Rejection> {
        if self.operation.kind() == OperationType::Mutation {
            self.admission().await?;
            return self.executed().await;
        }
        // Reading has no effect that could not be thrown away, so the database is asked meanwhile.
        let (api, subject) = (self.api.clone(), self.caller.subject.clone());
        let (admitted, answer) = tokio::join!(admit(&api, &subject, self.deadline), self.executed());
        admitted?;
        answer
    }

    /// A query that takes too long is given up; a mutation is not.
    async fn executed(self) -> Result<Answer, Rejection> {
        let Self { api, operation, caller, deadline, occupied, .. } = self;
        let kind = operation.kind();
        // In a box, or the future of every request would be as large, several times over.
        let execution = async move { api.execute(operation.into_request(), caller).await }.boxed();
        if kind == OperationType::Mutation {
            settled(execution, deadline, occupied).await
        } else {
            deadline.meet(execution).await
        }
    }

    /// All answers to an operation of somebody who is admitted: one to a query or a mutation, any number to a
    /// subscription. A panic of a resolver ends this operation and no other.
    pub(super) fn answers(self) -> BoxStream<'static, Result<Answer, Rejection>> {
        let span = tracing::info_span!("operation", request.id = self.caller.request_id);
        let mut outcome = Outcome::of(&self.operation);
        let answers = if self.operation.kind() == OperationType::Subscription {
            let Self { api, operation, caller, deadline, seat, .. } = self;
            let answers = api.subscribe(operation.into_request(), caller, deadline.at);
            // The seat is taken for as long as there may be answers.
            guarded(answers.map(Ok).inspect(move |_| _ = &seat), span)
        } else {
            guarded(stream::once(self.executed()), span)
        };
        answers.inspect(move |answer| outcome.note(answer)).boxed()
    }
}

/// A mutation never is half-way: when it is late it goes on by itself, for as long again at most, and nobody knows yet
/// what will have come of it. For so long it occupies what it did.
async fn settled(
    mutation: impl Future<Output = Answer> + Send + 'static,
    deadline: Deadline,
    occupied: Occupied,
) -> Result<Answer, Rejection> {
    let Deadline { limit, at } = deadline;
    let mutation = async move {
        let _occupied = occupied;
        timeout_at(at + limit, mutation).await
    };
    match timeout_at(at, tokio::spawn(mutation.in_current_span())).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Err(_)) => {
            tracing::error!("a mutation panicked");
            Err(Rejection::broken_off())
        }
        Ok(Ok(Err(_))) | Err(_) => Err(Rejection::left_alone(limit)),
    }
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

#[cfg(test)]
mod tests {
    use async_graphql::Value;
    use serde_json::json;

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

    #[tokio::test]
    async fn nobody_knows_what_came_of_a_mutation_that_panicked() {
        let mutation = async { panic!("a fault of ours") };

        let settled = settled(mutation, Deadline::after(Duration::from_mins(1)), Occupied::default()).await;

        let error = settled.unwrap_err().error("r");
        assert_eq!(error["extensions"], json!({"code": "INTERNAL", "outcome": "UNKNOWN", "requestId": "r"}));
    }
}
