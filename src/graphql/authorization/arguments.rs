//! What a guard reads of a field's arguments, before the resolver does.

use async_graphql::{Context, Name, Value};

use crate::graphql::execution::error::ApiError;

/// The argument `name`; `None` when it was not supplied. What cannot be read must not pass for that: its permission
/// would not be asked.
pub(in crate::graphql) fn argument(ctx: &Context<'_>, name: &str) -> Result<Option<Value>, ApiError> {
    let unreadable = |_| ApiError::bad_input(name, "This argument cannot be read.");
    let arguments = ctx.field().arguments().map_err(unreadable)?;
    Ok(arguments.into_iter().find(|(key, _)| key == name).map(|(_, value)| value))
}

/// A field of the argument `name`; `None` when either was not supplied.
pub(super) fn input_field(ctx: &Context<'_>, name: &str, field: &str) -> Result<Option<Value>, ApiError> {
    Ok(match argument(ctx, name)? {
        Some(Value::Object(mut fields)) => fields.swap_remove(&Name::new(field)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Guard, Object, Result, Schema, ValidationMode};
    use futures_util::FutureExt as _;

    use super::*;

    /// Tells what the guard reads of the argument `x`.
    struct Reading;

    impl Guard for Reading {
        async fn check(&self, ctx: &Context<'_>) -> Result<()> {
            let read = input_field(ctx, "x", "y").map_err(|_| "unreadable")?;
            Err(if read.is_some() { "supplied" } else { "absent" }.into())
        }
    }

    struct Probe;

    #[Object]
    impl Probe {
        #[graphql(guard = Reading)]
        async fn probe(&self) -> bool {
            true
        }
    }

    #[test]
    fn an_argument_that_cannot_be_read_does_not_pass_for_one_that_was_not_supplied() {
        // Without validation the variable reaches the guard, as it may by a fault of ours.
        let schema = Schema::build(Probe, EmptyMutation, EmptySubscription);
        let schema = schema.validation_mode(ValidationMode::Fast).finish();
        for (document, expected) in [
            ("{ probe(x: {y: 1}) }", "supplied"),
            ("{ probe(x: {}) }", "absent"),
            ("{ probe }", "absent"),
            ("query($y: Int!) { probe(x: {y: $y}) }", "unreadable"),
        ] {
            let response = schema.execute(document).now_or_never().expect("no waiting");
            assert_eq!(response.errors[0].message, expected, "{document}");
        }
    }
}
