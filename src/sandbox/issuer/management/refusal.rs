//! What the Management API answers when it will not do something: Auth0's JSON error.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a call changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or none of this API.
    Unauthorized(&'static str),
    /// The token lacks each of these scopes.
    Scope(&'static str),
    /// The path names nobody that could exist.
    Uri(String),
    /// A query parameter is wrong.
    Query(String),
    /// The body is wrong.
    Body(String),
    NoUser,
    NoRole,
}

impl Refusal {
    /// Status, `message` and `errorCode`; Auth0 leaves the last one out where it has none.
    fn words(self) -> (StatusCode, String, Option<&'static str>) {
        match self {
            Self::Unauthorized(message) => (StatusCode::UNAUTHORIZED, message.to_owned(), None),
            Self::Scope(scopes) => {
                let message = format!("Insufficient scope, expected any of: {scopes}");
                (StatusCode::FORBIDDEN, message, Some("insufficient_scope"))
            }
            Self::Uri(message) => (StatusCode::BAD_REQUEST, message, Some("invalid_uri")),
            Self::Query(problem) => {
                let message = format!("Query validation error: '{problem}'.");
                (StatusCode::BAD_REQUEST, message, Some("invalid_query_string"))
            }
            Self::Body(problem) => {
                let message = format!("Payload validation error: '{problem}'.");
                (StatusCode::BAD_REQUEST, message, Some("invalid_body"))
            }
            Self::NoUser => {
                (StatusCode::NOT_FOUND, "The user does not exist.".into(), Some("inexistent_user"))
            }
            Self::NoRole => {
                (StatusCode::NOT_FOUND, "The role does not exist.".into(), Some("inexistent_role"))
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message, code) = self.words();
        let mut body = json!({
            "statusCode": status.as_u16(), "error": status.canonical_reason(), "message": message,
        });
        if let Some(code) = code {
            body["errorCode"] = json!(code);
        }
        (status, Json(body)).into_response()
    }
}
