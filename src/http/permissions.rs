//! `POST /permissions`: what the caller may do, in the shape of Permit's front-end SDK (`permit-fe-sdk` 1.7, functions
//! `loadLocalStateBulk` and `addKeyToState`), which hands it to CASL.
//!
//! ```json
//! {"resourcesAndActions": [{"action": "delete", "resource": "task"}, {"action": "update", "resource": "task:ID"}]}
//! ```
//! is answered by `{"permittedList": [false, true]}`, a single such pair by `{"permitted": false}`. It is the field
//! `permissions` of the API behind another door: same limits, same batch, same log. Who asks is who the token says. A
//! user in the query string may only repeat it, and attributes are not taken from clients: whoever asks about
//! themselves could claim anything.

use std::sync::Arc;

use async_graphql::{Request, Response as Answer, Value, Variables};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Request as HttpRequest, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{
    AppState, RequestId,
    connection::Occupied,
    execution::{Arrival, Execution},
    negotiation::MediaType,
    operation::{AnswerBody, Operation},
    rejection::Rejection,
    request::json_body,
    sender::Sender,
    trace_of,
};
use crate::auth::{AuthError, Reason};

const DOCUMENT: &str =
    "query($checks: [PermissionCheckInput!]!) { permissions(checks: $checks) { allowed } }";

/// A body of either shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Bulk(Bulk),
    Single(Pair),
}

/// What is not known here is refused: somebody may rely on it, who names a user or a tenant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bulk {
    resources_and_actions: Vec<Pair>,
}

/// A resource, or one object of it as `type:id`, and what to do with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pair {
    action: String,
    resource: String,
    #[serde(default)]
    user_attributes: Option<Map<String, serde_json::Value>>,
    #[serde(default)]
    resource_attributes: Option<Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct QueryString {
    user: Option<String>,
}

pub(super) async fn serve(
    State(state): State<Arc<AppState>>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: HttpRequest,
) -> Response {
    let (head, body) = request.into_parts();
    let asking = Asking { state: &state, request_id: &request_id, head: &head };
    match asking.answer(body).await {
        Ok(answer) => answer,
        Err(rejection) => rejection.into_response(MediaType::Json, &request_id),
    }
}

/// One request.
struct Asking<'a> {
    state: &'a AppState,
    request_id: &'a str,
    head: &'a Parts,
}

impl Asking<'_> {
    async fn answer(self, body: Body) -> Result<Response, Rejection> {
        let Self { state, request_id, head } = self;
        let sender = Sender::of(state, &head.headers, &head.extensions).await?;
        let user = sender.subject.verified().ok_or(AuthError::Invalid(Reason::MissingToken))?;
        let named: QueryString = serde_urlencoded::from_str(head.uri.query().unwrap_or_default())
            .map_err(|_| Rejection::bad_request("The query string cannot be read, or names `user` twice."))?;
        if named.user.is_some_and(|named| !is_same(&named, &user.id)) {
            return Err(Rejection::bad_request(
                "`user` is not who the token says; nobody asks for somebody else.",
            ));
        }
        let bytes =
            json_body(&head.headers, body, state.config.max_body_bytes, state.config.body_timeout).await?;
        let asked: Asked = serde_json::from_slice(&bytes).map_err(|_| {
            Rejection::bad_request("Send `{resourcesAndActions: [{action, resource}]}`, or one such pair.")
        })?;
        let request = Request::new(DOCUMENT).variables(variables(&asked)?);
        let operation = Operation::read(state, request)?;
        let occupied = Occupied::connection(head.extensions.get());
        let arrival =
            Arrival { request_id: request_id.to_owned(), trace: trace_of(&head.extensions), occupied };
        let execution = Execution::paid(state, sender, operation, arrival)?;
        Ok(told(&asked, &execution.answer().await?))
    }
}

/// A plus sign stands for a space in a query string, and the SDK does not encode it.
fn is_same(named: &str, subject: &str) -> bool {
    named == subject || named == subject.replace('+', " ")
}

fn variables(asked: &Asked) -> Result<Variables, Rejection> {
    let pairs = match asked {
        Asked::Bulk(bulk) => bulk.resources_and_actions.as_slice(),
        Asked::Single(pair) => std::slice::from_ref(pair),
    };
    let attributes = |pair: &Pair| {
        [&pair.user_attributes, &pair.resource_attributes].into_iter().flatten().any(|map| !map.is_empty())
    };
    if pairs.iter().any(attributes) {
        return Err(Rejection::bad_request("Attributes are not taken from clients; leave them empty."));
    }
    let checks = pairs.iter().map(|pair| match pair.resource.split_once(':') {
        Some((resource, key)) => json!({"resource": resource, "action": pair.action, "key": key}),
        None => json!({"resource": pair.resource, "action": pair.action}),
    });
    Ok(Variables::from_json(json!({"checks": checks.collect::<Vec<_>>()})))
}

fn told(asked: &Asked, answer: &Answer) -> Response {
    let Ok(data) = answer.data.clone().into_json() else {
        return refused(answer);
    };
    let allowed: Option<Vec<bool>> = data["permissions"]
        .as_array()
        .and_then(|results| results.iter().map(|result| result["allowed"].as_bool()).collect());
    match (asked, allowed) {
        (Asked::Bulk(_), Some(allowed)) => Json(json!({"permittedList": allowed})).into_response(),
        (Asked::Single(_), Some(allowed)) => {
            Json(json!({"permitted": allowed.first() == Some(&true)})).into_response()
        }
        (_, None) => refused(answer),
    }
}

/// The errors, with the status that REST clients expect of their code.
fn refused(answer: &Answer) -> Response {
    let code = answer.errors.iter().find_map(|error| match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code.as_str()),
        _ => None,
    });
    let status = match code {
        Some("AUTHZ_UNAVAILABLE") => StatusCode::SERVICE_UNAVAILABLE,
        Some("BAD_USER_INPUT" | "TOO_MANY_CHECKS") => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(AnswerBody::from(answer))).into_response()
}
