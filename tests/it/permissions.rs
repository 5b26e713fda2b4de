//! Who may do what, as one table: a change of the policy shows as a change of this file.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{Persona, World};

/// A document for each guarded field and each field of the roots; `$task` and `$user` are ids of the tenant, and
/// `$other` is the id of a user who is there for this call alone.
pub(crate) const OPERATIONS: &[(&str, &str)] = &[
    ("Query.apiInfo", "{ apiInfo { name } }"),
    ("Query.viewer", "{ viewer { subject } }"),
    ("Query.permissions", "{ permissions(checks: [{resource: \"task\", action: \"get\"}]) { allowed } }"),
    ("Query.permissionRequirements", "{ permissionRequirements { coordinate } }"),
    ("Query.node", "query($task: ID!) { node(id: $task) { id } }"),
    ("Query.nodes", "query($user: ID!) { nodes(ids: [$user]) { id } }"),
    ("Query.task", "query($task: ID!) { task(id: $task) { id } }"),
    ("Task.notes", "query($task: ID!) { task(id: $task) { notes } }"),
    ("Task.owner", "query($task: ID!) { task(id: $task) { owner { id } } }"),
    ("Task.assignee", "query($task: ID!) { task(id: $task) { title assignee { id } } }"),
    ("Task.history", "query($task: ID!) { task(id: $task) { history { nodes { kind } } } }"),
    ("Query.tasks", "{ tasks { totalCount } }"),
    ("Query.user", "query($user: ID!) { user(id: $user) { id } }"),
    ("Query.users", "{ users { totalCount } }"),
    ("Query.explain", "{ explain(document: \"{ apiInfo { name } }\") { allowed } }"),
    ("Query.decisions", "{ decisions { nodes { id } } }"),
    ("Query.rateLimit", "{ rateLimit { limit } }"),
    ("Mutation.login", "mutation { login { ready } }"),
    ("Mutation.createTask", "mutation { createTask(input: {title: \"t\"}) { task { id } } }"),
    (
        "Mutation.updateTask",
        "mutation($task: ID!) { updateTask(input: {id: $task, title: \"u\"}) { task { id } } }",
    ),
    (
        "Mutation.setTaskCompleted",
        "mutation($task: ID!) { setTaskCompleted(input: {id: $task, completed: true}) { task { id } } }",
    ),
    ("Mutation.assignTask", "mutation($task: ID!) { assignTask(input: {id: $task}) { task { id } } }"),
    ("Mutation.deleteTask", "mutation($task: ID!) { deleteTask(input: {id: $task}) { deletedTaskId } }"),
    ("Mutation.createUser", "mutation { createUser(input: {subject: \"auth0|somebody\"}) { user { id } } }"),
    (
        "Mutation.assignRole",
        "mutation($other: ID!) { assignRole(input: {userId: $other, role: \"viewer\"}) { user { id } } }",
    ),
    (
        "Mutation.unassignRole",
        "mutation($other: ID!) { unassignRole(input: {userId: $other, role: \"viewer\"}) { user { id } } }",
    ),
    ("Mutation.deleteUser", "mutation($other: ID!) { deleteUser(input: {id: $other}) { deletedUserId } }"),
    ("Subscription.taskChanged", "subscription { taskChanged { kind } }"),
    ("Subscription.viewerPermissionsChanged", "subscription { viewerPermissionsChanged { at } }"),
];

/// Ids for the variables of `document`, from an administrator.
pub(crate) async fn variables(admin: &Persona<'_>, document: &str) -> Value {
    let mut variables = json!({});
    if document.contains("$user") {
        variables["user"] = admin.user_id().await.into();
    }
    if document.contains("$task") {
        variables["task"] = admin.creates_task("Matrix").await.into();
    }
    if document.contains("$other") {
        let subject = format!("auth0|{}", uuid::Uuid::new_v4());
        let create = "mutation($subject: String!) { createUser(input: {subject: $subject}) { user { id } } }";
        let created = admin.asks_with(create, json!({"subject": subject})).await.data();
        variables["other"] = created["createUser"]["user"]["id"].clone();
    }
    variables
}

/// `yes`, `null` for what is hidden, or the code of the refusal.
async fn verdict(persona: &Persona<'_>, document: &str, variables: Value) -> String {
    let answer = persona.asks_with(document, variables).await;
    if let Some(code) = answer.codes().first() {
        return (*code).to_owned();
    }
    let data = answer.body["data"].as_object().unwrap();
    let is_hidden = data.values().all(|value| *value == json!(null) || *value == json!([null]));
    if is_hidden { "null" } else { "yes" }.to_owned()
}

/// The same of a subscription, which says nothing when it begins: something has to happen that it tells, or that it
/// asks about.
async fn verdict_on(world: &World, admin: &Persona<'_>, persona: &Persona<'_>, document: &str) -> String {
    let pdp = world.sandbox.pdp.url();
    let before = world.count(&pdp, "POST /allowed").await;
    let socket = persona.connects().await;
    let mut subscription = socket.subscribes(document).await;
    loop {
        if let Some(answer) = subscription.soon().await {
            return answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("yes").to_owned();
        }
        if document.contains("taskChanged") {
            for somebody in [admin, persona] {
                somebody.asks("mutation { createTask(input: {title: \"t\"}) { task { id } } }").await;
            }
        } else if world.count(&pdp, "POST /allowed").await > before {
            return "yes".to_owned();
        }
    }
}

#[tokio::test]
async fn the_permission_matrix_is_as_written() {
    // A verdict that a busy machine has no time for is another one.
    let world = World::with(|config| config.permit.answer_timeout = Duration::from_secs(10)).await;
    let admin = world.signed_in("admin").await;
    let mut personas = vec![("nobody", world.nobody())];
    for name in ["newcomer", "outsider", "viewer", "manager"] {
        personas.push((name, world.signed_in(name).await));
    }
    personas.push(("admin", world.persona("admin").await));
    let mut rows =
        vec![std::iter::once("").chain(personas.iter().map(|(name, _)| *name)).map(str::to_owned).collect()];
    for (operation, document) in OPERATIONS {
        let mut row = vec![(*operation).to_owned()];
        for (_, persona) in &personas {
            row.push(if document.starts_with("subscription") {
                verdict_on(&world, &admin, persona, document).await
            } else {
                verdict(persona, document, variables(&admin, document).await).await
            });
        }
        rows.push(row);
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row[1..].iter().map(|cell| format!("{cell:<17}")).collect();
        format!("{:<39}{}", row[0], cells.concat()).trim_end().to_owned()
    };
    let table: Vec<String> = rows.iter().map(line).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn the_matrix_has_a_row_for_every_field_that_somebody_may_be_refused() {
    let world = World::start().await;
    let mut fields = BTreeSet::new();
    for root in ["Query", "Mutation", "Subscription"] {
        let document = format!("{{ __type(name: \"{root}\") {{ fields {{ name }} }} }}");
        let answer = world.nobody().asks(&document).await.data();
        for field in answer["__type"]["fields"].as_array().into_iter().flatten() {
            fields.insert(format!("{root}.{}", field["name"].as_str().unwrap()));
        }
    }
    assert!(fields.contains("Query.viewer") && fields.contains("Mutation.login"), "{fields:?}");
    let coordinates = manifest(&world).await["coordinates"].as_object().unwrap().clone();
    fields.extend(coordinates.into_iter().map(|(coordinate, _)| coordinate));

    let rows: BTreeSet<String> = OPERATIONS.iter().map(|(row, _)| (*row).to_owned()).collect();
    assert_eq!(rows, fields, "left: OPERATIONS of this file; right: the schema");
}

#[tokio::test]
async fn every_guarded_root_field_refuses_a_caller_without_a_token() {
    let world = World::start().await;
    let manifest = manifest(&world).await;
    let coordinates = manifest["coordinates"].as_object().unwrap();
    let public: Vec<&String> = coordinates
        .iter()
        .filter(|(_, rule)| rule["access"] == "PUBLIC")
        .map(|(coordinate, _)| coordinate)
        .collect();
    // May only shrink.
    assert_eq!(public, ["Query.apiInfo", "Query.permissionRequirements"]);

    let admin = world.signed_in("admin").await;
    let guarded = OPERATIONS.iter().filter(|(name, _)| !public.iter().any(|open| open == name));
    for (operation, document) in guarded {
        let socket = world.nobody().connects().await;
        let answer = socket.subscribes_with(document, variables(&admin, document).await).await.next().await;
        let errors = answer["errors"].as_array().unwrap();
        let codes: Vec<&Value> = errors.iter().map(|error| &error["extensions"]["code"]).collect();
        assert_eq!(codes, ["UNAUTHENTICATED"], "{operation}");
    }
}

async fn manifest(world: &World) -> Value {
    let url = format!("{}/permissions.json", world.url);
    world.client.get(url).send().await.unwrap().json().await.unwrap()
}
