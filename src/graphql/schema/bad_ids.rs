//! What a client is told about an id that cannot be read: a plain sentence, and the name of the argument.
//!
//! async-graphql wraps the sentence in the names of its types and does not say which member of an input it was
//! reading. The id leaves what it has to say in the error, and the name is found again by what was sent, in the
//! arguments as the schema types them.

use std::convert::Infallible;

use async_graphql::{
    InputType, InputValueError, ServerError, Value, Variables,
    parser::types::Field,
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};

use super::id::{GlobalId, NodeKind, not_an_id};

/// Extensions of the error on its way; they never reach a client.
const SENTENCE: &str = "sentence";
const SENT: &str = "sent";

/// The error of an id that is none, or that of another type than `kind`.
pub(super) fn bad_id<T: InputType>(kind: NodeKind, sent: String) -> InputValueError<T> {
    let sentence = not_an_id(kind);
    InputValueError::custom(&sentence)
        .with_extension("code", "BAD_USER_INPUT")
        .with_extension(SENTENCE, sentence)
        .with_extension(SENT, sent)
}

/// Makes the error of [`bad_id`] one for clients, and leaves any other alone.
pub(in crate::graphql) fn explain(
    error: &mut ServerError,
    registry: &Registry,
    parent: &str,
    field: &Field,
    variables: Option<&Variables>,
) {
    let Some(extensions) = &mut error.extensions else { return };
    let Some(Value::String(sentence)) = extensions.get(SENTENCE).cloned() else { return };
    let Some(Value::String(sent)) = extensions.get(SENT).cloned() else { return };
    extensions.unset(SENTENCE);
    extensions.unset(SENT);
    error.message = sentence;
    let names = arguments_with(&sent, registry, parent, field, variables);
    // The id of another type may stand in one place by right and in the next by mistake: then no name is better
    // than the wrong one.
    if let Some(name) = names.first()
        && (names.len() == 1 || GlobalId::decode(&sent).is_none())
    {
        extensions.set("field", *name);
    }
}

/// Names of the arguments, and of the members of inputs, that are ids and were given as `sent`.
fn arguments_with<'a>(
    sent: &str,
    registry: &'a Registry,
    parent: &str,
    field: &Field,
    variables: Option<&Variables>,
) -> Vec<&'a str> {
    let Some(MetaType::Object { fields, .. }) = registry.types.get(parent) else { return Vec::new() };
    let declared = fields.get(field.name.node.as_str()).into_iter().flat_map(|field| field.args.values());
    let mut names = Vec::new();
    for argument in declared {
        let Some(given) = field.get_argument(&argument.name) else { continue };
        let of_variable =
            |name| Ok::<_, Infallible>(variables.and_then(|all| all.get(&name)).cloned().unwrap_or_default());
        let Ok(value) = given.node.clone().into_const_with(of_variable);
        collect(sent, registry, argument, &value, &mut names);
    }
    names
}

fn collect<'a>(
    sent: &str,
    registry: &'a Registry,
    declared: &'a MetaInputValue,
    value: &Value,
    names: &mut Vec<&'a str>,
) {
    let ty = MetaTypeName::concrete_typename(&declared.ty);
    match value {
        Value::List(items) => items.iter().for_each(|item| collect(sent, registry, declared, item, names)),
        Value::String(text) if ty == "ID" && text == sent => names.push(&declared.name),
        Value::Number(number) if ty == "ID" && number.to_string() == sent => names.push(&declared.name),
        Value::Object(members) => {
            let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get(ty) else { return };
            for member in input_fields.values() {
                if let Some(value) = members.get(member.name.as_str()) {
                    collect(sent, registry, member, value, names);
                }
            }
        }
        _ => {}
    }
}
