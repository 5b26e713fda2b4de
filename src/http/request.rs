//! A GraphQL request out of what a client sends: the parameters, from the query string of a GET, the JSON body of
//! a POST ("GraphQL over HTTP", section "Request parameters") or the payload of a message.

use std::time::Duration;

use async_graphql::{Request, Variables};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header::CONTENT_ENCODING},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{documents::Named, negotiation::is_json_body, rejection::Rejection};
use crate::graphql::MAX_ID_BYTES;

const MISSING: &str = "`query` is missing.";

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Asked {
    document: Named,
    rest: Rest,
}

/// What a client asks of the document.
#[derive(Debug)]
pub(super) struct Rest {
    operation_name: Option<String>,
    variables: Variables,
}

impl Asked {
    /// The document, and what is asked of it.
    pub(super) fn split(self) -> (Named, Rest) {
        (self.document, self.rest)
    }
}

impl Rest {
    /// The request, once it is known which document is meant.
    pub(super) fn with_text(self, text: String) -> Request {
        let mut request = Request::new(text).variables(self.variables);
        request.operation_name = self.operation_name;
        request
    }
}

/// The parameters of a POST or a message, with their types still open, so that a wrong one gets a clear answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<Value>,
    document_id: Option<Value>,
    operation_name: Option<Value>,
    variables: Option<Value>,
    extensions: Option<Value>,
}

/// The parameters of a GET: `variables` and `extensions` are JSON texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryString {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// Whether a query string asks for an execution, and not for a page.
pub(super) fn has_query(query_string: &str) -> bool {
    serde_urlencoded::from_str::<QueryString>(query_string)
        .map_or(true, |sent| sent.query.is_some() || sent.document_id.is_some() || sent.extensions.is_some())
}

/// Reads the query string of a GET.
pub(super) fn from_query_string(query_string: &str) -> Result<Asked, Rejection> {
    let parameters: QueryString = serde_urlencoded::from_str(query_string).map_err(|_| {
        Rejection::bad_request("The query string cannot be read, or names a parameter twice.")
    })?;
    let json = |text: Option<String>| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| Rejection::bad_request("`variables` and `extensions` must be JSON objects.")),
    };
    written(Parameters {
        query: parameters.query.map(Value::String),
        document_id: parameters.document_id.map(Value::String),
        operation_name: parameters.operation_name.map(Value::String),
        variables: json(parameters.variables)?,
        extensions: json(parameters.extensions)?,
    })
}

/// Reads the body of a POST: at most `limit` bytes within `timeout`.
pub(super) async fn from_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Asked, Rejection> {
    let bytes = json_body(headers, body, limit, timeout).await?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Rejection::bad_request("Send one operation; arrays of operations are not supported."));
    }
    let parameters = serde_json::from_slice(&bytes).map_err(|_| {
        Rejection::bad_request("The body must be a JSON object, without a parameter named twice.")
    })?;
    written(parameters)
}

/// The bytes of a body that says it is JSON.
pub(super) async fn json_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Rejection> {
    let unsupported = |message| Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_REQUEST", message);
    if !is_json_body(headers) {
        return Err(unsupported("Send the request as JSON with Content-Type: application/json."));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(unsupported("Compressed request bodies are not supported."));
    }
    let read = tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await;
    match read {
        Err(_) => {
            let message = "The request body took too long.";
            Err(Rejection::new(StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", message))
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = "The request body is too large.";
            Err(Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST", message))
        }
        Ok(Err(_)) => Err(Rejection::bad_request("The request body was cut off.")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// Reads the payload of a message; why it is none.
pub(super) fn from_payload(json: &str) -> Result<Asked, &'static str> {
    // A list of the parameters' values would be read as an object otherwise.
    let parameters = json.starts_with('{').then(|| serde_json::from_str(json).ok()).flatten();
    asked(parameters.ok_or("`payload` must be an object, without a member named twice.")?)
}

/// A document without a word is one that somebody forgot to send.
fn written(parameters: Parameters) -> Result<Asked, Rejection> {
    match asked(parameters) {
        Ok(Asked { document: Named::Text(text), .. }) if text.trim().is_empty() => {
            Err(Rejection::bad_request(MISSING))
        }
        Ok(asked) => Ok(asked),
        Err(problem) => Err(Rejection::bad_request(problem)),
    }
}

fn asked(parameters: Parameters) -> Result<Asked, &'static str> {
    let extensions = object(parameters.extensions, "`extensions` must be an object.")?;
    let document = document(parameters.query, parameters.document_id, extensions.get("persistedQuery"))?;
    let operation_name = match parameters.operation_name {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err("`operationName` must be a string."),
    };
    let variables = object(parameters.variables, "`variables` must be an object.")?;
    let variables = Variables::from_json(Value::Object(variables));
    Ok(Asked { document, rest: Rest { operation_name, variables } })
}

fn document(
    query: Option<Value>,
    id: Option<Value>,
    persisted: Option<&Value>,
) -> Result<Named, &'static str> {
    let is_id = |id: &str| (1..=MAX_ID_BYTES).contains(&id.len());
    let text = match query {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err("`query` must be a string."),
    };
    match (text, id, persisted) {
        (Some(_), Some(_), _) => Err("Send `query` or `documentId`, not both."),
        (None, Some(Value::String(id)), _) if is_id(&id) => Ok(Named::Id(id)),
        (None, Some(_), _) => Err("`documentId` must be a string of 1 to 200 bytes."),
        (text, None, Some(Value::Object(persisted))) => {
            match (persisted.get("version").and_then(Value::as_u64), persisted.get("sha256Hash")) {
                (Some(1), Some(Value::String(hash))) if is_id(hash) => {
                    Ok(Named::Hash { hash: hash.clone(), text })
                }
                _ => Err("`persistedQuery` must be {version: 1, sha256Hash} with the hash of `query`."),
            }
        }
        (Some(text), None, _) => Ok(Named::Text(text)),
        (None, None, _) => Err(MISSING),
    }
}

fn object(value: Option<Value>, message: &'static str) -> Result<Map<String, Value>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(message),
    }
}
