//! What the schema, or a document, needs: told to anybody, before anything is asked.

use serde_json::{Value, json};

use crate::support::{Answer, World};

const ALL: &str = "{ permissionRequirements { coordinate resource action scope access } }";
const OF: &str =
    "query($document: String!) { permissionRequirements(document: $document) { coordinate access } }";

async fn asks(world: &World, document: &str) -> Answer {
    world.nobody().asks_with(OF, json!({"document": document})).await
}

/// Coordinates that a document needs something for.
async fn coordinates(world: &World, document: &str) -> Vec<String> {
    let data = asks(world, document).await.data();
    let rows = data["permissionRequirements"].as_array().unwrap();
    rows.iter().map(|row| row["coordinate"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_a_document_every_rule_of_the_schema_is_told_in_stable_order() {
    let world = World::start().await;

    let rows = world.nobody().asks(ALL).await.data()["permissionRequirements"].clone();

    let rows = rows.as_array().unwrap().clone();
    let told: Vec<&str> = rows.iter().map(|row| row["coordinate"].as_str().unwrap()).collect();
    assert!(told.is_sorted());
    let row = |coordinate: &str| {
        let at = told.iter().position(|known| *known == coordinate).unwrap_or_else(|| panic!("{coordinate}"));
        rows[at].clone()
    };
    let nothing = Value::Null;
    for (coordinate, expected) in [
        ("Query.apiInfo", [&nothing, &nothing, &nothing, &json!("PUBLIC")]),
        ("Query.viewer", [&nothing, &nothing, &nothing, &json!("SIGNED_IN")]),
        ("Query.task", [&json!("task"), &json!("get"), &json!("OBJECT"), &json!("REQUIRES")]),
        ("Task.notes", [&json!("task"), &json!("read-notes"), &json!("OBJECT"), &json!("REQUIRES")]),
        (
            "UpdateTaskInput.assigneeId",
            [&json!("task"), &json!("assign"), &json!("OBJECT"), &json!("REQUIRES")],
        ),
        ("TaskFilter.ownerId", [&json!("user"), &json!("get"), &json!("TENANT"), &json!("REQUIRES")]),
    ] {
        let row = row(coordinate);
        let told = [&row["resource"], &row["action"], &row["scope"], &row["access"]];
        assert_eq!(told, expected, "{coordinate}");
    }
    let manifest = world.client.get(format!("{}/permissions.json", world.url)).send().await.unwrap();
    let manifest: Value = manifest.json().await.unwrap();
    for coordinate in manifest["coordinates"].as_object().unwrap().keys() {
        assert!(told.contains(&coordinate.as_str()), "{coordinate} is in the manifest alone");
    }
}

#[tokio::test]
async fn a_document_needs_what_its_operations_use_through_fragments_and_on_every_type() {
    let world = World::start().await;
    for (document, expected) in [
        ("{ apiInfo { name } __typename }", &["Query.apiInfo"][..]),
        ("query A { viewer { subject } } query B { users { totalCount } }", &["Query.users", "Query.viewer"]),
        (
            "{ t: tasks { edges { node { ...F } } } } fragment F on Task { title ... { notes } }",
            &["Query.tasks", "Task.notes"],
        ),
        (
            "query($id: ID!) { node(id: $id) { id ... on Task { owner { id } } ... on User { name } } }",
            &["Query.node", "Task.owner"],
        ),
        (
            "query($id: ID!) { node(id: $id) { ... on Node { ... on Task { notes } } } }",
            &["Query.node", "Task.notes"],
        ),
        (
            "mutation($id: ID!) { updateTask(input: {id: $id, title: \"t\"}) { task { notes } } }",
            &["Mutation.updateTask", "Task.notes"],
        ),
        (
            "mutation($id: ID!) { updateTask(input: {id: $id, assigneeId: null}) { task { id } } }",
            &["Mutation.updateTask", "UpdateTaskInput.assigneeId"],
        ),
        (
            "mutation { createTask(input: {title: \"t\", assigneeId: null}) { task { id } } }",
            &["Mutation.createTask"],
        ),
        (
            "mutation($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }",
            &["CreateTaskInput.assigneeId", "Mutation.createTask"],
        ),
        (
            "query($who: ID) { tasks(filter: {ownerId: $who}) { totalCount } }",
            &["Query.tasks", "TaskFilter.ownerId"],
        ),
        (
            "query($if: Boolean!) { users @include(if: $if) { totalCount } apiInfo { name } }",
            &["Query.apiInfo", "Query.users"],
        ),
        (
            "{ users @include(if: false) { totalCount } viewer @skip(if: true) { subject } apiInfo { name } }",
            &["Query.apiInfo"],
        ),
    ] {
        assert_eq!(coordinates(&world, document).await, expected, "{document}");
    }
    assert_eq!(world.counts(&world.sandbox.pdp.url()).await.len(), 0, "nobody was asked");
}

#[tokio::test]
async fn the_types_behind_ids_that_are_written_out_are_known() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let (task, user) = (admin.creates_task("t").await, admin.user_id().await);
    let of = async |id: &str| {
        let document =
            format!("{{ node(id: \"{id}\") {{ ... on Task {{ notes }} ... on User {{ name }} }} }}");
        coordinates(&world, &document).await
    };
    assert_eq!(of(&task).await, ["Query.node", "Task.notes"]);
    assert_eq!(of(&user).await, ["Query.node"]);
}

#[tokio::test]
async fn a_document_that_is_not_valid_is_told_with_every_mistake_and_its_place() {
    let world = World::start().await;
    for (document, messages) in [
        ("{ nothing", vec!["1:10: The document is not valid GraphQL."]),
        ("{ node(id: \"\"\"", vec!["1:12: A block string has no end."]),
        ("{ ...A } fragment A on Query { ...A }", vec!["1:32: Fragments spread each other in a circle."]),
        (
            "{ taks { id }\n  apiInfo { nothing } }",
            vec![
                "1:3: Unknown field \"taks\" on type \"Query\". Did you mean \"tasks\"?",
                "2:13: Unknown field \"nothing\" on type \"ApiInfo\".",
            ],
        ),
        (
            "query($id: String!) { task(id: $id) { id } }",
            vec!["1:28: Variable `$id` of type `String!` cannot stand where `ID!` is expected."],
        ),
    ] {
        let answer = asks(&world, document).await;

        let refusal = answer.refusal();
        assert_eq!((&refusal["code"], &refusal["field"]), (&json!("BAD_USER_INPUT"), &json!("document")));
        assert_eq!(refusal["messages"], json!(messages), "{document}");
    }
    let wide = format!("{{ viewer {{ {} }} }}", "subject ".repeat(1_001));
    let answer = asks(&world, &wide).await;
    let refusal = answer.refusal();
    assert_eq!((&refusal["code"], &refusal["what"]), (&json!("QUERY_TOO_COMPLEX"), &json!("fields")));
    assert_eq!((&refusal["limit"], &refusal["actual"]), (&json!(1_000), &json!(1_002)));
}

#[tokio::test]
async fn no_name_is_suggested_where_clients_may_not_read_the_schema() {
    let world = World::with(|config| config.graphql.introspection = false).await;
    let told = asks(&world, "{ taks { id } }").await.body.to_string();
    assert!(told.contains("Unknown field") && !told.contains("Did you mean"), "{told}");
}

#[tokio::test]
async fn one_operation_has_a_few_documents_looked_at_and_no_more() {
    let world = World::start().await;
    let ask = async |times: usize| {
        let field = |n| {
            format!("f{n}: permissionRequirements(document: \"{{ apiInfo {{ name }} }}\") {{ coordinate }}")
        };
        let fields: Vec<String> = (0..times).map(field).collect();
        world.nobody().asks(&format!("{{ {} }}", fields.join(" "))).await
    };
    assert_eq!(ask(4).await.codes(), [""; 0]);
    let answer = ask(5).await;
    let refusal = answer.refusal();
    assert_eq!((&refusal["code"], &refusal["limit"]), (&json!("QUERY_TOO_COMPLEX"), &json!(4)));
    assert_eq!(refusal["what"], "documents in arguments");
}
