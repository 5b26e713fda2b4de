//! Who may do what, as one table: a change of the policy shows as a change of this file.

use serde_json::json;

use crate::support::{Persona, World};

/// One document for each operation; `$task` and `$user` are ids of the tenant.
const OPERATIONS: [(&str, &str); 17] = [
    ("apiInfo", "{ apiInfo { name } }"),
    ("viewer", "{ viewer { subject } }"),
    ("permissions", "{ permissions(checks: [{resource: \"task\", action: \"get\"}]) { allowed } }"),
    ("node", "query($task: ID!) { node(id: $task) { id } }"),
    ("nodes", "query($user: ID!) { nodes(ids: [$user]) { id } }"),
    ("task", "query($task: ID!) { task(id: $task) { id } }"),
    ("task.notes", "query($task: ID!) { task(id: $task) { notes } }"),
    ("task.owner", "query($task: ID!) { task(id: $task) { owner { id } } }"),
    ("tasks", "{ tasks { totalCount } }"),
    ("user", "query($user: ID!) { user(id: $user) { id } }"),
    ("users", "{ users { totalCount } }"),
    ("createTask", "mutation { createTask(input: {title: \"t\"}) { task { id } } }"),
    ("updateTask", "mutation($task: ID!) { updateTask(input: {id: $task, title: \"u\"}) { task { id } } }"),
    (
        "setTaskCompleted",
        "mutation($task: ID!) { setTaskCompleted(input: {id: $task, completed: true}) { task { id } } }",
    ),
    ("assignTask", "mutation($task: ID!) { assignTask(input: {id: $task}) { task { id } } }"),
    ("deleteTask", "mutation($task: ID!) { deleteTask(input: {id: $task}) { deletedTaskId } }"),
    ("createUser", "mutation { createUser(input: {subject: \"auth0|somebody\"}) { user { id } } }"),
];

/// `yes`, `null` for what is hidden, or the code of the refusal.
async fn verdict(persona: &Persona<'_>, document: &str, task: &str, user: &str) -> String {
    let variables = if document.contains("$task") { json!({"task": task}) } else { json!({"user": user}) };
    let answer = persona.asks_with(document, variables).await;
    match answer.codes().first() {
        Some(code) => (*code).to_owned(),
        None if answer.body["data"]
            .as_object()
            .unwrap()
            .values()
            .all(|value| *value == json!(null) || *value == json!([null])) =>
        {
            "null".to_owned()
        }
        None => "yes".to_owned(),
    }
}

#[tokio::test]
async fn the_permission_matrix_is_as_written() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let user = admin.user_id().await;
    let nobody = world.nobody();
    let mut personas = vec![("nobody", nobody)];
    for name in ["newcomer", "outsider", "viewer", "manager"] {
        personas.push((name, world.signed_in(name).await));
    }
    personas.push(("admin", world.persona("admin").await));
    let mut rows =
        vec![std::iter::once("").chain(personas.iter().map(|(name, _)| *name)).map(str::to_owned).collect()];
    for (operation, document) in OPERATIONS {
        let mut row = vec![operation.to_owned()];
        for (_, persona) in &personas {
            let task = admin.creates_task("Matrix").await;
            row.push(verdict(persona, document, &task, &user).await);
        }
        rows.push(row);
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| format!("{cell:<17}")).collect();
        cells.concat().trim_end().to_owned()
    };
    let table: Vec<String> = rows.iter().map(line).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn every_guarded_root_field_refuses_a_caller_without_a_token() {
    let world = World::start().await;
    let url = format!("{}/permissions.json", world.url);
    let manifest: serde_json::Value = world.client.get(url).send().await.unwrap().json().await.unwrap();
    let coordinates = manifest["coordinates"].as_object().unwrap();
    let public: Vec<&String> = coordinates
        .iter()
        .filter(|(_, rule)| rule["access"] == "PUBLIC")
        .map(|(coordinate, _)| coordinate)
        .collect();
    // May only shrink.
    assert_eq!(public, ["Query.apiInfo"]);

    let admin = world.signed_in("admin").await;
    let (task, user) = (admin.creates_task("Theirs").await, admin.user_id().await);
    for (operation, document) in OPERATIONS.iter().filter(|(name, _)| *name != "apiInfo") {
        let variables = json!({"task": task, "user": user});
        let answer = world.nobody().asks_with(document, variables).await;
        assert_eq!(answer.codes(), ["UNAUTHENTICATED"], "{operation}");
    }
}
