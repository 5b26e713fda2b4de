//! Resources, and how their actions and attributes are written into them.

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    collection::{self, null_as_default},
    environment::Environment,
    part_routes,
    parts::{self, Part, Parts},
    refusal::Refusal,
    row::{Draft, Kind, Members, Row, Table},
    store::Store,
    wire::Query,
};

/// What a resource has beside the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    name: String,
    #[serde(default)]
    urn: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) actions: Parts<Action>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) attributes: Parts<Attribute>,
    #[serde(default, deserialize_with = "null_as_default")]
    type_attributes: Members,
}

/// What can be done with a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Action {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    attributes: Members,
}

/// What an instance of a resource can be described by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Attribute {
    #[serde(rename = "type")]
    kind: AttributeType,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AttributeType {
    Bool,
    Number,
    String,
    Time,
    Array,
    Json,
    Object,
    ObjectArray,
}

impl Action {
    pub(super) fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), description: None, attributes: Members::new() }
    }

    /// An action without a name is called by its key.
    pub(super) fn name_after(&mut self, key: &str) {
        self.name.get_or_insert_with(|| key.to_owned());
    }
}

impl Resource {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            urn: None,
            description: None,
            actions: Parts::new(),
            attributes: Parts::new(),
            type_attributes: Members::new(),
        }
    }

    /// Adds an attribute that is a text.
    pub(super) fn describe(&mut self, attribute: &str) {
        let text = Attribute { kind: AttributeType::String, description: None };
        self.attributes.insert(attribute.to_owned(), Part::new(attribute, text));
    }
}

impl Kind for Resource {
    const NAME: &'static str = "Resource";
    const REQUIRED: &'static [&'static str] = &["key", "name", "actions"];
    const NOT_IMITATED: &'static [&'static str] = &["roles", "relations", "action_groups"];

    fn table<'a>(environment: &'a Environment, _parent: Option<&str>) -> Result<&'a Table<Self>, Refusal> {
        Ok(&environment.resources)
    }

    fn table_mut<'a>(
        environment: &'a mut Environment,
        _parent: Option<&str>,
    ) -> Result<&'a mut Table<Self>, Refusal> {
        Ok(&mut environment.resources)
    }

    fn complete(&mut self, draft: &Draft<'_, Self>) -> Result<(), Refusal> {
        for (key, action) in &mut self.actions {
            action.fields.name_after(key);
        }
        parts::settle(&mut self.actions, draft.before.map(|before| &before.actions), "actions")?;
        parts::settle(&mut self.attributes, draft.before.map(|before| &before.attributes), "attributes")
    }

    fn extend(_row: &Row<Self>, _environment: &Environment, _parent: Option<&str>, read: &mut Members) {
        for name in Self::NOT_IMITATED {
            read.insert((*name).to_owned(), json!({}));
        }
    }

    fn matches(row: &Row<Self>, _environment: &Environment, query: &Query) -> bool {
        let built_in = row.key.starts_with("__") && !query.is_true("include_built_in");
        !built_in && query.finds([Some(row.key.as_str()), Some(row.fields.name.as_str())])
    }

    fn changed(environment: &mut Environment) {
        environment.revoke_lost_permissions();
    }

    fn forget(environment: &mut Environment, _parent: Option<&str>, _row: &Row<Self>) {
        environment.revoke_lost_permissions();
    }
}

/// Everything under `resources`.
pub(super) fn routes() -> Router<Arc<Store>> {
    let one = get(collection::get_one::<Resource>)
        .put(collection::put::<Resource>)
        .patch(collection::patch::<Resource>)
        .delete(collection::delete::<Resource>);
    Router::new()
        .route("/resources", get(collection::list::<Resource>).post(collection::post::<Resource>))
        .route("/resources/{key}", one)
        .merge(part_routes::routes())
}
