//! Validates a document and executes nothing. The library validates only on the way to execution, and a document
//! from which parts are left out has to be validated as it was written.

use std::sync::Arc;

use async_graphql::{
    Request, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::ExecutableDocument,
};

/// Ends a request made by [`rehearsal`] after its validation.
pub(in crate::graphql) struct Rehearsal;

/// Marks a request that is only validated.
struct OnlyValidate;

/// A request whose answer has the errors of validating `document`, and nothing else.
pub(in crate::graphql) fn rehearsal(document: ExecutableDocument) -> Request {
    let mut request = Request::new(String::new()).data(OnlyValidate);
    request.set_parsed_query(document);
    request
}

impl ExtensionFactory for Rehearsal {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Rehearsal {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await?;
        match ctx.data_opt::<OnlyValidate>() {
            Some(OnlyValidate) => Err(Vec::new()),
            None => Ok(valid),
        }
    }
}
