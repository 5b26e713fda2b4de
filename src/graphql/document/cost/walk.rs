//! Walks an operation and adds up.

use async_graphql::{
    Number, Value,
    parser::types::{Field, OperationDefinition, Selection, SelectionSet},
    registry::{MetaField, MetaTypeName},
};

use super::{
    Cost, Foreseen, INTROSPECTED_LEAVES, LEAVES, LONG_NAME, LONG_TEXT, OTHER_LIST, introspection,
    questions::Questions,
};
use crate::graphql::{
    authorization::{
        directives::{Access, Need, Scope},
        plan::{Ground, argument_of},
    },
    document::type_lookup::{possible, root},
    schema::{
        connection::{DEFAULT_PAGE, MAX_PAGE},
        id::NodeKind,
        permission::ASKED_BY_FIELDS,
    },
};

/// Beside what it returns and asks, of a field of a mutation.
const WRITE: u64 = 10;
/// The same of a document that has to be validated.
const DOCUMENT: u64 = 25;
/// A leaf of every object, which no type declares.
const TYPENAME: &str = "__typename";
/// What answers with any object, which may only be read by who may `get` it.
const NODE: &str = "Node";
/// How the names of what mutations answer end. What they changed is shown to whoever may `get` it.
const PAYLOAD: &str = "Payload";
/// How the names of connections end.
const CONNECTION: &str = "Connection";
/// The list that object rules may narrow, in which every row is asked about, and one more at either end.
const NARROWED: &str = "TaskConnection";
/// The permissions of one object, each a field.
const OF_AN_OBJECT: &str = "TaskPermissions";
/// Fields that ask about one permission, or about one for each item of an argument.
const QUESTIONS: [&str; 2] = ["Viewer.can", "Query.permissions"];
/// Fields that ask about all permissions there are, or about some of them.
const ALL_PERMISSIONS: [&str; 3] =
    ["Viewer.permissions", "Subscription.viewerPermissionsChanged", "Query.explain"];

/// Leaves that are texts of up to thousands of characters.
const LONG_TEXTS: [&str; 1] = ["Task.notes"];

pub(super) fn cost(
    ground: Ground<'_>,
    object_rules: bool,
    operation: &OperationDefinition,
) -> (Cost, Foreseen) {
    let questions = Questions::new(object_rules);
    let mut walk = Walk { ground, questions, points: 1, leaves: 0, introspected: 0 };
    if let Some(root) = root(ground.registry, operation.ty) {
        let page = Above { times: 1, page: 1 };
        walk.set(&[root], page, &operation.selection_set.node);
    }
    let leaves = (walk.leaves / LEAVES).saturating_add(walk.introspected.div_ceil(INTROSPECTED_LEAVES));
    let checks = walk.questions.total();
    let points = walk.points.saturating_add(leaves).saturating_add(checks);
    (Cost { points, checks }, walk.questions.foreseen())
}

/// What stands above a selection set.
#[derive(Debug, Clone, Copy)]
struct Above {
    /// Objects that the set is about.
    times: u64,
    /// Rows that a connection was asked for.
    page: u64,
}

struct Walk<'a> {
    ground: Ground<'a>,
    questions: Questions<'a>,
    points: u64,
    leaves: u64,
    introspected: u64,
}

impl<'a> Walk<'a> {
    fn set(&mut self, types: &[&'a str], above: Above, set: &'a SelectionSet) {
        for selection in &set.items {
            if !self.ground.runs(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => self.field(types, above, &field.node),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let types = self.narrowed(types, condition.map(|on| on.node.on.node.as_str()));
                    self.set(&types, above, &inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.ground.document.fragments.get(&spread.node.fragment_name.node);
                    let Some(fragment) = fragment else { continue };
                    let types = self.narrowed(types, Some(&fragment.node.type_condition.node.on.node));
                    self.set(&types, above, &fragment.node.selection_set.node);
                }
            }
        }
    }

    fn narrowed(&self, types: &[&'a str], condition: Option<&'a str>) -> Vec<&'a str> {
        let Some(condition) = condition else { return types.to_vec() };
        let within = possible(self.ground.registry, condition);
        types.iter().copied().filter(|ty| within.contains(ty)).collect()
    }

    fn field(&mut self, types: &[&'a str], above: Above, field: &'a Field) {
        let name = field.name.node.as_str();
        if name == TYPENAME {
            self.leaf(above.times, field);
            return;
        }
        if name.starts_with("__") {
            let below = introspection::leaves(self.ground, 1, &field.selection_set.node);
            self.introspected = self.introspected.saturating_add(below);
            return;
        }
        for ty in types {
            let meta = self.ground.registry.types.get(*ty).and_then(|ty| ty.field_by_name(name));
            // Validation refuses what is not there.
            let Some(meta) = meta else { continue };
            self.one(ty, meta, above, field);
        }
    }

    /// A field of one type.
    fn one(&mut self, ty: &'a str, meta: &'a MetaField, above: Above, field: &'a Field) {
        let concrete = MetaTypeName::concrete_typename(&meta.ty);
        let length = self.length(ty, meta, above, field);
        let times = above.times.saturating_mul(length);
        if self.is_mutation(ty) {
            self.add(WRITE);
            self.questions.forget();
        }
        self.asks(ty, meta, times, field);
        if argument_of(field, "document").is_some() {
            self.add(DOCUMENT);
        }
        let set = &field.selection_set.node;
        if set.items.is_empty() {
            let each = if is_one_of(&LONG_TEXTS, ty, &meta.name) { LONG_TEXT } else { 1 };
            self.leaf(times.saturating_mul(each), field);
        } else {
            self.add(times);
            let page = if concrete.ends_with(CONNECTION) { self.page(field) } else { above.page };
            let below = possible(self.ground.registry, concrete);
            self.set(&below, Above { times, page }, set);
        }
    }

    /// Counts values under the name of `field`, which is written beside each of them.
    fn leaf(&mut self, values: u64, field: &Field) {
        let names = 1 + (field.response_key().node.len() / LONG_NAME) as u64;
        self.leaves = self.leaves.saturating_add(values.saturating_mul(names));
    }

    fn add(&mut self, points: u64) {
        self.points = self.points.saturating_add(points);
    }

    /// Objects that one object of the type `ty` has here.
    fn length(&self, ty: &str, meta: &MetaField, above: Above, field: &Field) -> u64 {
        if !meta.ty.starts_with('[') {
            return 1;
        }
        if ty.ends_with(CONNECTION) {
            return above.page;
        }
        let given = ["ids", "checks"].iter().find_map(|name| argument_of(field, name));
        match self.ground.given(given).seen() {
            Some(Value::List(items)) => items.len() as u64,
            _ => OTHER_LIST,
        }
    }

    /// Rows that a connection is asked for. More than a page is refused, and costs a page.
    fn page(&self, field: &Field) -> u64 {
        let given = ["first", "last"].iter().find_map(|name| {
            match self.ground.given(argument_of(field, name)).seen() {
                Some(Value::Number(rows)) => Number::as_u64(rows),
                _ => None,
            }
        });
        given.map_or(u64::from(DEFAULT_PAGE.unsigned_abs()), |rows| {
            rows.min(u64::from(MAX_PAGE.unsigned_abs()))
        })
    }

    fn is_mutation(&self, ty: &str) -> bool {
        self.ground.registry.mutation_type.as_deref() == Some(ty)
    }

    /// Counts the permissions that a field asks about.
    fn asks(&mut self, ty: &'a str, meta: &'a MetaField, times: u64, field: &'a Field) {
        let (name, concrete) = (meta.name.as_str(), MetaTypeName::concrete_typename(&meta.ty));
        self.demands(ty, name, times, field);
        if concrete == NARROWED && self.questions.of_objects() {
            self.questions.ask("task", "get", self.page(field) + 2);
        }
        for kind in NodeKind::ALL {
            if concrete == NODE || (ty.ends_with(PAYLOAD) && concrete == kind.type_name()) {
                self.questions.ask(kind.noun(), "get", times);
            }
        }
        if is_one_of(&QUESTIONS, ty, name) {
            // What may not be read cannot be changed, so both are asked about each object.
            self.questions.add(times);
            self.questions.ask("task", "get", times.saturating_mul(2));
        } else if is_one_of(&ALL_PERMISSIONS, ty, name) {
            self.questions.add(self.ground.rules.permissions().count() as u64);
        } else if let Some((.., resource, action)) =
            ASKED_BY_FIELDS.iter().find(|known| (known.0, known.1) == (ty, name))
        {
            self.questions.ask(resource, action, if ty == OF_AN_OBJECT { times } else { 0 });
            self.questions.foresee(resource, action);
        }
    }

    /// What the rule of a field demands, of itself and of what is given to it.
    fn demands(&mut self, ty: &'a str, name: &str, times: u64, field: &'a Field) {
        let Some(rule) = self.ground.rules.get(ty, name) else { return };
        let objects = |need: &Need| if need.scope == Scope::Object { times } else { 0 };
        if let Access::Requires(need) = &rule.access {
            self.questions.ask(&need.resource, &need.action, objects(need));
            if !self.ground.rules.is_root(ty) {
                self.questions.foresee(&need.resource, &need.action);
            }
            if self.is_mutation(ty) {
                // What may not be read is not there to be changed, and is not shown.
                self.questions.ask(&need.resource, "get", objects(need));
            }
        }
        for input in &rule.inputs {
            let given = self.ground.given_member(argument_of(field, &input.argument), &input.field);
            if input.asks(given.seen()) {
                self.questions.ask(&input.need.resource, &input.need.action, objects(&input.need));
            }
        }
        for argument in &rule.arguments {
            if argument_of(field, &argument.argument).is_some() {
                self.questions.ask(&argument.need.resource, &argument.need.action, objects(&argument.need));
            }
        }
    }
}

/// Whether the coordinate of a field is among these.
fn is_one_of(coordinates: &[&str], ty: &str, field: &str) -> bool {
    coordinates.iter().any(|coordinate| coordinate.split_once('.') == Some((ty, field)))
}
