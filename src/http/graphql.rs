//! `/graphql`: one operation in, one answer out, as "GraphQL over HTTP" has it.
//!
//! In order: media type, method, credentials, parameters, and what [`operation`](super::operation) does. A bad token
//! is told before anything of the request is looked at.

use std::sync::Arc;

use async_graphql::{Response as Answer, parser::types::OperationType};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};

use super::{
    AppState, console,
    negotiation::{MediaType, negotiate, prefers_html},
    operation::{self, AnswerBody, Operation, is_executed},
    rejection::{Rejection, allowed_methods},
    request::{from_body, from_query_string, has_query},
};
use crate::graphql::Caller;

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
        let message = "Accept application/graphql-response+json or application/json.";
        let rejection = Rejection::new(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message);
        return rejection.into_response(MediaType::Json, request_id);
    };
    let exchange = Exchange { state: &state, media, request_id };
    match exchange.run(&method, &headers, query_string, body).await {
        Ok(answer) => answer,
        Err(rejection) => rejection.into_response(media, request_id),
    }
}

/// One request and what its answer needs to know of it.
struct Exchange<'a> {
    state: &'a AppState,
    media: MediaType,
    request_id: &'a str,
}

impl Exchange<'_> {
    async fn run(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<Response, Rejection> {
        if let Some(allowed) = allowed_methods(method) {
            return Err(Rejection::method_not_allowed(allowed));
        }
        let credentials = self.state.authenticator.authenticate(headers).await?;
        let (subject, token) = (credentials.subject, credentials.token);
        let operation = match self.read(method, headers, query_string, body).await {
            Ok(operation) => operation,
            Err(rejection) => {
                operation::admit(&self.state.api, &subject).await?;
                return Err(rejection);
            }
        };
        let caller = Caller { subject, token, request_id: self.request_id.to_owned() };
        Ok(self.told(&operation::answer(&self.state.api, operation, caller).await?))
    }

    /// Reads the parameters and everything that can be known of them before execution.
    async fn read(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<Operation, Rejection> {
        let config = &self.state.config;
        let request = if *method == Method::GET {
            from_query_string(query_string)?
        } else {
            from_body(headers, body, config.max_body_bytes, config.body_timeout).await?
        };
        let operation = Operation::read(&self.state.api, request)?;
        match operation.kind() {
            OperationType::Mutation if *method == Method::GET => Err(Rejection::method_not_allowed("POST")),
            OperationType::Subscription => {
                Err(Rejection::document("BAD_REQUEST", "Subscriptions are not served over HTTP."))
            }
            OperationType::Query | OperationType::Mutation => Ok(operation),
        }
    }

    fn told(&self, answer: &Answer) -> Response {
        let status = match self.media {
            MediaType::GraphqlResponse if !is_executed(answer) => StatusCode::BAD_REQUEST,
            MediaType::GraphqlResponse | MediaType::Json => StatusCode::OK,
        };
        match serde_json::to_vec(&AnswerBody::from(answer)) {
            Ok(bytes) => (status, [(CONTENT_TYPE, self.media.header_value())], bytes).into_response(),
            Err(_) => Rejection::internal().into_response(self.media, self.request_id),
        }
    }
}
