//! `/graphql`: one operation in, one answer out, as "GraphQL over HTTP" has it.
//!
//! In order: media type, method, credentials, parameters, limits, document, execution. A bad token is told before
//! anything of the request is looked at.

use std::sync::Arc;

use async_graphql::{Request, Response as Answer, Value, parser::types::OperationType};
use axum::{
    Extension,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    AppState, RequestId, TraceId, console,
    negotiation::{MediaType, negotiate, prefers_html},
    rejection::{Rejection, allowed_methods},
    request::{from_body, from_query_string, has_query},
};
use crate::{
    auth::{AuthError, Reason, Subject},
    graphql::{Caller, DocumentLimits},
};

/// Errors in the library's own words, before a document is executed.
const WRONG_OPERATION: &str = "`operationName` does not select one operation of the document.";

pub(super) async fn serve(
    State(state): State<Arc<AppState>>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(TraceId(trace_id)): Extension<TraceId>,
    RawQuery(query_string): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let query_string = query_string.unwrap_or_default();
    if let Some(page) = &state.console
        && method == Method::GET
        && prefers_html(&headers)
        && !has_query(&query_string)
    {
        return console::page(page);
    }
    let Some(media) = negotiate(&headers) else {
        let message = "Accept application/graphql-response+json or application/json.";
        let rejection = Rejection::new(StatusCode::NOT_ACCEPTABLE, "BAD_REQUEST", message);
        return rejection.into_response(MediaType::Json, &request_id);
    };
    let exchange = Exchange { state: &state, media, request_id: &request_id, trace_id };
    match exchange.run(&method, &headers, &query_string, body).await {
        Ok(answer) => answer,
        Err(rejection) => rejection.into_response(media, &request_id),
    }
}

/// One request and what its answer needs to know of it.
struct Exchange<'a> {
    state: &'a AppState,
    media: MediaType,
    request_id: &'a str,
    trace_id: Option<String>,
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
        let admission = self.admit(subject.clone());
        let (request, kind) = match self.read(method, headers, query_string, body).await {
            Ok(read) => read,
            Err(rejection) => {
                admission.await?;
                return Err(rejection);
            }
        };
        let (request_id, trace_id) = (self.request_id.to_owned(), self.trace_id.clone());
        let caller = Caller { subject, token, request_id, trace_id };
        let execution = self.state.api.execute(request, caller);
        if kind == OperationType::Mutation {
            admission.await?;
            return Ok(self.answer(&execution.await));
        }
        // Reading has no effect that could not be thrown away, so the database is asked meanwhile.
        let (admitted, answer) = tokio::join!(admission, execution);
        admitted?;
        Ok(self.answer(&answer))
    }

    /// Refuses somebody who was removed from their tenant, whose token is still good.
    async fn admit(&self, subject: Subject) -> Result<(), Rejection> {
        let Some(user) = subject.verified() else { return Ok(()) };
        match self.state.api.is_removed(user).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(AuthError::Invalid(Reason::UserRemoved).into()),
            Err(_) => Err(Rejection::internal()),
        }
    }

    /// Reads the parameters and everything that can be known of them before execution.
    async fn read(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query_string: &str,
        body: Body,
    ) -> Result<(Request, OperationType), Rejection> {
        let mut request = if *method == Method::GET {
            from_query_string(query_string)?
        } else {
            from_body(headers, body, self.state.max_body_bytes, self.state.body_timeout).await?
        };
        let limits = DocumentLimits::default();
        limits
            .check_text(&request.query)
            .and_then(|()| limits.check_variables(&request.variables))
            .map_err(|error| Rejection::unfit(self.unexecuted(), error))?;
        let kind = self.parse(&mut request, limits, *method == Method::GET)?;
        self.state.api.check_budget(&mut request)?;
        Ok((request, kind))
    }

    /// Parses the document once, for us and for the executor, and selects the operation.
    fn parse(
        &self,
        request: &mut Request,
        limits: DocumentLimits,
        only_query: bool,
    ) -> Result<OperationType, Rejection> {
        let name = request.operation_name.clone();
        let document =
            request.parsed_query().map_err(|error| Rejection::syntax(self.unexecuted(), &error.locations))?;
        limits.check(document).map_err(|error| Rejection::unfit(self.unexecuted(), error))?;
        let mut selected = document.operations.iter().filter(|(operation, _)| {
            name.is_none() || operation.map(async_graphql::Name::as_str) == name.as_deref()
        });
        match (selected.next(), selected.next()) {
            (Some((_, operation)), None) => match operation.node.ty {
                OperationType::Mutation if only_query => Err(Rejection::method_not_allowed("POST")),
                OperationType::Subscription => Err(Rejection::new(
                    self.unexecuted(),
                    "BAD_REQUEST",
                    "Subscriptions are not served over HTTP.",
                )),
                kind @ (OperationType::Query | OperationType::Mutation) => Ok(kind),
            },
            _ => Err(Rejection::new(self.unexecuted(), "BAD_REQUEST", WRONG_OPERATION)),
        }
    }

    /// Status of a well-formed request whose document is not executed.
    const fn unexecuted(&self) -> StatusCode {
        match self.media {
            MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
            MediaType::Json => StatusCode::OK,
        }
    }

    fn answer(&self, answer: &Answer) -> Response {
        let executed = answer.is_ok()
            || answer.data != Value::Null
            || answer.errors.iter().any(|error| !error.path.is_empty());
        let status = if executed { StatusCode::OK } else { self.unexecuted() };
        let body = AnswerBody {
            errors: (!answer.errors.is_empty()).then_some(&answer.errors),
            data: executed.then_some(&answer.data),
            extensions: &answer.extensions,
        };
        match serde_json::to_vec(&body) {
            Ok(bytes) => (status, [(CONTENT_TYPE, self.media.header_value())], bytes).into_response(),
            Err(_) => Rejection::internal().into_response(self.media, self.request_id),
        }
    }
}

/// The members in the order that the specification recommends: errors first, for people who read them.
#[derive(Serialize)]
struct AnswerBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a Vec<async_graphql::ServerError>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    extensions: &'a std::collections::BTreeMap<String, Value>,
}
