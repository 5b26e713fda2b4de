//! Answers as server-sent events: graphql-sse in its distinct connections mode, one operation in each request.
//!
//! A stream of a subscription ends without `complete` when the server stops, which tells clients to connect again,
//! and with an error and `complete` when the token expires: it is never renewed, because nothing can be said to a
//! server over an event stream. A client that reads slowly is served slowly; nothing waits for it in memory.
//!
//! Any page may ask for a stream, but a browser lets only pages of `CORS_ORIGINS` read it.
//!
//! Source: <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>

use std::convert::Infallible;

use async_graphql::{Response as Answer, parser::types::OperationType};
use axum::{
    body::{Body, Bytes},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{
    AppState,
    connection::Connection,
    execution::{Execution, reached},
    gauges::{Open, Transport},
    negotiation::MediaType,
    operation::AnswerBody,
    rejection::Rejection,
};
use crate::auth::{AuthError, Reason};

/// Tells nginx and its kin to pass on each event at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A comment, which readers ignore.
const COMMENT: &str = ":\n\n";
/// With an empty `data`, because a browser drops an event that has none.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// Executes an operation of somebody who is admitted, and tells what comes of it.
pub(super) fn executed(state: &AppState, connection: Connection, execution: Execution) -> Response {
    let lasts = execution.operation.kind() == OperationType::Subscription;
    // What a mutation did is told, whatever became of the token meanwhile, or it would be done again.
    let user = execution.caller.subject.verified().filter(|_| lasts);
    let expiry = user.map(|user| Instant::now() + user.time_left());
    let pause = state.config.ws_keep_alive;
    let mut pulse = interval_at(Instant::now() + pause, pause);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = Events {
        connection: lasts.then_some(connection),
        expiry,
        pulse,
        request_id: execution.caller.request_id.clone(),
        answers: execution.answers(),
        is_over: false,
        _counted: Open::operation(Transport::EventStream),
    };
    // Some browsers think of a stream as open only when something comes.
    let opening = stream::once(async { Bytes::from_static(COMMENT.as_bytes()) });
    let events = opening.chain(stream::unfold(events, Events::next));
    respond(Body::from_stream(events.map(Ok::<_, Infallible>)))
}

/// Tells why a document is not executed. A browser shows an event to a page, but nothing of an answer that is an error.
pub(super) fn refused(rejection: &Rejection, request_id: &str) -> Response {
    respond(Body::from(last(rejection, request_id)))
}

fn respond(body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, MediaType::EventStream.header_value()),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (StatusCode::OK, headers, body).into_response()
}

struct Events {
    answers: BoxStream<'static, Result<Answer, Rejection>>,
    /// Present where the stream has no end of its own, and so is the end of the token.
    connection: Option<Connection>,
    expiry: Option<Instant>,
    pulse: Interval,
    request_id: String,
    is_over: bool,
    _counted: Open,
}

impl Events {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if self.is_over {
            return None;
        }
        let event = tokio::select! {
            biased;
            () = stopping(&mut self.connection) => return None,
            () = reached(self.expiry) => {
                self.is_over = true;
                last(&AuthError::Invalid(Reason::Expired).into(), &self.request_id)
            }
            answer = self.answers.next() => self.told(answer),
            _ = self.pulse.tick() => COMMENT.to_owned(),
        };
        Some((event.into(), self))
    }

    fn told(&mut self, answer: Option<Result<Answer, Rejection>>) -> String {
        match answer {
            Some(Ok(answer)) => next(&AnswerBody::from(&answer)),
            Some(Err(rejection)) => {
                self.is_over = true;
                last(&rejection, &self.request_id)
            }
            None => {
                self.is_over = true;
                COMPLETE.to_owned()
            }
        }
    }
}

fn next(payload: &impl Serialize) -> String {
    // Everything in an answer can be written as JSON, which has no line breaks.
    let json = serde_json::to_string(payload).unwrap_or_default();
    format!("event: next\ndata: {json}\n\n")
}

fn last(rejection: &Rejection, request_id: &str) -> String {
    next(&json!({"errors": [rejection.error(request_id)]})) + COMPLETE
}

async fn stopping(connection: &mut Option<Connection>) {
    match connection {
        Some(connection) => connection.stopping().await,
        None => std::future::pending().await,
    }
}
