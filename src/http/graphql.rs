//! `/graphql`: one operation in, one answer out, as "GraphQL over HTTP" has it, or an event stream of answers.
//!
//! In order: media type, method, credentials, parameters, and what [`operation`](super::operation) does. A bad token
//! is told before anything of the request is looked at.

use std::sync::Arc;

use async_graphql::{Response as Answer, parser::types::OperationType};
use axum::{
    body::Body,
    extract::Request,
    http::{Extensions, HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};

use super::{
    AppState,
    connection::{Connection, Occupied},
    console, event_stream,
    execution::{Arrival, Deadline, Execution, admit},
    negotiation::{MediaType, negotiate, prefers_html, reads_events},
    operation::{AnswerBody, Operation, is_executed},
    outcome,
    rejection::{Rejection, allowed_methods},
    request::{from_body, from_query_string, has_query},
    sender::Sender,
    trace_of,
};

/// What a subscription needs.
const NO_STREAM: &str =
    "Subscriptions need a stream: Accept text/event-stream, or open a WebSocket with graphql-transport-ws.";

pub(super) async fn serve(state: Arc<AppState>, request_id: &str, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (method, headers, query_string) = (head.method, head.headers, head.uri.query().unwrap_or_default());
    if let Some(page) = &state.console
        && method == Method::GET
        && prefers_html(&headers)
        && !has_query(query_string)
    {
        return console::page(page);
    }
    let Some(media) = negotiate(&headers) else {
        let message =
            "Accept application/graphql-response+json, application/json, or text/event-stream for a stream.";
        let rejection = Rejection::new(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message);
        return rejection.into_response(MediaType::Json, request_id);
    };
    let exchange = Exchange { state: &state, media, request_id, extensions: &head.extensions };
    match exchange.run(&method, &headers, query_string, body).await {
        Ok(answer) => answer,
        Err(rejection) if media == MediaType::EventStream && rejection.is_about_a_document() => {
            event_stream::refused(&rejection, request_id)
        }
        Err(rejection) => rejection.into_response(media, request_id),
    }
}

/// One request and what its answer needs to know of it.
struct Exchange<'a> {
    state: &'a AppState,
    media: MediaType,
    request_id: &'a str,
    extensions: &'a Extensions,
}

impl Exchange<'_> {
    async fn run(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<Response, Rejection> {
        let prepared = self.prepare(method, headers, query_string, body).await;
        let execution = prepared.inspect_err(outcome::refused)?;
        if self.streams(&execution.operation, headers) {
            self.events(execution).await
        } else {
            Ok(self.told(&execution.answer().await?))
        }
    }

    /// Who asks, and for what.
    async fn prepare(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<Execution, Rejection> {
        if let Some(allowed) = allowed_methods(method) {
            return Err(Rejection::method_not_allowed(allowed));
        }
        let sender = Sender::of(self.state, headers, self.extensions).await?;
        let subject = sender.subject.clone();
        let read = self.read(&sender, method, headers, query_string, body).await;
        match read.and_then(|operation| Execution::paid(self.state, sender, operation, self.arrival())) {
            Ok(execution) => Ok(execution),
            Err(rejection) => {
                let deadline = Deadline::after(self.state.config.operation_timeout);
                admit(&self.state.api, &subject, deadline).await?;
                Err(rejection)
            }
        }
    }

    fn arrival(&self) -> Arrival {
        let occupied = Occupied::connection(self.extensions.get::<Connection>());
        Arrival { request_id: self.request_id.to_owned(), trace: trace_of(self.extensions), occupied }
    }

    /// Whether the answers are told as events: wherever they are liked best, and for want of something better where
    /// nothing else could carry a subscription.
    fn streams(&self, operation: &Operation, headers: &HeaderMap) -> bool {
        self.media == MediaType::EventStream
            || (operation.kind() == OperationType::Subscription && reads_events(headers))
    }

    /// Whoever is not admitted is told so by the status, before there is a stream.
    async fn events(&self, execution: Execution) -> Result<Response, Rejection> {
        execution.admission().await.inspect_err(outcome::refused)?;
        let connection = self.extensions.get::<Connection>().cloned().ok_or_else(Rejection::internal)?;
        Ok(event_stream::executed(self.state, connection, execution))
    }

    /// Reads the parameters and everything that can be known of them before execution.
    async fn read(
        &self,
        sender: &Sender,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<Operation, Rejection> {
        let config = &self.state.config;
        let asked = if *method == Method::GET {
            from_query_string(query_string)?
        } else {
            from_body(headers, body, config.max_body_bytes, config.body_timeout).await?
        };
        let operation = Operation::find(self.state, sender, asked)?;
        match operation.kind() {
            OperationType::Mutation if *method == Method::GET => Err(Rejection::method_not_allowed("POST")),
            OperationType::Subscription if !self.streams(&operation, headers) => {
                Err(Rejection::document("BAD_REQUEST", NO_STREAM))
            }
            _ => Ok(operation),
        }
    }

    fn told(&self, answer: &Answer) -> Response {
        let is_refused = self.media == MediaType::GraphqlResponse && !is_executed(answer);
        let status = if is_refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        match serde_json::to_vec(&AnswerBody::from(answer)) {
            Ok(bytes) => (status, [(CONTENT_TYPE, self.media.header_value())], bytes).into_response(),
            Err(_) => Rejection::internal().into_response(self.media, self.request_id),
        }
    }
}
