//! Fields at the root of an operation that are selected more than once, as the fragments of components do it.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_change_that_two_fragments_select_is_done_once() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Before").await;
    let document = "mutation($input: UpdateTaskInput!, $yes: Boolean! = true) {
        updateTask(input: $input) { task { title } }
        ...Errors ... on Mutation @include(if: $yes) { updateTask(input: $input) { task { notes } } } }
        fragment Errors on Mutation { updateTask(input: $input) { task { version } userErrors { code } } }";
    let input = json!({"id": task, "title": "After", "expectedVersion": 1});
    let answer = manager.asks_with(document, json!({"input": input})).await.data();
    let expected = json!({"task": {"title": "After", "version": 2, "notes": "n"}, "userErrors": []});
    assert_eq!(answer["updateTask"], expected);
}

#[tokio::test]
async fn what_is_created_in_two_places_is_created_once() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let document = r#"mutation {
        ...Id createTask(input: {title: "One"}) { task { title } } two: createTask(input: {title: "Two"}) { task { title } } }
        fragment Id on Mutation { createTask(input: {title: "One"}) { task { title } } ...Id2 }
        fragment Id2 on Mutation { createTask(input: {title: "One"}) { userErrors { code } } }"#;
    let answer = manager.asks(document).await.data();
    let one = json!({"task": {"title": "One"}, "userErrors": []});
    assert_eq!(answer, json!({"createTask": one, "two": {"task": {"title": "Two"}}}));
    let tasks =
        manager.asks("{ tasks(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { title } } }").await;
    assert_eq!(tasks.data()["tasks"]["nodes"], json!([{"title": "One"}, {"title": "Two"}]));
}

#[tokio::test]
async fn a_place_that_is_skipped_selects_nothing() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    manager.creates_task("Water the plants").await;
    let document = "query($no: Boolean!) { tasks @include(if: $no) { nodes { id } } ...Page @skip(if: $no)
        tasks { nodes { title } } tasks @skip(if: $no) { totalCount } }
        fragment Page on Query { tasks { nodes { version } } }";
    let answer =
        async |no: bool| manager.asks_with(document, json!({"no": no})).await.data()["tasks"].clone();
    let without = answer(false).await;
    assert_eq!(without, json!({"nodes": [{"title": "Water the plants", "version": 1}], "totalCount": 1}));
    let with = answer(true).await;
    assert_eq!(with["nodes"][0].as_object().unwrap().len(), 2, "{with}");
    assert_eq!(with.get("totalCount"), None);
}

#[tokio::test]
async fn two_fields_under_one_name_are_refused_wherever_they_are_written() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (one, other) = (manager.creates_task("One").await, manager.creates_task("Other").await);
    for (first, second) in [
        ("task(id: $one) { id }", "task(id: $other) { title }"),
        ("task(id: $one) { id }", "task: node(id: $one) { id }"),
        ("tasks { totalCount }", "tasks(first: 1) { totalCount }"),
    ] {
        let document = format!(
            "query($one: ID!, $other: ID!) {{ {first} ... on Query {{ {second} }} ids: nodes(ids: [$one, $other]) {{ id }} }}"
        );
        let answer = manager.asks_with(&document, json!({"one": one, "other": other})).await;
        assert_eq!(answer.codes(), ["GRAPHQL_VALIDATION_FAILED"], "{document}");
        assert_eq!(answer.body["data"], Value::Null, "{document}");
    }
}

#[tokio::test]
async fn a_mistake_in_a_place_that_is_skipped_is_told() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let document = r#"mutation { createTask(input: {title: "One"}) { task { id } } ...More
        createTask(input: {title: "One"}) @skip(if: true) { nothing } }
        fragment More on Mutation { createTask(input: {title: "One"}) { userErrors { code } } }"#;
    let answer = manager.asks(document).await;
    assert_eq!(answer.codes(), ["GRAPHQL_VALIDATION_FAILED"]);
    assert_eq!(manager.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 0);
}
