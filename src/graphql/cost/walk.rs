//! Walks an operation and adds up.

use std::{borrow::Cow, collections::HashSet};

use async_graphql::{
    Number, Value,
    parser::types::{Field, OperationDefinition, Selection, SelectionSet},
    registry::{MetaField, MetaTypeName},
};

use super::{Cost, Foreseen, INTROSPECTED_LEAVES, LEAVES, LONG_TEXT, OTHER_LIST, introspection};
use crate::graphql::{
    connection::{DEFAULT_PAGE, MAX_PAGE},
    directives::{Access, Scope},
    permission::ASKED_BY_FIELDS,
    plan::{Ground, argument_of},
    type_lookup::{possible, root},
};

/// Beside what it returns and asks, of a field of a mutation.
const WRITE: u64 = 10;
/// The same of a document that has to be validated.
const DOCUMENT: u64 = 25;
/// A leaf of every object, which no type declares.
const TYPENAME: &str = "__typename";
/// Who has a field of this type answered asks about a permission.
const ANSWER: &str = "PermissionResult";
/// What answers with any object, which may only be read by who may `get` it.
const NODE: &str = "Node";
/// How the names of connections end.
const CONNECTION: &str = "Connection";
/// The permissions of one object, each a field.
const OF_AN_OBJECT: &str = "TaskPermissions";
/// Lists of all permissions that somebody holds.
const ALL_PERMISSIONS: [&str; 2] = ["Viewer.permissions", "Subscription.viewerPermissionsChanged"];

/// Leaves that are texts of up to thousands of characters.
const LONG_TEXTS: [&str; 1] = ["Task.notes"];

pub(super) fn cost(
    ground: Ground<'_>,
    object_rules: bool,
    operation: &OperationDefinition,
) -> (Cost, Foreseen) {
    let mut walk = Walk {
        ground,
        object_rules,
        asked: HashSet::new(),
        foreseen: Foreseen::default(),
        checks: 0,
        points: 1,
        leaves: 0,
        introspected: 0,
    };
    if let Some(root) = root(ground.registry, operation.ty) {
        let page = Above { times: 1, page: 1 };
        walk.set(&[root], page, &operation.selection_set.node);
    }
    let leaves = (walk.leaves / LEAVES).saturating_add(walk.introspected.div_ceil(INTROSPECTED_LEAVES));
    let points = walk.points.saturating_add(leaves).saturating_add(walk.checks);
    (Cost { points, checks: walk.checks }, walk.foreseen)
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
    object_rules: bool,
    /// Questions about the tenant, each of which is asked once.
    asked: HashSet<(&'a str, &'a str)>,
    foreseen: Foreseen,
    checks: u64,
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
            self.leaves = self.leaves.saturating_add(above.times);
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
        self.asks(ty, meta, times, concrete);
        if self.ground.registry.mutation_type.as_deref() == Some(ty) {
            self.add(WRITE);
        }
        if argument_of(field, "document").is_some() {
            self.add(DOCUMENT);
        }
        let set = &field.selection_set.node;
        if set.items.is_empty() {
            let each = if is_one_of(&LONG_TEXTS, ty, &meta.name) { LONG_TEXT } else { 1 };
            self.leaves = self.leaves.saturating_add(times.saturating_mul(each));
        } else {
            self.add(times);
            let page = if concrete.ends_with(CONNECTION) { self.page(field) } else { above.page };
            let below = possible(self.ground.registry, concrete);
            self.set(&below, Above { times, page }, set);
        }
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

    /// Counts the permissions that a field asks about.
    fn asks(&mut self, ty: &'a str, meta: &'a MetaField, times: u64, concrete: &str) {
        let name = meta.name.as_str();
        if let Some(rule) = self.ground.rules.get(ty, name)
            && let Access::Requires(need) = &rule.access
        {
            let on_object = need.scope == Scope::Object;
            // What may not be read is not there to be changed.
            let and_get = on_object && self.ground.registry.mutation_type.as_deref() == Some(ty);
            self.ask((ty, name), on_object, times);
            self.checks = self.checks.saturating_add(u64::from(and_get));
            if !self.ground.rules.is_root(ty) {
                self.foresee(need.resource.clone(), need.action.clone());
            }
        }
        if let Some((.., resource, action)) =
            ASKED_BY_FIELDS.iter().find(|known| (known.0, known.1) == (ty, name))
        {
            self.foresee(*resource, *action);
        }
        if concrete == NODE {
            self.ask((NODE, "get"), true, times);
        }
        if concrete == ANSWER {
            // Questions of clients differ, as far as is known here; those about an object have its type in common.
            if ty == OF_AN_OBJECT {
                self.ask((ty, name), true, times);
            } else {
                self.checks = self.checks.saturating_add(times);
            }
        }
        if is_one_of(&ALL_PERMISSIONS, ty, name) {
            let all = self.ground.rules.permissions().count() as u64;
            self.checks = self.checks.saturating_add(all);
        }
    }

    fn ask(&mut self, question: (&'a str, &'a str), on_object: bool, times: u64) {
        let is_new = self.asked.insert(question);
        let asked = if on_object && self.object_rules { times } else { u64::from(is_new) };
        self.checks = self.checks.saturating_add(asked);
    }

    fn foresee(&mut self, resource: impl Into<Cow<'static, str>>, action: impl Into<Cow<'static, str>>) {
        let Foreseen(known) = &mut self.foreseen;
        let need = (resource.into(), action.into());
        if !known.contains(&need) {
            known.push(need);
        }
    }
}

/// Whether the coordinate of a field is among these.
fn is_one_of(coordinates: &[&str], ty: &str, field: &str) -> bool {
    coordinates.iter().any(|coordinate| coordinate.split_once('.') == Some((ty, field)))
}
