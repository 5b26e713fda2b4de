//! The operations in flight on one socket, each under the id that the client gave it. All of them are polled by the
//! socket's own task; only a mutation has one of its own, because it goes on when the socket ends.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_graphql::{Response as Answer, parser::types::OperationType};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::ready,
    stream::{self, BoxStream},
};
use tokio_stream::StreamMap;

use super::super::{
    gauges::{Open, Transport},
    operation::{self, Operation},
    outcome,
    rejection::Rejection,
};
use crate::graphql::{Api, Caller};

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

#[derive(Default)]
pub(super) struct Operations(StreamMap<String, Running>);

struct Running {
    events: BoxStream<'static, Event>,
    kind: OperationType,
    _counted: Open,
}

impl Stream for Running {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_next_unpin(cx)
    }
}

impl Operations {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Executes an operation under an id that is free. The caller may have been removed since the socket was opened.
    pub(super) fn start(
        &mut self,
        id: String,
        api: Api,
        operation: Operation,
        caller: Caller,
        limit: Duration,
    ) {
        let (kind, request_id) = (operation.kind(), caller.request_id.clone());
        let answers = async move {
            match operation::admit(&api, &caller.subject).await {
                Ok(()) => operation::answers(api, operation, caller, limit),
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
        self.0.insert(id, Running { events, kind, _counted: Open::operation(Transport::WebSocket) });
    }

    /// Ends an operation; one that is not there has ended already.
    pub(super) fn stop(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Ends what has no end of its own.
    pub(super) fn stop_subscriptions(&mut self) {
        let subscriptions: Vec<String> = self
            .0
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
        match self.0.next().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}
