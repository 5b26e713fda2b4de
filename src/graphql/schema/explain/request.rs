//! The operation that is to be explained, read as the executor would read it.

use async_graphql::{Context, Request, Variables, registry::Registry};
use serde_json::Value;

use crate::graphql::{
    authorization::{
        decisions::Undecided,
        plan::{Ground, Step},
        rules::Rules,
    },
    document::{budget, limits::DocumentLimits, variables},
    execution::{context::ContextExt as _, error::ApiError},
    selected,
};

/// One operation with its variables: valid, within the limits, and never to be executed.
pub(super) struct Explained {
    request: Request,
}

impl Explained {
    /// Reads the arguments of `explain`.
    ///
    /// # Errors
    /// The executor would not take them.
    pub(super) async fn read(
        ctx: &Context<'_>,
        document: &str,
        variables: Value,
        operation_name: Option<String>,
    ) -> Result<Self, ApiError> {
        let registry = &ctx.schema_env.registry;
        let document = ctx.validator()?.read(ctx.operation()?, registry, document).await?;
        let mut request = Request::new(String::new()).variables(read_variables(variables)?);
        if selected(&document, operation_name.as_deref()).is_none() {
            let message = "This does not select one operation of the document.";
            return Err(ApiError::bad_input("operationName", message));
        }
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        let counted = budget::check(&mut request);
        counted.map_err(|too_many| ApiError::Undecided(Undecided::TooMany { asked: too_many.actual }))?;
        coerce(registry, &mut request)?;
        Ok(Self { request })
    }

    /// What it asks for.
    pub(super) fn steps(&mut self, registry: &Registry, rules: &Rules) -> Vec<Step> {
        let variables = std::mem::take(&mut self.request.variables);
        let name = self.request.operation_name.clone();
        let Ok(document) = self.request.parsed_query() else { return Vec::new() };
        let Some(operation) = selected(document, name.as_deref()) else { return Vec::new() };
        Ground { registry, rules, document, variables: Some(&variables) }.steps(operation)
    }
}

fn read_variables(variables: Value) -> Result<Variables, ApiError> {
    if !matches!(variables, Value::Null | Value::Object(_)) {
        return Err(ApiError::bad_input("variables", "`variables` must be an object."));
    }
    let variables = Variables::from_json(variables);
    DocumentLimits::default().check_variables(&variables)?;
    Ok(variables)
}

fn coerce(registry: &Registry, request: &mut Request) -> Result<(), ApiError> {
    let found = variables::coerce(registry, request);
    if let Some(error) = found.errors.first() {
        return Err(ApiError::bad_input("variables", error.message.clone()));
    }
    if !found.omitted.is_empty() {
        variables::leave_out(request, &found.omitted);
    }
    Ok(())
}
