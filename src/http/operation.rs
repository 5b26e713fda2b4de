//! What a GraphQL request asks for, whichever way it came: as an HTTP request, over a socket, or for an event stream.
//!
//! In order: its document found and, by its length, paid for; variables within their limits, the document
//! [parsed](super::parser), one operation selected, the permissions counted that it asks about, and what it costs,
//! which its sender pays. [`execution`](super::execution) is what becomes of it.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Request, Response as Answer, ServerError, Value, parser::types::OperationType};
use serde::Serialize;

use super::{
    AppState,
    documents::{Found, Keepsake},
    rejection::Rejection,
    request::Asked,
    sender::Sender,
};
use crate::graphql::{Cost, DocumentLimits, TrustedDocument, selected};

/// In place of the library's own words.
const WRONG_OPERATION: &str = "`operationName` does not select one operation of the document.";

/// A request that keeps every limit and selects one operation.
#[derive(Debug)]
pub(super) struct Operation {
    request: Request,
    kind: OperationType,
    cost: Cost,
    trusted: Option<Arc<TrustedDocument>>,
    keepsake: Keepsake,
}

impl Operation {
    /// Reads everything that can be known of `request` before it is executed.
    pub(super) fn read(state: &AppState, mut request: Request) -> Result<Self, Rejection> {
        DocumentLimits::default().check_variables(&request.variables).map_err(Rejection::unfit)?;
        state.parser.parse(&mut request)?;
        let kind = kind_of(&mut request)?;
        state.api.check_budget(&mut request)?;
        let cost = state.api.cost(&mut request)?;
        Ok(Self { request, kind, cost, trusted: None, keepsake: Keepsake::default() })
    }

    /// Finds the document that is asked for, and reads it.
    pub(super) fn find(state: &AppState, sender: &Sender, asked: Asked) -> Result<Self, Rejection> {
        let (named, rest) = asked.split();
        let Found { text, trusted, keepsake } = state.documents.find(named)?;
        if trusted.is_none() {
            sender.pays_to_read(&text)?;
        }
        let operation = Self::read(state, rest.with_text(text))?;
        let operation = Self { trusted, keepsake, ..operation };
        tracing::debug!(operation.name = operation.trusted_name(), "an operation is known");
        Ok(operation)
    }

    /// The name of the operation, if its document is a trusted one: there are few of those, and we know them all.
    pub(super) fn trusted_name(&self) -> Option<&str> {
        self.trusted.as_ref().map(|document| document.name.as_deref().unwrap_or(&document.id))
    }

    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    pub(super) const fn kind(&self) -> OperationType {
        self.kind
    }

    /// What is kept of its document, once it is paid for.
    pub(super) const fn keepsake(&self) -> &Keepsake {
        &self.keepsake
    }

    pub(super) fn into_request(self) -> Request {
        self.request
    }
}

/// The type of the operation that is selected.
fn kind_of(request: &mut Request) -> Result<OperationType, Rejection> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| Rejection::syntax(&error.locations))?;
    let operation = selected(document, name.as_deref());
    operation.map(|operation| operation.ty).ok_or_else(|| Rejection::document("BAD_REQUEST", WRONG_OPERATION))
}

/// Whether the operation was executed, and not refused as a whole.
pub(super) fn is_executed(answer: &Answer) -> bool {
    answer.is_ok() || answer.data != Value::Null || answer.errors.iter().any(|error| !error.path.is_empty())
}

/// The members in the order that the specification recommends: errors first, for people who read them.
#[derive(Serialize)]
pub(super) struct AnswerBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [ServerError]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    extensions: &'a BTreeMap<String, Value>,
}

impl<'a> From<&'a Answer> for AnswerBody<'a> {
    fn from(answer: &'a Answer) -> Self {
        Self {
            errors: (!answer.errors.is_empty()).then_some(&answer.errors),
            data: is_executed(answer).then_some(&answer.data),
            extensions: &answer.extensions,
        }
    }
}
