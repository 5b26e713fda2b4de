//! What introspection returns. Its types lead to each other, so that a document of a few lines can ask for the whole
//! schema behind each field of each type, again and again.

use async_graphql::parser::types::{Selection, SelectionSet};

use crate::graphql::authorization::plan::Ground;

/// Lists and how long they are in this schema, roundly; the rest is single objects.
const LISTS: [(&str, u64); 7] = [
    ("types", 100),
    ("directives", 10),
    ("fields", 10),
    ("inputFields", 10),
    ("enumValues", 10),
    ("args", 3),
    ("possibleTypes", 3),
];

/// An object, measured in leaves.
const OBJECT: u64 = 10;

/// Leaves below a field that returns `times` objects, those objects included.
pub(super) fn leaves(ground: Ground<'_>, times: u64, set: &SelectionSet) -> u64 {
    let selected = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) if field.node.selection_set.node.items.is_empty() => times,
        Selection::Field(field) => {
            let list = LISTS.iter().find(|(name, _)| *name == field.node.name.node.as_str());
            let times = times.saturating_mul(list.map_or(1, |(_, length)| *length));
            times.saturating_mul(OBJECT).saturating_add(leaves(ground, times, &field.node.selection_set.node))
        }
        Selection::InlineFragment(inline) => leaves(ground, times, &inline.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let fragment = ground.document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or(0, |fragment| leaves(ground, times, &fragment.node.selection_set.node))
        }
    });
    selected.fold(0, u64::saturating_add)
}
