//! The rows of a list are resolved by our own code, a single object by the library. Both answer alike.

use serde_json::{Value, json};

use crate::support::{Persona, World};

/// Fragments in fragments, on the interface too; aliases; fields that are left out, or that may be refused.
const PLAIN: &str = "__typename kind: __typename id name: title ...Plain
    fragment Plain on Task {
        ... on Node { same: id } ... { secret: notes } ... @include(if: $yes) { createdAt completedAt }
        completed @skip(if: $yes) version @include(if: $yes)
        buttons: viewerPermissions { __typename canCheck { allowed reason hint key } canDelete { allowed reason } }
        owner { name } history { nodes { kind } } }";

/// Response keys that stand in two places.
const MERGED: &str = "id title ...Buttons viewerPermissions { canDelete { allowed reason } } notes
    fragment Buttons on Task { title notes viewerPermissions { canUpdate { allowed } canDelete { key } } }";

#[tokio::test]
async fn a_row_is_answered_like_the_object_by_itself() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let id = manager.creates_task("Water the plants").await;
    // It stands before the other in each list.
    manager.creates_task("Feed the cat").await;
    let mut refused = 0;
    for persona in [&manager, &world.signed_in("viewer").await] {
        for selection in [PLAIN, MERGED] {
            let (object, errors) = selected(persona, &id, "task(id: $id)", &["task"], selection).await;
            let title = object.get("title").or(object.get("name")).unwrap();
            assert_eq!(title, "Water the plants", "{object}");
            for (field, path) in [
                ("tasks { nodes", vec!["tasks", "nodes", "1"]),
                ("tasks { edges { node", vec!["tasks", "edges", "1", "node"]),
            ] {
                let row = selected(persona, &id, field, &path, selection).await;
                assert_eq!(row, (object.clone(), errors.clone()), "{field}");
            }
            refused += errors.len();
        }
    }
    assert!(refused > 0, "nothing of this is refused to anybody");
}

/// The object at `path`, and its errors with their paths from there.
async fn selected(
    persona: &Persona<'_>,
    id: &str,
    field: &str,
    path: &[&str],
    selection: &str,
) -> (Value, Vec<Value>) {
    let (fields, fragments) = selection.split_once("fragment").unwrap();
    let end = "}".repeat(field.matches('{').count());
    let argument = if field.contains("$id") { "$id: ID!, " } else { "" };
    let document = format!(
        "query ({argument}$yes: Boolean! = true) {{
            {field} {{ {fields} viewer: version @include(if: $yes) }} {end} }} fragment {fragments}"
    );
    let mut body = persona.asks_with(&document, json!({"id": id})).await.body;
    let mut errors: Vec<Value> = body["errors"].as_array().cloned().unwrap_or_default();
    for error in &mut errors {
        let from = error["path"].as_array().unwrap().iter().skip(path.len()).cloned().collect();
        let extensions = &error["extensions"];
        *error = json!([error["message"], extensions["code"], extensions["reason"], Value::Array(from)]);
    }
    (body.pointer_mut(&format!("/data/{}", path.join("/"))).unwrap().take(), errors)
}
