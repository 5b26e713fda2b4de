//! Validates a document and executes nothing. The library validates only on the way to execution, and a document
//! from which parts are left out has to be validated as it was written.

use async_graphql::{Request, parser::types::ExecutableDocument};

/// Marks a request that ends after its validation.
pub(in crate::graphql) struct OnlyValidate;

/// A request whose answer has the errors of validating `document`, and nothing else.
pub(in crate::graphql) fn rehearsal(document: ExecutableDocument) -> Request {
    let mut request = Request::new(String::new()).data(OnlyValidate);
    request.set_parsed_query(document);
    request
}
