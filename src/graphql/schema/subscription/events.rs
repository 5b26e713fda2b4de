//! How the events of a subscription are executed, and how long that may take. Between two of them a subscription waits as
//! long as it likes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Poll, ready},
    time::Duration,
};

use async_graphql::{
    Context, Data, PathSegment, Request, Response, ServerError, extensions::ExtensionContext,
    parser::types::Selection,
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::{Instant, sleep_until};

use crate::{
    graphql::{execution::context::Operation, selected},
    rate_limit::Exceeded,
};

/// What the events of a subscription are executed with.
pub(in crate::graphql) struct Events {
    pub(in crate::graphql) begun: Begun,
    /// The operation that subscribed.
    operation: Arc<Operation>,
    /// Longest that one event may take.
    limit: Duration,
    /// Under this name the one root field is answered.
    field: String,
}

/// One event.
pub(in crate::graphql) struct Event {
    pub(in crate::graphql) operation: Arc<Operation>,
    pub(in crate::graphql) data: Data,
    pub(in crate::graphql) limit: Duration,
    field: String,
    /// It is not executed then.
    pub(in crate::graphql) unpaid: Option<Exceeded>,
}

/// Whether the subscription has been let in.
#[derive(Debug, Clone, Default)]
pub(in crate::graphql) struct Begun(Arc<AtomicBool>);

impl Events {
    /// Of the subscription that `request` selects, whose one field stands first.
    pub(in crate::graphql) fn new(request: &mut Request, operation: Arc<Operation>, limit: Duration) -> Self {
        let name = request.operation_name.clone();
        let first = request.parsed_query().ok().and_then(|document| {
            let set = &selected(document, name.as_deref())?.selection_set.node;
            match &set.items.first()?.node {
                Selection::Field(field) => Some(field.node.response_key().node.to_string()),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
            }
        });
        Self { begun: Begun::default(), operation, limit, field: first.unwrap_or_default() }
    }

    /// The next event of a subscription; `None` for a query or a mutation.
    pub(in crate::graphql) fn next(ctx: &ExtensionContext<'_>) -> Option<Event> {
        let events = ctx.data_opt::<Self>()?;
        let bill = &events.operation.bill;
        let (bill, unpaid) = match bill.again() {
            Ok(bill) => (bill, None),
            Err(exceeded) => (bill.unpaid(), Some(exceeded)),
        };
        let operation = Arc::new(events.operation.afresh(bill));
        let mut data = Data::default();
        data.insert(operation.clone());
        Some(Event { operation, data, limit: events.limit, field: events.field.clone(), unpaid })
    }
}

impl Begun {
    /// Notes that the subscription of `ctx` has been let in.
    pub(super) fn note(ctx: &Context<'_>) {
        if let Some(events) = ctx.data_opt::<Events>() {
            events.begun.0.store(true, Relaxed);
        }
    }

    /// The answers of a subscription; one that has not begun until `deadline`, at the end of `limit`, ends with an error.
    pub(in crate::graphql) fn in_time(
        self,
        mut answers: BoxStream<'static, Response>,
        deadline: Instant,
        limit: Duration,
    ) -> BoxStream<'static, Response> {
        let mut patience = Some(Box::pin(sleep_until(deadline)));
        let timed = stream::poll_fn(move |cx| {
            if let Poll::Ready(answer) = answers.poll_next_unpin(cx) {
                return Poll::Ready(answer);
            }
            patience.take_if(|_| self.0.load(Relaxed));
            let Some(timer) = &mut patience else { return Poll::Pending };
            ready!(timer.poll_unpin(cx));
            patience = None;
            answers = stream::empty().boxed();
            let message = "The subscription could not begin in time; try again.";
            Poll::Ready(Some(Response::from_errors(vec![late(message, limit)])))
        });
        timed.boxed()
    }
}

impl Event {
    /// The error in its place when it takes too long. The subscription goes on.
    pub(in crate::graphql) fn late(&self) -> ServerError {
        let message = "Something happened, and took too long to be told: fetch again what you show.";
        self.instead(late(message, self.limit))
    }

    /// The same when there are not enough points for it.
    pub(in crate::graphql) fn unpaid(&self, exceeded: Exceeded) -> ServerError {
        let message =
            "Something happened, and is more than you may be told at the moment: fetch again later.";
        let mut error = ServerError::new(message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", "RATE_LIMITED");
        extensions.set("bucket", exceeded.bucket);
        extensions.set("retryAfterMs", millis(exceeded.retry_after));
        self.instead(error)
    }

    fn instead(&self, mut error: ServerError) -> ServerError {
        error.path = vec![PathSegment::Field(self.field.clone())];
        error.extensions.get_or_insert_default().set("refetch", true);
        error
    }
}

fn late(message: &str, limit: Duration) -> ServerError {
    let mut error = ServerError::new(message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", "OPERATION_TIMEOUT");
    extensions.set("limitMs", millis(limit));
    error
}

/// Rounded up: whoever waits exactly so long must not come too early.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
