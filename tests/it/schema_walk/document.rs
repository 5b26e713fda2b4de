//! Selections of everything that the schema offers below a type, so that a field which somebody adds is walked too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A field without required arguments.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// Name of its type, without lists and bangs.
    pub(super) ty: String,
}

/// The output types of the schema, by name.
#[derive(Debug)]
pub(super) struct Schema {
    objects: BTreeMap<String, Vec<Field>>,
    possible: BTreeMap<String, Vec<String>>,
    /// The fields of the root types, with and without arguments.
    pub(super) roots: BTreeSet<String>,
}

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

pub(super) const INTROSPECTION: &str = "{ __schema { types { name kind possibleTypes { name }
    fields { name args { defaultValue type { kind } }
      type { name kind ofType { name kind ofType { name kind ofType { name kind } } } } } } } }";

impl Schema {
    pub(super) fn read(introspected: &Value) -> Self {
        let (mut objects, mut possible, mut roots) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for ty in introspected["__schema"]["types"].as_array().unwrap() {
            let name = ty["name"].as_str().unwrap();
            if ROOTS.contains(&name) {
                roots.extend(ty["fields"].as_array().unwrap().iter().map(|field| text(&field["name"])));
            }
            match ty["kind"].as_str().unwrap() {
                "OBJECT" if !name.starts_with("__") => drop(objects.insert(name.to_owned(), fields(ty))),
                "INTERFACE" => {
                    let names = ty["possibleTypes"].as_array().unwrap().iter();
                    let names = names.map(|ty| ty["name"].as_str().unwrap().to_owned()).collect();
                    possible.insert(name.to_owned(), names);
                }
                _ => {}
            }
        }
        Self { objects, possible, roots }
    }

    pub(super) fn fields(&self, object: &str) -> &[Field] {
        &self.objects[object]
    }

    pub(super) fn is_composite(&self, ty: &str) -> bool {
        self.objects.contains_key(ty) || self.possible.contains_key(ty)
    }

    /// All that can be selected on `ty`, `depth` levels deep.
    pub(super) fn selection(&self, ty: &str, depth: usize) -> String {
        if let Some(possible) = self.possible.get(ty) {
            let parts = possible.iter().map(|ty| format!("... on {ty} {}", self.selection(ty, depth)));
            return format!("{{ __typename {} }}", parts.collect::<Vec<_>>().join(" "));
        }
        let mut parts = vec!["__typename".to_owned()];
        for field in self.fields(ty) {
            if !self.is_composite(&field.ty) {
                parts.push(field.name.clone());
            } else if depth > 0 {
                parts.push(format!("{} {}", field.name, self.selection(&field.ty, depth - 1)));
            }
        }
        format!("{{ {} }}", parts.join(" "))
    }
}

fn fields(ty: &Value) -> Vec<Field> {
    let fields = ty["fields"].as_array().unwrap().iter();
    let optional = |field: &&Value| {
        let mut arguments = field["args"].as_array().unwrap().iter();
        arguments
            .all(|argument| argument["type"]["kind"] != "NON_NULL" || !argument["defaultValue"].is_null())
    };
    fields
        .filter(optional)
        .map(|field| Field { name: text(&field["name"]), ty: named(&field["type"]) })
        .collect()
}

fn named(ty: &Value) -> String {
    if ty["ofType"].is_null() { text(&ty["name"]) } else { named(&ty["ofType"]) }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
