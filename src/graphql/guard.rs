//! The one guard. It stands on every object that has rules, reads the rule of the field that is about to be
//! resolved, and asks before anything is loaded.

use async_graphql::{Context, Guard, Name, Result, Value};

use super::{
    context::{ContextExt as _, Operation, SignedIn},
    decisions::{Undecided, Verdict},
    directives::{Access, Need, Scope},
    error::ApiError,
    id::{GlobalId, NodeKind, not_an_id},
    rules::{ObjectArgument, Rule, Rules},
};
use crate::permit::Check;

/// Enforces the rules of the type `object`, named as in the schema (a merged root under its merged name).
pub(super) const fn permitted(object: &'static str) -> Permitted {
    Permitted { object }
}

/// See [`permitted`].
pub(super) struct Permitted {
    object: &'static str,
}

impl Guard for Permitted {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        let rules = ctx.rules()?;
        let field = ctx.field().name();
        let rule = rules.get(self.object, field);
        match rule.map(|rule| (rule, &rule.access)) {
            Some((rule, Access::Requires(need))) => self.ask(ctx, rules, rule, need).await?,
            Some((_, Access::SignedIn)) => ctx.signed_in().map(drop)?,
            None if rules.is_root(self.object) => {
                return Err(ApiError::Internal("a root field without a rule").into());
            }
            Some((_, Access::Public)) | None => {}
        }
        Ok(())
    }
}

/// The object that a root field with an OBJECT rule is about.
struct Named {
    id: GlobalId,
    text: String,
}

impl Permitted {
    async fn ask(&self, ctx: &Context<'_>, rules: &Rules, rule: &Rule, need: &Need) -> Result<(), ApiError> {
        let operation = ctx.operation()?;
        let caller = operation.signed_in()?;
        let is_mutation = self.object == "Mutation";
        let named = self.named_object(ctx, rules, rule, need)?;
        let mut checks = vec![caller.check(&need.resource, &need.action)];
        checks.extend(supplied_inputs(ctx, caller, rule)?);
        let hides = is_mutation && named.is_some();
        if hides {
            checks.push(caller.check(&need.resource, "get"));
        }
        if is_mutation {
            // A write is never decided by what an earlier field was told.
            operation.decisions.forget().await;
        }
        let verdicts = decided(operation, &checks).await?;
        let visible = !hides || verdicts.last().is_some_and(|verdict| verdict.allows());
        let Some((check, verdict)) = checks.iter().zip(&verdicts).find(|(_, verdict)| !verdict.allows())
        else {
            return Ok(());
        };
        match named {
            Some(named) if is_mutation => {
                if visible && exists(caller, named.id).await? {
                    Err(operation.denial(check, *verdict, Some(named.text)).await)
                } else {
                    Err(ApiError::NotFound { kind: named.id.kind, id: named.text })
                }
            }
            Some(_) => Err(ApiError::Hidden),
            None => Err(operation.denial(check, *verdict, None).await),
        }
    }

    /// Reads the id before anybody is asked: a wrong shape is told alike to those who may and those who may not.
    fn named_object(
        &self,
        ctx: &Context<'_>,
        rules: &Rules,
        rule: &Rule,
        need: &Need,
    ) -> Result<Option<Named>, ApiError> {
        if need.scope != Scope::Object || !rules.is_root(self.object) {
            return Ok(None);
        }
        let text = match rule.object {
            Some(ObjectArgument::Id) => argument(ctx, "id")?,
            Some(ObjectArgument::InputId) => input_field(ctx, "input", "id")?,
            None => None,
        };
        let Some(Value::String(text)) = text else {
            return Err(ApiError::bad_input("id", not_an_id(NodeKind::Task)));
        };
        match GlobalId::decode(&text) {
            Some(id) if id.kind.noun() == need.resource => Ok(Some(Named { id, text })),
            _ => Err(ApiError::bad_input("id", format!("This is not the id of a {}.", need.resource))),
        }
    }
}

/// The verdicts on `checks`, or the first reason why one of them has none.
async fn decided(operation: &Operation, checks: &[Check]) -> Result<Vec<Verdict>, ApiError> {
    let answers = operation.decisions.ask(checks.to_vec()).await;
    answers.into_iter().collect::<Result<_, Undecided>>().map_err(ApiError::Undecided)
}

async fn exists(caller: &SignedIn, id: GlobalId) -> Result<bool, ApiError> {
    Ok(match id.kind {
        NodeKind::Task => caller.store.find_task(id.uuid).await?.is_some(),
        NodeKind::User => caller.store.find_user(id.uuid).await?.is_some(),
    })
}

/// The permissions that the supplied parts of the input need. `null` counts where it clears something, which it
/// does on an object that exists.
fn supplied_inputs(ctx: &Context<'_>, caller: &SignedIn, rule: &Rule) -> Result<Vec<Check>, ApiError> {
    let mut checks = Vec::new();
    for input in &rule.inputs {
        let supplied = match input_field(ctx, &input.argument, &input.field)? {
            None => false,
            Some(Value::Null) => input.need.scope == Scope::Object,
            Some(_) => true,
        };
        if supplied {
            checks.push(caller.check(&input.need.resource, &input.need.action));
        }
    }
    Ok(checks)
}

/// `None` when it was not supplied. What cannot be read must not pass for that: its permission would not be asked.
fn argument(ctx: &Context<'_>, name: &str) -> Result<Option<Value>, ApiError> {
    let unreadable = |_| ApiError::bad_input(name, "This argument cannot be read.");
    let arguments = ctx.field().arguments().map_err(unreadable)?;
    Ok(arguments.into_iter().find(|(key, _)| key == name).map(|(_, value)| value))
}

fn input_field(ctx: &Context<'_>, name: &str, field: &str) -> Result<Option<Value>, ApiError> {
    Ok(match argument(ctx, name)? {
        Some(Value::Object(mut fields)) => fields.swap_remove(&Name::new(field)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, ValidationMode};
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
