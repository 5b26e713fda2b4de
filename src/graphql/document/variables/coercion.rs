//! Whether a value that was sent is of its declared type, as "Input Coercion" of each type has it. What is said
//! about a wrong one names types and input fields of the schema, never anything that was sent.

use async_graphql::{
    Name, Value,
    indexmap::IndexMap,
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};

/// A part of a value that is not of its type.
#[derive(Debug)]
pub(super) struct Misfit {
    /// Where in the value, for example `.checks[3].resource`.
    pub(super) at: String,
    /// The rest of the sentence.
    pub(super) told: String,
}

impl Misfit {
    fn of(ty: &str) -> Self {
        Self { at: String::new(), told: format!("must be of type `{ty}`") }
    }

    fn below(self, parent: &str) -> Self {
        Self { at: format!("{parent}{}", self.at), ..self }
    }
}

/// The first part of `value` that is not of the type `ty`, written as in the schema.
pub(super) fn misfit(registry: &Registry, ty: &str, value: &Value) -> Option<Misfit> {
    let nullable = ty.strip_suffix('!');
    match (value, nullable) {
        (Value::Null, None) => None,
        (Value::Null, Some(_)) => Some(Misfit::of(ty)),
        _ => match MetaTypeName::create(nullable.unwrap_or(ty)) {
            MetaTypeName::List(item) => list_misfit(registry, item, value),
            MetaTypeName::Named(name) | MetaTypeName::NonNull(name) => {
                named_misfit(registry, name, ty, value)
            }
        },
    }
}

fn list_misfit(registry: &Registry, item: &str, value: &Value) -> Option<Misfit> {
    let Value::List(items) = value else {
        // A single value stands for a list of one.
        return misfit(registry, item, value);
    };
    items.iter().enumerate().find_map(|(index, value)| {
        misfit(registry, item, value).map(|misfit| misfit.below(&format!("[{index}]")))
    })
}

fn named_misfit(registry: &Registry, name: &str, ty: &str, value: &Value) -> Option<Misfit> {
    let fits = match registry.types.get(name) {
        Some(MetaType::Scalar { is_valid, .. }) => {
            is_valid.as_ref().is_none_or(|is_valid| is_valid(value)) && (name != "Int" || is_i32(value))
        }
        Some(MetaType::Enum { enum_values, .. }) => {
            matches!(value, Value::String(text) if enum_values.contains_key(text))
        }
        Some(MetaType::InputObject { input_fields, .. }) => match value {
            Value::Object(entries) => return object_misfit(registry, name, input_fields, entries),
            _ => false,
        },
        // No variable can have such a type, and validation says so.
        Some(MetaType::Object { .. } | MetaType::Interface { .. } | MetaType::Union { .. }) | None => true,
    };
    (!fits).then(|| Misfit::of(ty))
}

fn object_misfit(
    registry: &Registry,
    name: &str,
    fields: &IndexMap<String, MetaInputValue>,
    entries: &IndexMap<Name, Value>,
) -> Option<Misfit> {
    if entries.keys().any(|key| !fields.contains_key(key.as_str())) {
        let told = format!("has a field that `{name}` does not have");
        return Some(Misfit { at: String::new(), told });
    }
    fields.values().find_map(|field| {
        let found = match entries.get(field.name.as_str()) {
            Some(value) => misfit(registry, &field.ty, value),
            None if field.ty.ends_with('!') && field.default_value.is_none() => {
                let told = format!("is missing; its type is `{}`", field.ty);
                Some(Misfit { at: String::new(), told })
            }
            None => None,
        };
        found.map(|misfit| misfit.below(&format!(".{}", field.name)))
    })
}

/// The validator of the library takes any integer.
fn is_i32(value: &Value) -> bool {
    matches!(value, Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()))
}
