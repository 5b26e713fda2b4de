//! Documents that are sent as an argument, to be looked at and never executed. The limits and the rules of those that
//! are executed hold for them too.

use async_graphql::{
    Schema, ServerError,
    parser::{parse_query, types::ExecutableDocument},
    registry::Registry,
};

use super::{
    limits::{DocumentError, DocumentLimits, LimitExceeded},
    validation::overlooked,
    variables::rehearsal,
};
use crate::graphql::{
    ApiSchema, Config, Mutation, Query,
    authorization::describe::Described,
    execution::{context::Operation, error::ApiError, field_errors::FieldErrors},
    schema::subscription::Subscription,
};

/// Documents that one operation may have looked at: each costs what the validation of the operation itself may cost.
const MAX_DOCUMENTS: u64 = 4;
/// Most mistakes that are told at once.
const MAX_TOLD: usize = 20;

/// Why a document that was sent as an argument is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) enum Unfit {
    /// It asks for too much.
    TooComplex(LimitExceeded),
    /// It is not valid; one sentence for each mistake, which begins with its place.
    Invalid(Vec<String>),
}

/// Validates documents. Its schema knows the types and nothing else: there is nothing in it that could be read or
/// written, whatever a document says.
pub(in crate::graphql) struct Validator(ApiSchema);

impl Validator {
    pub(in crate::graphql) fn new(config: Config) -> Self {
        let (query, mutation) = (Described(Query::default()), Described(Mutation::default()));
        let mut schema = Schema::build(query, mutation, Described(Subscription)).extension(FieldErrors);
        if !config.introspection {
            schema = schema.disable_introspection().disable_suggestions();
        }
        Self(schema.finish())
    }

    /// Reads the argument `document` of a field of `operation`.
    ///
    /// # Errors
    /// It is not valid, or asks for too much, or is one document too many.
    pub(in crate::graphql) async fn read(
        &self,
        operation: &Operation,
        registry: &Registry,
        text: &str,
    ) -> Result<ExecutableDocument, ApiError> {
        let (what, actual) = ("documents in arguments", operation.count_document());
        if actual > MAX_DOCUMENTS {
            return Err(Unfit::TooComplex(LimitExceeded { what, limit: MAX_DOCUMENTS, actual }).into());
        }
        let limits = DocumentLimits::default();
        limits.check_text(text)?;
        let document = parse_query(text).map_err(|error| Unfit::syntax(&ServerError::from(error)))?;
        limits.check(&document)?;
        let mut mistakes = self.0.execute(rehearsal(document.clone())).await.errors;
        for (_, operation) in document.operations.iter() {
            mistakes.extend(overlooked(registry, &document, &operation.node));
        }
        if mistakes.is_empty() { Ok(document) } else { Err(Unfit::of(&mistakes).into()) }
    }
}

impl Unfit {
    pub(in crate::graphql) fn of(mistakes: &[ServerError]) -> Self {
        Self::Invalid(mistakes.iter().take(MAX_TOLD).map(|error| placed(error, &error.message)).collect())
    }

    /// The parser repeats what it read; the place is enough.
    fn syntax(error: &ServerError) -> Self {
        Self::Invalid(vec![placed(error, "The document is not valid GraphQL.")])
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        let at =
            |message: &str, place| Unfit::Invalid(vec![placed(&ServerError::new("", Some(place)), message)]);
        Self::Document(match error {
            DocumentError::Exceeded(exceeded) => Unfit::TooComplex(exceeded),
            DocumentError::Unterminated(place) => at("A block string has no end.", place),
            DocumentError::Circle(place) => at("Fragments spread each other in a circle.", place),
        })
    }
}

fn placed(error: &ServerError, message: &str) -> String {
    match error.locations.first() {
        Some(place) => format!("{}:{}: {message}", place.line, place.column),
        None => message.to_owned(),
    }
}
