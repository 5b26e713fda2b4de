//! Errors in nullable fields, as the specification wants them: the field is `null`, its error keeps the leaf's own
//! path, and siblings survive. (async-graphql 7.0 loses the whole answer without this, and the leaf of a path
//! inside a list.)
//!
//! Many refusals of one field for one reason become one error with a `count`: a page of a hundred rows with a
//! field that the caller may not read would otherwise bury everything else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_graphql::{
    ErrorExtensionValues, PathSegment, Response, ServerError, ServerResult, ValidationResult, Value,
    Variables,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextResolve,
        NextValidation, ResolveInfo,
    },
    parser::types::ExecutableDocument,
};

use tokio::time::timeout;

use super::{
    add_receipt,
    answer_size::{AnswerSize, Overfull},
    error::{HiddenMark, code_of},
};
use crate::graphql::{
    document::variables::OnlyValidate,
    schema::{
        bad_ids::explain,
        subscription::{Event, Events},
    },
};

/// Most errors of a document that is not valid.
const MAX_VALIDATION_ERRORS: usize = 20;
/// Longest text of an error in the library's words, in characters.
const MAX_MESSAGE: usize = 200;

/// Creates the recorder of one operation.
pub(in crate::graphql) struct FieldErrors;

/// Marks an error that is recorded already and only climbs to the next nullable field.
struct Climbing;

/// An error and where it happened, as `Type.field`.
struct Recorded {
    coordinate: String,
    error: ServerError,
}

#[derive(Default)]
struct Recorder {
    recorded: Mutex<Vec<Recorded>>,
    /// What the request sent, if anything: an error may have to say which of it cannot be read.
    variables: OnceLock<Variables>,
    /// Shared with what resolves fields by itself, see [`Eager`](super::eager::Eager).
    size: OnceLock<Arc<AnswerSize>>,
}

impl ExtensionFactory for FieldErrors {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Recorder::default())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Recorder {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if let Some(size) = ctx.data_opt::<Arc<AnswerSize>>() {
            let _ = self.size.set(size.clone());
        }
        if !variables.is_empty() {
            // Only the first document of an operation is asked for, and there is no other.
            let _ = self.variables.set(variables.clone());
        }
        next.run(ctx, query, variables).await
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await.map_err(|mut errors| {
            // One mistake can be found in thousands of places; the first few tell it.
            errors.truncate(MAX_VALIDATION_ERRORS);
            for error in &mut errors {
                set_code(error, "GRAPHQL_VALIDATION_FAILED");
            }
            errors
        })?;
        // A rehearsal ends here; as an extension of its own it would cost every field a call.
        if ctx.data_opt::<OnlyValidate>().is_some() { Err(Vec::new()) } else { Ok(valid) }
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let nullable = !info.return_type.ends_with('!');
        let (parent, name, field, path) = (info.parent_type, info.name, info.field, info.path_node);
        let answered = next.run(ctx, info).await;
        match answered.and_then(|value| self.size().admit(value, field, path)) {
            Err(error) if nullable && error.source::<HiddenMark>().is_some() => Ok(Some(Value::Null)),
            Err(mut error) => {
                if error.source::<Climbing>().is_none() && error.source::<Overfull>().is_none() {
                    let registry = &ctx.schema_env.registry;
                    explain(&mut error, registry, parent, field, self.variables.get());
                    // Whatever reaches here without a code is an argument that could not be read.
                    set_code(&mut error, "BAD_USER_INPUT");
                    self.record(Recorded { coordinate: format!("{parent}.{name}"), error: error.clone() });
                }
                if nullable {
                    Ok(Some(Value::Null))
                } else {
                    Err(ServerError { source: Some(Arc::new(Climbing)), ..error })
                }
            }
            answered => answered,
        }
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.size().reset();
        let mut response = match Events::next(ctx) {
            Some(event) => told(event, ctx, operation_name, next).await,
            None => next.run(ctx, operation_name).await,
        };
        response.errors.retain(|error| error.source::<Climbing>().is_none());
        let recorded = std::mem::take(&mut *self.recorded.lock().unwrap_or_else(PoisonError::into_inner));
        response.errors.extend(collapsed(recorded));
        response
    }
}

/// What comes of an event, with a receipt and a bill of its own.
async fn told(
    mut event: Event,
    ctx: &ExtensionContext<'_>,
    operation_name: Option<&str>,
    next: NextExecute<'_>,
) -> Response {
    let data = std::mem::take(&mut event.data);
    let executed = match event.unpaid {
        None => timeout(event.limit, next.run_with_data(ctx, operation_name, data)).await,
        Some(exceeded) => Ok(Response::from_errors(vec![event.unpaid(exceeded)])),
    };
    let mut response = executed.unwrap_or_else(|_| Response::from_errors(vec![event.late()]));
    add_receipt(&mut response, &event.operation);
    event.operation.bill.add_to(&mut response);
    response
}

impl Recorder {
    fn size(&self) -> &AnswerSize {
        self.size.get_or_init(Arc::default)
    }

    fn record(&self, recorded: Recorded) {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }
}

/// Gives a code to an error that has none. Such an error is not ours, and its text is of any length.
pub(super) fn set_code(error: &mut ServerError, code: &str) {
    let extensions = error.extensions.get_or_insert_default();
    if code_of(Some(extensions)).is_none() {
        extensions.set("code", code);
        shorten(&mut error.message);
    }
}

/// Takes out a value that the client sent, which the library repeats whole, and whatever is too long to be read.
fn shorten(message: &mut String) {
    if let Some(value) = message.find(", found ") {
        message.truncate(value);
        message.push('.');
    }
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
}

/// One error for each field coordinate, code and reason, at the first path, with the number of them.
fn collapsed(mut recorded: Vec<Recorded>) -> Vec<ServerError> {
    recorded.sort_by_key(|recorded| position(&recorded.error));
    let mut groups: HashMap<(String, Option<String>, Option<String>), usize> = HashMap::new();
    let mut errors: Vec<(ServerError, u64)> = Vec::new();
    for Recorded { coordinate, error } in recorded {
        let code = code_of(error.extensions.as_ref()).map(str::to_owned);
        if !matches!(code.as_deref(), Some("FORBIDDEN" | "AUTHZ_UNAVAILABLE" | "UNAUTHENTICATED")) {
            errors.push((error, 1));
            continue;
        }
        let reason = error.extensions.as_ref().and_then(|values| values.get("reason")).map(Value::to_string);
        match groups.entry((coordinate, code, reason)) {
            std::collections::hash_map::Entry::Occupied(first) => errors[*first.get()].1 += 1,
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(errors.len());
                errors.push((error, 1));
            }
        }
    }
    errors.into_iter().map(counted).collect()
}

fn counted((mut error, count): (ServerError, u64)) -> ServerError {
    if count > 1 {
        error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("count", count);
    }
    error
}

/// Rows in their order; fields of one object in the order in which they failed, which the sort keeps.
fn position(error: &ServerError) -> Vec<usize> {
    let indices = error.path.iter().filter_map(|segment| match segment {
        PathSegment::Index(index) => Some(*index),
        PathSegment::Field(_) => None,
    });
    indices.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_library_does_not_repeat_what_was_sent() {
        let long = "é".repeat(1_000);
        for (message, expected) in [
            ("Unknown field \"a\".".to_owned(), "Unknown field \"a\".".to_owned()),
            (
                format!("Expected input type \"Int\", found \"{long}\"."),
                "Expected input type \"Int\".".to_owned(),
            ),
            (long.clone(), "é".repeat(200) + "…"),
        ] {
            let mut error = ServerError::new(message, None);
            set_code(&mut error, "BAD_USER_INPUT");
            assert_eq!(error.message, expected);
        }
        let mut ours = ServerError::new(long.clone(), None);
        ours.extensions.get_or_insert_default().set("code", "FORBIDDEN");
        set_code(&mut ours, "INTERNAL");
        assert_eq!(ours.message, long);
    }
}
