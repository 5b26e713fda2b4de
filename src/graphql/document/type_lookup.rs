//! What whoever walks a document looks up about types.

use async_graphql::{
    parser::types::OperationType,
    registry::{MetaType, Registry},
};

/// The type whose fields an operation of this kind selects.
pub(in crate::graphql) fn root(registry: &Registry, kind: OperationType) -> Option<&str> {
    match kind {
        OperationType::Query => Some(&registry.query_type),
        OperationType::Mutation => registry.mutation_type.as_deref(),
        OperationType::Subscription => registry.subscription_type.as_deref(),
    }
}

/// The object types that `name` stands for: those of an interface or a union, or itself.
pub(in crate::graphql) fn possible<'a>(registry: &'a Registry, name: &'a str) -> Vec<&'a str> {
    match registry.types.get(name) {
        Some(MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. }) => {
            possible_types.iter().map(String::as_str).collect()
        }
        _ => vec![name],
    }
}
