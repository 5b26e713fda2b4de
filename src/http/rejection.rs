//! Answers to requests that never reach execution, all in the same shape: GraphQL errors with a code, in the media
//! type that the client reads.

use std::time::Duration;

use async_graphql::Pos;
use axum::{
    http::{
        HeaderValue, Method, StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::negotiation::MediaType;
use crate::{
    auth::AuthError,
    graphql::{DocumentError, LimitExceeded, TooManyChecks},
    rate_limit::Exceeded,
};

/// A refusal: a status, a code and a sentence, and what belongs to the code.
#[derive(Debug)]
pub(super) struct Rejection {
    status: StatusCode,
    about: About,
    message: &'static str,
    extensions: Map<String, Value>,
    locations: Vec<Value>,
    headers: Vec<(axum::http::HeaderName, HeaderValue)>,
}

/// What is refused. A stream has begun when a document is looked at, so it tells the last two in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// A request that is none, or whose sender is not heard.
    Request,
    /// A document that is not executed; readers of `application/json` expect 200 all the same.
    Document,
    /// An operation that asks for too much, which has one status in every media type.
    Amount,
}

impl Rejection {
    pub(super) fn new(status: StatusCode, code: &str, message: &'static str) -> Self {
        let extensions = Map::from_iter([("code".to_owned(), json!(code))]);
        let about = About::Request;
        Self { status, about, message, extensions, locations: Vec::new(), headers: Vec::new() }
    }

    /// A well-formed request whose document is not executed.
    pub(super) fn document(code: &str, message: &'static str) -> Self {
        Self { about: About::Document, ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    fn amount(code: &str, message: &'static str) -> Self {
        Self { about: About::Amount, ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    /// A request that is not one of GraphQL over HTTP.
    pub(super) fn bad_request(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let message = "This method is not allowed here.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message)
            .header(ALLOW, HeaderValue::from_static(allowed))
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BAD_REQUEST", "There is nothing here; the API is at /graphql.")
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "The server made a mistake.")
    }

    /// An operation or a subscription more than may be open. The others go on, and so does what carries them.
    pub(super) fn too_many_subscriptions(message: &'static str, what: &'static str, limit: usize) -> Self {
        let rejection = Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_SUBSCRIPTIONS", message);
        Self { about: About::Amount, ..rejection }
            .with("what", json!(what))
            .with("limit", json!(limit))
            .with("actual", json!(limit.saturating_add(1)))
    }

    /// An operation that was given up after `limit`, and left no trace.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::late(limit, "The operation took too long and was given up; ask for less at once.")
    }

    /// A mutation that was not done within `limit`. It may be done by now, or still be, and all of it or nothing in each
    /// of its fields.
    pub(super) fn left_alone(limit: Duration) -> Self {
        let message =
            "The mutation took too long, and nobody knows what came of it: look before you repeat it.";
        Self::late(limit, message).with("outcome", json!("UNKNOWN"))
    }

    /// A mutation that was not done to its end by a fault of ours. Each of its fields is done, or nothing of it.
    pub(super) fn broken_off() -> Self {
        let message =
            "The server made a mistake, and nobody knows what came of it: look before you repeat it.";
        Self { message, ..Self::internal() }.with("outcome", json!("UNKNOWN"))
    }

    fn late(limit: Duration, message: &'static str) -> Self {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let rejection = Self::new(StatusCode::GATEWAY_TIMEOUT, "OPERATION_TIMEOUT", message);
        rejection.with("limitMs", json!(limit))
    }

    /// There is not enough in a bucket for this operation.
    fn rate_limited(exceeded: Exceeded) -> Self {
        let message = "This is more than you may ask for at the moment; try again later.";
        let rejection = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
        Self { about: About::Amount, ..rejection }
            .with("bucket", json!(exceeded.bucket))
            .retry_after(exceeded.retry_after)
    }

    /// A document that is not trusted, where only trusted ones are executed.
    pub(super) fn document_not_allowed(id: &str) -> Self {
        Self::document("DOCUMENT_NOT_ALLOWED", "Only documents of known clients are executed here.")
            .with("documentId", json!(id))
    }

    /// A document that is not known by this id or hash. Word for word what Apollo Client and urql look for, to send the
    /// document too.
    pub(super) fn persisted_query_not_found(id: &str) -> Self {
        Self::document("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound").with("documentId", json!(id))
    }

    /// The same, to send the document instead from then on.
    pub(super) fn persisted_query_not_supported() -> Self {
        Self::document("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    }

    /// A document that cannot be parsed. Its text is not repeated, only the place.
    pub(super) fn syntax(places: &[Pos]) -> Self {
        Self::document("GRAPHQL_PARSE_FAILED", "The document is not valid GraphQL.").at(places)
    }

    /// A document that is not even validated.
    pub(super) fn unfit(error: DocumentError) -> Self {
        match error {
            DocumentError::Unterminated(place) => Self::syntax(&[place]),
            DocumentError::Circle(place) => {
                let message = "Fragments spread each other in a circle.";
                Self::document("GRAPHQL_VALIDATION_FAILED", message).at(&[place])
            }
            DocumentError::Exceeded(exceeded) => exceeded.into(),
        }
    }

    fn at(mut self, places: &[Pos]) -> Self {
        let place = |place: &Pos| json!({"line": place.line, "column": place.column});
        self.locations = places.iter().map(place).collect();
        self
    }

    pub(super) fn header(mut self, name: axum::http::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.extensions.insert(field.to_owned(), value);
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        // Rounded up: whoever waits exactly so long must not come too early.
        let millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.with("retryAfterMs", json!(millis))
            .header(RETRY_AFTER, HeaderValue::from(millis.div_ceil(1_000).max(1)))
    }

    /// As in `extensions.code`.
    pub(super) fn code(&self) -> &str {
        self.extensions.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a document is refused, and not the request that carries it.
    pub(super) fn is_about_a_document(&self) -> bool {
        self.about != About::Request
    }

    /// Whether it is the sender who is refused, and not what was sent.
    pub(super) fn is_about_the_sender(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// Whether the same may be accepted later: it is too much at the moment, or it is us who cannot tell.
    pub(super) fn is_of_the_moment(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.status.is_server_error()
    }

    /// In one line: the reason if there is one, else the code, and the sentence.
    pub(super) fn line(&self) -> String {
        let name = self.extensions.get("reason").or_else(|| self.extensions.get("code"));
        format!("{}: {}", name.and_then(Value::as_str).unwrap_or_default(), self.message)
    }

    /// The refusal as a GraphQL error.
    pub(super) fn error(&self, request_id: &str) -> Value {
        let mut error = json!({"message": self.message, "extensions": self.extensions});
        error["extensions"]["requestId"] = json!(request_id);
        if !self.locations.is_empty() {
            error["locations"] = json!(self.locations);
        }
        error
    }

    /// The answer in the given media type; in JSON to somebody who expects a stream, which there will be none of.
    pub(super) fn into_response(self, media: MediaType, request_id: &str) -> Response {
        let media = if media == MediaType::EventStream { MediaType::Json } else { media };
        let status = match (self.about, media) {
            (About::Document, MediaType::Json) => StatusCode::OK,
            _ => self.status,
        };
        let body = json!({"errors": [self.error(request_id)], "extensions": {"requestId": request_id}});
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, media.header_value());
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<AuthError> for Rejection {
    fn from(error: AuthError) -> Self {
        let challenge = error.www_authenticate().and_then(|text| HeaderValue::from_str(&text).ok());
        let rejection = match error {
            AuthError::BadRequest(message) => Self::bad_request(message),
            AuthError::Invalid(reason) => {
                Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", reason.advice())
                    .with("reason", json!(reason.code()))
            }
            AuthError::TenantNotAllowed { tenant } => {
                let message = "Your organization has no access to this server.";
                Self::new(StatusCode::FORBIDDEN, "TENANT_NOT_ALLOWED", message).with("tenant", json!(tenant))
            }
            AuthError::Unavailable { retry_after } => {
                let message = "Access tokens cannot be verified at the moment; try again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "AUTHN_UNAVAILABLE", message)
                    .retry_after(retry_after)
            }
        };
        match challenge {
            Some(challenge) => rejection.header(WWW_AUTHENTICATE, challenge),
            None => rejection,
        }
    }
}

impl From<LimitExceeded> for Rejection {
    fn from(exceeded: LimitExceeded) -> Self {
        Self::amount("QUERY_TOO_COMPLEX", "The document asks for too much at once.")
            .with("what", json!(exceeded.what))
            .with("limit", json!(exceeded.limit))
            .with("actual", json!(exceeded.actual))
    }
}

impl From<Exceeded> for Rejection {
    fn from(exceeded: Exceeded) -> Self {
        Self::rate_limited(exceeded)
    }
}

impl From<TooManyChecks> for Rejection {
    fn from(exceeded: TooManyChecks) -> Self {
        Self::amount("TOO_MANY_CHECKS", TooManyChecks::ADVICE)
            .with("what", json!(TooManyChecks::WHAT))
            .with("limit", json!(exceeded.limit()))
            .with("actual", json!(exceeded.actual))
    }
}

/// The allowed methods of `/graphql`, as `Allow` has them.
pub(super) fn allowed_methods(method: &Method) -> Option<&'static str> {
    (!matches!(*method, Method::GET | Method::POST)).then_some("GET, POST")
}
