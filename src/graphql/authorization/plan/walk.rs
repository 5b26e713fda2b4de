//! Walks an operation. The document was validated and is within the document limits, which bound the walk.

use std::collections::HashSet;

use super::{
    Ground, Object, Part, Step,
    given::{Given, argument_of},
};
use crate::graphql::{
    authorization::{
        directives::{Access, Need, Scope},
        rules::{ObjectArgument, Rule},
    },
    document::type_lookup::{possible, root},
    schema::id::{GlobalId, NO_ID, NodeKind, not_an_id},
};
use async_graphql::{
    Value,
    parser::types::{Field, OperationDefinition, Selection, SelectionSet},
    registry::{MetaField, MetaTypeName},
};

/// The interface whose types the ids tell.
const NODE: &str = "Node";

pub(super) fn steps(ground: Ground<'_>, operation: &OperationDefinition) -> Vec<Step> {
    let Some(root) = root(ground.registry, operation.ty) else { return Vec::new() };
    let mut walk = Walk { ground, steps: Vec::new(), seen: HashSet::new() };
    walk.set(&Types::one(root), "", &operation.selection_set.node);
    walk.steps
}

/// Object types that a selection set may be about.
#[derive(Debug, Clone)]
struct Types<'a> {
    names: Vec<&'a str>,
    /// Each of them is met; else the object decides which of them is.
    certain: bool,
}

impl<'a> Types<'a> {
    fn one(name: &'a str) -> Self {
        Self { names: vec![name], certain: true }
    }
}

/// Path, coordinate and permission of a step.
type Identity = (String, String, Option<(String, String)>);

struct Walk<'a> {
    ground: Ground<'a>,
    steps: Vec<Step>,
    /// Fields that are selected twice are resolved once.
    seen: HashSet<Identity>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, types: &Types<'a>, path: &str, set: &'a SelectionSet) {
        for selection in &set.items {
            if !self.ground.runs(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => self.field(types, path, &field.node),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let types = self.narrowed(types, condition.map(|on| on.node.on.node.as_str()));
                    self.set(&types, path, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.ground.document.fragments.get(&spread.node.fragment_name.node);
                    let Some(fragment) = fragment else { continue };
                    let types = self.narrowed(types, Some(&fragment.node.type_condition.node.on.node));
                    self.set(&types, path, &fragment.node.selection_set.node);
                }
            }
        }
    }

    fn narrowed(&self, types: &Types<'a>, condition: Option<&'a str>) -> Types<'a> {
        let Some(condition) = condition else { return types.clone() };
        let within = possible(self.ground.registry, condition);
        Types { names: types.names.iter().copied().filter(|ty| within.contains(ty)).collect(), ..*types }
    }

    fn field(&mut self, types: &Types<'a>, path: &str, field: &'a Field) {
        let key = field.alias.as_ref().unwrap_or(&field.name).node.as_str();
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let mut below: Option<Types<'a>> = None;
        for ty in &types.names {
            let meta = self.ground.registry.types.get(*ty).and_then(|ty| ty.field_by_name(&field.name.node));
            // Introspection, which needs nothing.
            let Some(meta) = meta else { continue };
            let ids = self.ids(meta, field);
            if let Some(rule) = self.ground.rules.get(ty, &field.name.node) {
                let only_for = (!types.certain).then(|| (*ty).to_owned());
                let step = Step {
                    path: path.clone(),
                    coordinate: format!("{ty}.{}", field.name.node),
                    access: rule.access.clone(),
                    part: Part::Field,
                    object: ids.as_ref().map_or_else(|| self.object(ty, field, rule), Ids::object),
                    only_for,
                };
                self.rule(ty, field, rule, &step);
                for kind in ids.iter().flat_map(|ids| &ids.kinds) {
                    self.step(step.clone().asks(kind.noun(), "get"));
                }
            }
            let found = self.types_of(meta, ids.as_ref(), types.certain);
            below = Some(match below {
                None => found,
                Some(known) => known.and(found),
            });
        }
        if let Some(below) = below {
            self.set(&below, &path, &field.selection_set.node);
        }
    }

    /// What the arguments of a field that answers with any object name by global ids, where they are known.
    fn ids(&self, meta: &MetaField, field: &'a Field) -> Option<Ids> {
        if MetaTypeName::concrete_typename(&meta.ty) != NODE {
            return None;
        }
        let argument = meta.args.keys().find(|name| matches!(name.as_str(), "id" | "ids"))?;
        let Given::Is(given) = self.ground.given(argument_of(field, argument)) else { return None };
        let given = if let Value::List(ids) = given { ids } else { vec![given] };
        let mut ids = Ids::default();
        for id in &given {
            let known = if let Value::String(text) = id { GlobalId::decode(text) } else { None };
            match known {
                Some(id) if !ids.kinds.contains(&id.kind) => ids.kinds.push(id.kind),
                Some(_) => {}
                None => ids.unreadable = true,
            }
        }
        Some(ids)
    }

    fn types_of(&self, meta: &'a MetaField, ids: Option<&Ids>, certain: bool) -> Types<'a> {
        let declared = possible(self.ground.registry, MetaTypeName::concrete_typename(&meta.ty));
        match ids {
            Some(ids) => {
                let met = |ty: &&str| ids.kinds.iter().any(|kind| kind.type_name() == *ty);
                Types { names: declared.into_iter().filter(met).collect(), certain }
            }
            None => Types { certain: certain && declared.len() == 1, names: declared },
        }
    }

    /// The steps of a rule, of which `own` is the first.
    fn rule(&mut self, ty: &str, field: &'a Field, rule: &Rule, own: &Step) {
        self.step(own.clone());
        for input in &rule.inputs {
            let given = self.ground.given_member(argument_of(field, &input.argument), &input.field);
            if input.asks(given.seen()) {
                self.step(Step {
                    path: format!("{}.{}.{}", own.path, input.argument, input.field),
                    coordinate: input.coordinate.clone(),
                    access: Access::Requires(input.need.clone()),
                    part: Part::Input,
                    object: Object::Elsewhere,
                    only_for: own.only_for.clone(),
                });
            }
        }
        for rule in &rule.arguments {
            let given = self.ground.given(argument_of(field, &rule.argument));
            if given.seen().is_some_and(|value| *value != Value::Null) {
                self.step(Step {
                    path: format!("{}.{}", own.path, rule.argument),
                    coordinate: rule.coordinate.clone(),
                    access: Access::Requires(rule.need.clone()),
                    part: Part::Argument,
                    object: Object::Elsewhere,
                    only_for: own.only_for.clone(),
                });
            }
        }
        if self.ground.registry.mutation_type.as_deref() == Some(ty)
            && let Access::Requires(need) = &rule.access
            && need.scope == Scope::Object
        {
            // The guard asks it too: what may not be read is not there to be changed.
            self.step(own.clone().asks(&need.resource, "get"));
        }
    }

    /// The object that the arguments of a root field name.
    fn object(&self, ty: &str, field: &'a Field, rule: &Rule) -> Object {
        let Access::Requires(need) = &rule.access else { return Object::Elsewhere };
        if need.scope != Scope::Object || !self.ground.rules.is_root(ty) {
            return Object::Elsewhere;
        }
        let given = match rule.object {
            Some(ObjectArgument::Id) => self.ground.given(argument_of(field, "id")),
            Some(ObjectArgument::InputId) => self.ground.given_member(argument_of(field, "input"), "id"),
            None => return Object::Elsewhere,
        };
        let kind = NodeKind::of(&need.resource);
        match (given, kind) {
            (Given::Is(Value::String(text)), Some(kind)) => match GlobalId::decode(&text) {
                Some(id) if id.kind == kind => Object::Named(id),
                _ => Object::Misnamed(not_an_id(kind)),
            },
            (Given::Is(_), Some(kind)) => Object::Misnamed(not_an_id(kind)),
            _ => Object::Elsewhere,
        }
    }

    fn step(&mut self, step: Step) {
        let need = match &step.access {
            Access::Requires(need) => Some((need.resource.clone(), need.action.clone())),
            Access::Public | Access::SignedIn => None,
        };
        if self.seen.insert((step.path.clone(), step.coordinate.clone(), need)) {
            self.steps.push(step);
        }
    }
}

impl<'a> Types<'a> {
    fn and(mut self, other: Types<'a>) -> Self {
        self.certain &= other.certain;
        self.names
            .extend(other.names.into_iter().filter(|name| !self.names.contains(name)).collect::<Vec<_>>());
        self
    }
}

/// What a field was given by global ids.
#[derive(Debug, Default)]
struct Ids {
    kinds: Vec<NodeKind>,
    /// One of them is no id.
    unreadable: bool,
}

impl Ids {
    fn object(&self) -> Object {
        if self.unreadable { Object::Misnamed(NO_ID.to_owned()) } else { Object::Elsewhere }
    }
}

impl Step {
    /// The same field, which asks about this permission on an object too.
    fn asks(self, resource: &str, action: &str) -> Self {
        let need = Need { resource: resource.to_owned(), action: action.to_owned(), scope: Scope::Object };
        Self { access: Access::Requires(need), ..self }
    }
}
