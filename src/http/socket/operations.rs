//! The operations in flight on one socket, each under the id that the client gave it. All of them are polled by the
//! socket's own task; only a mutation has one of its own, because it goes on when the socket ends, or when the client
//! does not wait for it any more. It keeps its place until it is done.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_graphql::{Response as Answer, parser::types::OperationType};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::ready,
    stream::{self, BoxStream},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamMap;

use super::super::{
    connection::Occupied,
    execution::Execution,
    gauges::{Open, Transport},
    outcome,
    rejection::Rejection,
};

/// What comes of an operation.
#[derive(Debug)]
pub(super) enum Event {
    Answer(Answer),
    /// The last event.
    Refused {
        rejection: Rejection,
        request_id: String,
    },
    /// The last event.
    Complete,
}

pub(super) struct Operations {
    running: StreamMap<String, Running>,
    places: Arc<Semaphore>,
}

struct Running {
    events: BoxStream<'static, Event>,
    kind: OperationType,
    _occupied: Occupied,
    _counted: Open,
}

impl Stream for Running {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_next_unpin(cx)
    }
}

impl Operations {
    /// None yet, and at most so many at a time.
    pub(super) fn new(limit: usize) -> Self {
        let places = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Self { running: StreamMap::new(), places }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// A place for one more operation, unless `MAX_SUBSCRIPTIONS_PER_SOCKET` are taken.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Executes an operation under an id that is free. The caller may have been removed since the socket was opened.
    pub(super) fn start(&mut self, id: String, execution: Execution) {
        let (kind, request_id) = (execution.operation.kind(), execution.caller.request_id.clone());
        let occupied = execution.occupied.clone();
        let answers = async move {
            match execution.admission().await {
                Ok(()) => execution.answers(),
                Err(rejection) => {
                    outcome::refused(&rejection);
                    stream::once(ready(Err(rejection))).boxed()
                }
            }
        };
        // In a box of its own, which is gone when the answers begin: see `Api::subscribe`.
        let events = answers.boxed().flatten_stream().map(move |answer| match answer {
            Ok(answer) => Event::Answer(answer),
            Err(rejection) => Event::Refused { rejection, request_id: request_id.clone() },
        });
        let events = events.chain(stream::once(ready(Event::Complete))).boxed();
        let counted = Open::operation(Transport::WebSocket);
        self.running.insert(id, Running { events, kind, _occupied: occupied, _counted: counted });
    }

    /// Ends an operation; one that is not there has ended already.
    pub(super) fn stop(&mut self, id: &str) {
        self.running.remove(id);
    }

    /// Ends what has no end of its own.
    pub(super) fn stop_subscriptions(&mut self) {
        let subscriptions: Vec<String> = self
            .running
            .iter()
            .filter(|(_, running)| running.kind == OperationType::Subscription)
            .map(|(id, _)| id.clone())
            .collect();
        for id in subscriptions {
            self.stop(&id);
        }
    }

    /// The next event of any operation, and its id; never without one. May be dropped and asked for again.
    pub(super) async fn next(&mut self) -> (String, Event) {
        match self.running.next().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}
