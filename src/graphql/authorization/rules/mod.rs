//! What every field needs, read once from the schema's own registry, and the check that nothing was forgotten.
//!
//! The server does not start when a root field says nothing, when a rule stands where no guard would see it, or
//! when an interface offers a way round one (interfaces call an object's methods without its guards).

mod manifest;

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::{
    ObjectType, SubscriptionType, Value,
    registry::{MetaField, MetaType, Registry},
};

use super::{
    directives::{Access, Need, Scope},
    reason::DenialReason,
};

/// What one field needs.
#[derive(Debug)]
pub(in crate::graphql) struct Rule {
    pub(in crate::graphql) access: Access,
    /// Where the arguments name the object of an OBJECT rule.
    pub(in crate::graphql) object: Option<ObjectArgument>,
    /// Parts of the input that need a permission of their own when they are supplied.
    pub(in crate::graphql) inputs: Vec<InputRule>,
    /// Arguments that do. Their resolvers ask, see [`ASKED_BY_RESOLVERS`].
    pub(in crate::graphql) arguments: Vec<ArgumentRule>,
}

/// Where the id of the object stands: in an argument, or in a field of the argument `input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum ObjectArgument {
    Id,
    InputId,
}

/// An input field with a rule.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct InputRule {
    pub(in crate::graphql) argument: String,
    pub(in crate::graphql) field: String,
    /// As `UpdateTaskInput.assigneeId`.
    pub(in crate::graphql) coordinate: String,
    pub(in crate::graphql) need: Need,
}

/// An argument with a rule.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct ArgumentRule {
    pub(in crate::graphql) argument: String,
    /// As `Query.explain(asUser:)`.
    pub(in crate::graphql) coordinate: String,
    pub(in crate::graphql) need: Need,
}

impl InputRule {
    /// Whether the permission is needed for what was `given`. `null` counts where it clears something, which it does
    /// on an object that exists.
    pub(in crate::graphql) fn asks(&self, given: Option<&Value>) -> bool {
        match given {
            None => false,
            Some(Value::Null) => self.need.scope == Scope::Object,
            Some(_) => true,
        }
    }
}

/// A hole in the schema's protection; the text names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverageError {
    #[error("{0} says neither @public, @signedIn nor @requires, or says more than one of them")]
    NoRule(String),
    #[error("{0} has a rule but its type carries no guard; put the guard `permitted` on it")]
    Unguarded(String),
    #[error("interface {interface} has the guarded field {field}, which would be readable without its guard")]
    InterfaceBypass { interface: String, field: String },
    #[error("{0} may be refused, so it must be nullable: a refusal would cost its siblings")]
    NotNullable(String),
    #[error("{0} needs a permission on an object but no argument `id` or `input.id` names one")]
    NoObject(String),
    #[error("{0} has a rule, but no resolver is known to ask for it")]
    NobodyAsks(String),
}

/// Every rule of the schema. A field that is not listed needs nothing beyond reaching its object.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Rules {
    fields: BTreeMap<String, BTreeMap<String, Rule>>,
    roots: BTreeSet<String>,
    /// Resources and their actions that some rule asks for.
    actions: BTreeMap<String, BTreeSet<String>>,
}

/// Types whose object-level guard is [`permitted`](super::guard::permitted). Kept beside the rules because the
/// registry does not know about guards; the coverage test calls every field anonymously to hold it to its word.
const GUARDED: [&str; 4] = ["Query", "Mutation", SUBSCRIPTION, "Task"];

/// Arguments whose rules are asked by the resolver, in one bulk with what it asks anyway. No guard looks at arguments.
const ASKED_BY_RESOLVERS: [&str; 1] = ["Query.explain(asUser:)"];

/// The root whose operations have exactly one field.
const SUBSCRIPTION: &str = "Subscription";

/// The types of a schema with these roots.
pub(in crate::graphql) fn registry<
    Query: ObjectType,
    Mutation: ObjectType,
    Subscription: SubscriptionType,
>() -> Registry {
    let mut registry = Registry::default();
    Query::create_type_info(&mut registry);
    Mutation::create_type_info(&mut registry);
    Subscription::create_type_info(&mut registry);
    // The parts of a merged root stay behind as types of their own, which nothing leads to.
    registry.query_type = Query::type_name().into_owned();
    registry.mutation_type = Some(Mutation::type_name().into_owned());
    registry.subscription_type = Some(Subscription::type_name().into_owned());
    registry.remove_unused_types();
    registry
}

impl Rules {
    /// Reads the rules of a schema.
    ///
    /// # Errors
    /// Every hole that was found.
    pub(in crate::graphql) fn read(registry: &Registry) -> Result<Self, Vec<CoverageError>> {
        let roots = std::iter::once(&registry.query_type)
            .chain(&registry.mutation_type)
            .chain(&registry.subscription_type)
            .cloned()
            .collect();
        let mut rules = Self { roots, ..Self::default() };
        let mut holes = Vec::new();
        for (name, meta) in &registry.types {
            if let MetaType::Object { fields, .. } = meta {
                rules.read_object(registry, name, fields.values(), &mut holes);
            }
        }
        holes.extend(rules.interface_bypasses(registry));
        rules.actions = rules.collect_actions();
        if holes.is_empty() { Ok(rules) } else { Err(holes) }
    }

    fn read_object<'a>(
        &mut self,
        registry: &Registry,
        name: &str,
        fields: impl Iterator<Item = &'a MetaField>,
        holes: &mut Vec<CoverageError>,
    ) {
        let is_root = self.roots.contains(name);
        let mut rules = BTreeMap::new();
        for field in fields {
            let coordinate = format!("{name}.{}", field.name);
            let arguments = arguments(&coordinate, field);
            let unasked = arguments.iter().filter(|rule| !ASKED_BY_RESOLVERS.contains(&&*rule.coordinate));
            holes.extend(unasked.map(|rule| CoverageError::NobodyAsks(rule.coordinate.clone())));
            match Access::of(&field.directive_invocations) {
                Some(access) => {
                    let rule = Rule {
                        access,
                        object: object_argument(registry, field),
                        inputs: inputs(registry, field),
                        arguments,
                    };
                    holes.extend(rule.holes(&coordinate, name, field, is_root));
                    rules.insert(field.name.clone(), rule);
                }
                None if is_root || !field.directive_invocations.is_empty() => {
                    holes.push(CoverageError::NoRule(coordinate));
                }
                None => {}
            }
        }
        if !rules.is_empty() {
            self.fields.insert(name.to_owned(), rules);
        }
    }

    fn interface_bypasses(&self, registry: &Registry) -> Vec<CoverageError> {
        let mut holes = Vec::new();
        for (interface, meta) in &registry.types {
            let MetaType::Interface { fields, possible_types, .. } = meta else { continue };
            let guarded =
                |field: &&String| possible_types.iter().any(|object| self.get(object, field).is_some());
            holes.extend(fields.keys().filter(guarded).map(|field| CoverageError::InterfaceBypass {
                interface: interface.clone(),
                field: field.clone(),
            }));
        }
        holes
    }

    pub(in crate::graphql) fn get(&self, object: &str, field: &str) -> Option<&Rule> {
        self.fields.get(object)?.get(field)
    }

    pub(in crate::graphql) fn is_root(&self, object: &str) -> bool {
        self.roots.contains(object)
    }

    fn collect_actions(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut actions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, access) in self.declarations() {
            if let Access::Requires(need) = access {
                actions.entry(need.resource).or_default().insert(need.action);
            }
        }
        actions
    }

    /// Why nobody can hold `resource:action`; `None` if some rule asks for it.
    pub(super) fn impossible(&self, resource: &str, action: &str) -> Option<DenialReason> {
        match self.actions.get(resource) {
            None => Some(DenialReason::NoSuchResource),
            Some(actions) if !actions.contains(action) => Some(DenialReason::NoSuchAction),
            Some(_) => None,
        }
    }
}

impl Rule {
    fn holes(&self, coordinate: &str, object: &str, field: &MetaField, is_root: bool) -> Vec<CoverageError> {
        let mut holes = Vec::new();
        if !GUARDED.contains(&object) {
            holes.push(CoverageError::Unguarded(coordinate.to_owned()));
        }
        // A list that is itself non-null may still hold nulls; only `nodes` is one, and it is merely @signedIn. The
        // field of a subscription has no siblings, so that it may be non-null: a refusal costs itself alone.
        let asks = matches!(self.access, Access::Requires(_));
        if asks && object != SUBSCRIPTION && field.ty.ends_with('!') {
            holes.push(CoverageError::NotNullable(coordinate.to_owned()));
        }
        let on_object = matches!(&self.access, Access::Requires(need) if need.scope == Scope::Object);
        if is_root && on_object && self.object.is_none() {
            holes.push(CoverageError::NoObject(coordinate.to_owned()));
        }
        holes
    }
}

fn object_argument(registry: &Registry, field: &MetaField) -> Option<ObjectArgument> {
    if field.args.contains_key("id") {
        return Some(ObjectArgument::Id);
    }
    let has_id = input_fields(registry, &field.args.get("input")?.ty).any(|(name, _)| name == "id");
    has_id.then_some(ObjectArgument::InputId)
}

fn arguments(coordinate: &str, field: &MetaField) -> Vec<ArgumentRule> {
    let rules = field.args.iter().filter_map(|(argument, meta)| {
        let Access::Requires(need) = Access::of(&meta.directive_invocations)? else { return None };
        let coordinate = format!("{coordinate}({argument}:)");
        Some(ArgumentRule { argument: argument.clone(), coordinate, need })
    });
    rules.collect()
}

fn inputs(registry: &Registry, field: &MetaField) -> Vec<InputRule> {
    let mut rules = Vec::new();
    for (argument, meta) in &field.args {
        for (name, access) in input_fields(registry, &meta.ty) {
            if let Some(Access::Requires(need)) = access {
                let coordinate = format!("{}.{name}", meta.ty.trim_end_matches('!'));
                rules.push(InputRule {
                    argument: argument.clone(),
                    field: name.to_owned(),
                    coordinate,
                    need,
                });
            }
        }
    }
    rules
}

/// The fields of the input object `ty`, which may be non-null; none for any other type.
fn input_fields<'a>(
    registry: &'a Registry,
    ty: &str,
) -> impl Iterator<Item = (&'a str, Option<Access>)> + use<'a> {
    let fields = match registry.types.get(ty.trim_end_matches('!')) {
        Some(MetaType::InputObject { input_fields, .. }) => Some(input_fields),
        _ => None,
    };
    fields.into_iter().flatten().map(|(name, meta)| (name.as_str(), Access::of(&meta.directive_invocations)))
}

#[cfg(test)]
mod tests;
