//! Ends the description of every field that has a rule with a sentence about it. Introspection cannot carry
//! applied directives, so this is how code generators and playgrounds learn what a field needs.

use std::{borrow::Cow, pin::Pin};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, Response, ServerResult,
    SubscriptionType, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
    resolver_utils::resolve_container,
};
use futures_util::Stream;

use super::directives::Access;

/// A root type whose fields, and those of every type below it, describe their own rules.
pub(in crate::graphql) struct Described<T>(pub(in crate::graphql) T);

impl<T: ObjectType> ContainerType for Described<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
    }
}

impl<T: ObjectType> OutputType for Described<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        described(registry, T::create_type_info)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl<T: ObjectType> ObjectType for Described<T> {}

impl<T: SubscriptionType> SubscriptionType for Described<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        described(registry, T::create_type_info)
    }

    fn create_field_stream<'a>(
        &'a self,
        ctx: &'a Context<'_>,
    ) -> Option<Pin<Box<dyn Stream<Item = Response> + Send + 'a>>> {
        self.0.create_field_stream(ctx)
    }
}

/// Registers a type, and describes whatever it led to.
fn described(registry: &mut Registry, create: impl FnOnce(&mut Registry) -> String) -> String {
    let name = create(registry);
    describe(registry);
    name
}

fn describe(registry: &mut Registry) {
    for meta in registry.types.values_mut() {
        match meta {
            MetaType::Object { fields, .. } => {
                for field in fields.values_mut() {
                    append(&mut field.description, sentence(Access::of(&field.directive_invocations), "."));
                    for argument in field.args.values_mut() {
                        let access = Access::of(&argument.directive_invocations);
                        append(&mut argument.description, sentence(access, " when supplied."));
                    }
                }
            }
            MetaType::InputObject { input_fields, .. } => {
                for field in input_fields.values_mut() {
                    let access = Access::of(&field.directive_invocations);
                    append(&mut field.description, sentence(access, " when supplied."));
                }
            }
            _ => {}
        }
    }
}

fn sentence(access: Option<Access>, end: &str) -> Option<String> {
    match access? {
        Access::Public => None,
        Access::SignedIn => Some(format!("Requires a signed-in caller{end}")),
        Access::Requires(need) => Some(format!("Requires `{}:{}`{end}", need.resource, need.action)),
    }
}

/// Every root describes the types that they share; a second time changes nothing.
fn append(description: &mut Option<String>, sentence: Option<String>) {
    let Some(sentence) = sentence else { return };
    let text = description.get_or_insert_default();
    if !text.ends_with(&sentence) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&sentence);
    }
}
