//! What the REST API answers when it will not do something.
//!
//! Errors are Permit's `ErrorDetails` object, or FastAPI's `detail` list for a body of the wrong shape. The body
//! is never `null`: the Node SDK reads `.message` of whatever it gets.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Why a REST call changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No valid API key.
    Unauthorized,
    /// No object of this kind has this key or id.
    NotFound { kind: &'static str, ident: String },
    /// The key, or another value that must be unique, is taken.
    Exists { kind: &'static str, message: String },
    /// The body or the query has the wrong shape at `place`.
    Invalid { place: Vec<String>, message: String, missing: bool },
    /// A permission that is not written `resource:action`.
    PermissionFormat { permission: String },
    /// More requests in a minute than Permit allows.
    TooMany { per_minute: usize, what: &'static str, retry_after: u64 },
}

impl Refusal {
    /// A required member of the body is absent or null.
    pub(super) fn missing(field: &str) -> Self {
        Self::Invalid { place: place("body", field), message: "field required".into(), missing: true }
    }

    /// A member of the body is there and wrong.
    pub(super) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { place: place("body", field), message: message.into(), missing: false }
    }

    /// An object of this kind has this value already, and no other may.
    pub(super) fn taken(kind: &'static str, member: &str, value: &str) -> Self {
        let message =
            format!("A {} with {member} '{value}' already exists in this environment", kind.to_lowercase());
        Self::Exists { kind, message }
    }

    /// A query parameter is there and wrong.
    pub(super) fn query(name: &str, message: impl Into<String>) -> Self {
        Self::Invalid { place: place("query", name), message: message.into(), missing: false }
    }

    /// What serde says about a body, told as FastAPI would.
    pub(super) fn body(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        match missing {
            Some((field, _)) => Self::missing(field),
            None => Self::Invalid { place: vec!["body".into()], message, missing: false },
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Exists { .. } => StatusCode::CONFLICT,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PermissionFormat { .. } => StatusCode::BAD_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// `error_code`, `title` and `message` of Permit's `ErrorDetails`.
    fn words(&self) -> (&'static str, String, String) {
        match self {
            Self::Unauthorized => {
                ("UNAUTHORIZED", "Unauthorized".into(), "The API key is missing or not valid".into())
            }
            Self::NotFound { kind, ident } => (
                "NOT_FOUND",
                "We could not find the requested object/s".into(),
                format!(
                    "The requested data could not be found, we could not find '{kind}' with id='{ident}' \
                     please double check that the object exists"
                ),
            ),
            Self::Exists { kind, message } => {
                ("DUPLICATE_ENTITY", format!("This {} already exists", kind.to_lowercase()), message.clone())
            }
            Self::Invalid { message, .. } => ("INVALID_INPUT", "Invalid input".into(), message.clone()),
            Self::PermissionFormat { permission } => (
                "INVALID_PERMISSION_FORMAT",
                "The permission has the wrong format".into(),
                format!("'{permission}' is not of the form 'resource:action'"),
            ),
            // The published codes have none for this, and the Python SDK knows no others.
            Self::TooMany { per_minute, what, .. } => (
                "UNEXPECTED_ERROR",
                "Too many requests".into(),
                format!("You have exceeded the rate limit of {per_minute} {what} per minute"),
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = match &self {
            Self::Invalid { place, message, missing } => json!({"detail": [{
                "loc": place,
                "msg": message,
                "type": if *missing { "value_error.missing" } else { "value_error" },
            }]}),
            other => details(other),
        };
        let mut response = (self.status(), Json(body)).into_response();
        if let Self::TooMany { retry_after, .. } = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after));
        }
        response
    }
}

fn details(refusal: &Refusal) -> Value {
    let (code, title, message) = refusal.words();
    json!({
        "id": Uuid::new_v4().simple().to_string(),
        "title": title,
        "error_code": code,
        "message": message,
        "support_link": "https://permit-io.slack.com/ssb/redirect",
        "additional_info": null,
    })
}

fn place(part: &str, field: &str) -> Vec<String> {
    vec![part.to_owned(), field.to_owned()]
}
