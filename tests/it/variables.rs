//! Variables as the specification coerces them: what is not sent is left out, and what is wrong stops the operation.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Persona, World};

const STATE: &str = "query($id: ID!) { task(id: $id) { title notes assignee { id } version } }";

async fn state(persona: &Persona<'_>, task: &str) -> Value {
    persona.asks_with(STATE, json!({"id": task})).await.data()["task"].clone()
}

#[tokio::test]
async fn a_variable_that_is_not_sent_changes_nothing_and_needs_no_permission() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (task, me) = (manager.creates_task("Before").await, manager.user_id().await);
    let assign =
        "mutation($id: ID!, $a: ID) { assignTask(input: {id: $id, assigneeId: $a}) { task { id } } }";
    manager.asks_with(assign, json!({"id": task, "a": me})).await.data();
    let viewer = world.signed_in("viewer").await;
    world.grant("viewer", "task:update").await;
    let update = "mutation($id: ID!, $t: String, $n: String, $a: ID) {
        updateTask(input: {id: $id, title: $t, notes: $n, assigneeId: $a}) { task { title } userErrors { code } } }";

    let renamed = viewer.asks_with(update, json!({"id": task, "t": "After"})).await.data();

    assert_eq!(renamed["updateTask"], json!({"task": {"title": "After"}, "userErrors": []}));
    let after = json!({"title": "After", "notes": "n", "assignee": {"id": me}, "version": 3});
    assert_eq!(state(&manager, &task).await, after);
    let cleared = manager.asks_with(update, json!({"id": task, "n": null, "a": null})).await.data();
    assert_eq!(cleared["updateTask"]["task"]["title"], "After");
    let cleared = json!({"title": "After", "notes": null, "assignee": null, "version": 4});
    assert_eq!(state(&manager, &task).await, cleared);
}

#[tokio::test]
async fn what_is_not_sent_is_left_out_of_fragments_too_whoever_else_spreads_them() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Before").await;
    let document = "mutation Chosen($id: ID!, $n: String, $v: Int) { ...outer }
        mutation Other($id: ID!, $n: String, $v: Int) { ...inner }
        fragment outer on Mutation { ...inner }
        fragment inner on Mutation { updateTask(input: {id: $id, title: \"After\", notes: $n, expectedVersion: $v}) {
            task { notes } userErrors { code } } }";
    let body = json!({"query": document, "operationName": "Chosen", "variables": {"id": task}});

    let answer = manager.sends(&body).await.unwrap().data();

    assert_eq!(answer["updateTask"], json!({"task": {"notes": "n"}, "userErrors": []}));
}

#[tokio::test]
async fn a_wrong_variable_stops_the_operation_before_anything_is_written() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let after_one = |definition: &str, second: &str| {
        format!(
            "mutation({definition}) {{ a: createTask(input: {{title: \"one\"}}) {{ task {{ id }} }}
                b: {second} {{ userErrors {{ code }} }} }}"
        )
    };
    let title = after_one("$t: String!", "createTask(input: {title: $t})");
    let input = after_one("$i: CreateTaskInput!", "createTask(input: $i)");
    let version =
        after_one("$v: Int", "setTaskCompleted(input: {id: \"x\", completed: true, expectedVersion: $v})");
    let roles = after_one("$r: [String!]", "createUser(input: {subject: \"s\", roles: $r})");
    let removal = after_one("$d: DeleteUserInput!", "deleteUser(input: $d)");
    for (document, variables, field, expected) in [
        (&title, json!({}), "t", "`$t` is missing; its type is `String!`"),
        (&title, json!({"t": null}), "t", "`$t` must be of type `String!`"),
        (&title, json!({"t": 4_711}), "t", "`$t` must be of type `String!`"),
        (&title, json!({"t": ["secret"]}), "t", "`$t` must be of type `String!`"),
        (&input, json!({"i": "secret"}), "i", "`$i` must be of type `CreateTaskInput!`"),
        (&input, json!({"i": {}}), "i", "`$i.title` is missing; its type is `String!`"),
        (&input, json!({"i": {"title": null}}), "i", "`$i.title` must be of type `String!`"),
        (&input, json!({"i": {"title": "t", "secret": 1}}), "i", "`CreateTaskInput` does not have"),
        (&version, json!({"v": 2_147_483_648_i64}), "v", "`$v` must be of type `Int`"),
        (&version, json!({"v": 1.5}), "v", "`$v` must be of type `Int`"),
        (&version, json!({"v": "secret"}), "v", "`$v` must be of type `Int`"),
        (&roles, json!({"r": ["viewer", null]}), "r", "`$r[1]` must be of type `String!`"),
        (&removal, json!({"d": {"id": "x", "tasks": "secret"}}), "d", "`$d.tasks` must be of type"),
        (&removal, json!({"d": {"id": true}}), "d", "`$d.id` must be of type `ID!`"),
    ] {
        let answer = manager.asks_with(document, variables.clone()).await;
        assert_eq!(answer.refusal()["code"], "BAD_USER_INPUT", "{variables}");
        assert_eq!(answer.refusal()["field"], field, "{variables}");
        assert!(answer.refusal()["requestId"].is_string(), "{variables}");
        assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains(expected), "{}", answer.body);
        assert!(answer.body.get("data").is_none(), "{variables}");
        assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
    }
    assert_eq!(manager.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 0);
}

#[tokio::test]
async fn a_wrong_variable_is_400_or_200_by_media_type() {
    let world = World::start().await;
    let body = json!({"query": "query($n: Int!) { tasks(first: $n) { totalCount } }"});
    for (accept, status) in
        [("application/graphql-response+json", StatusCode::BAD_REQUEST), ("application/json", StatusCode::OK)]
    {
        let request = world.client.post(format!("{}/graphql", world.url)).header("accept", accept);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), status);
        let answer: Value = response.json().await.unwrap();
        assert!(answer.get("data").is_none(), "{answer}");
        assert_eq!(answer["extensions"]["authz"]["distinctChecks"], 0);
    }
}

#[tokio::test]
async fn a_wrong_document_is_told_before_its_variables_and_not_mended_by_leaving_things_out() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for document in [
        "query($n: Int!) { nothing(first: $n) }",
        "query($n: Int) { tasks(nonsense: $n) { totalCount } }",
        "query($n: String) { tasks(first: $n) { totalCount } }",
        "query($n: Boolean) { tasks(filter: {completed: $n, nonsense: $n}) { totalCount } }",
        "query($n: ID) { task(id: $n) { id } }",
        "query($n: Boolean) { apiInfo @include(if: $n) { name } }",
        "query($n: Int, $unused: Int) { tasks(first: $n) { totalCount } }",
        "query($n: Nonsense!) { tasks(first: $n) { totalCount } }",
        "query($n: Task!) { tasks(first: $n) { totalCount } }",
    ] {
        let answer = manager.asks(document).await;
        assert!(answer.codes().iter().all(|code| *code == "GRAPHQL_VALIDATION_FAILED"), "{}", answer.body);
        assert!(answer.body.get("data").is_none(), "{document}");
    }
}

#[tokio::test]
async fn a_wrong_literal_stops_the_operation_before_anything_is_written() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let one = "a: createTask(input: {title: \"one\"}) { task { id } }";
    for document in [
        format!("mutation {{ {one} b: createTask(input: \"secret\") {{ task {{ id }} }} }}"),
        format!("mutation($t: String!) {{ {one} b: createTask(input: $t) {{ task {{ id }} }} }}"),
        format!(
            "mutation {{ {one} b: setTaskCompleted(input: {{id: \"x\", completed: true, expectedVersion: 2147483648}})
                {{ task {{ id }} }} }}"
        ),
        format!("mutation {{ {one} __typename @secret }}"),
        format!("mutation {{ {one} __typename(secret: 1) }}"),
    ] {
        let answer = manager.asks_with(&document, json!({"t": "secret"})).await;
        assert_eq!(answer.refusal()["code"], "GRAPHQL_VALIDATION_FAILED", "{document}");
        assert!(answer.body.get("data").is_none(), "{document}");
        assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
    }
    assert_eq!(manager.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 0);
    let skipped =
        manager.asks("{ __typename @include(if: true) a: __typename @skip(if: true) }").await.data();
    assert_eq!(skipped, json!({"__typename": "Query"}));
}

#[tokio::test]
async fn defaults_hold_where_nothing_is_sent_and_what_is_not_declared_is_ignored() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for title in ["a", "b"] {
        manager.creates_task(title).await;
    }
    let document = "query($n: Int = 1, $skip: Boolean! = true, $order: OrderDirection! = ASC) {
        tasks(first: $n, orderBy: {field: TITLE, direction: $order}) { nodes { title } }
        apiInfo @skip(if: $skip) { name } }";
    let titles = |answer: Answer| {
        let data = answer.data();
        let nodes = data["tasks"]["nodes"].as_array().unwrap().clone();
        let titles: Vec<Value> = nodes.iter().map(|node| node["title"].clone()).collect();
        (Value::from(titles), data.get("apiInfo").is_some())
    };

    assert_eq!(titles(manager.asks(document).await), (json!(["a"]), false));
    let sent = json!({"n": 2, "skip": false, "order": "DESC", "undeclared": {"a": []}});
    assert_eq!(titles(manager.asks_with(document, sent).await), (json!(["b", "a"]), true));
    let null = json!({"n": null});
    assert_eq!(titles(manager.asks_with(document, null).await), (json!(["a", "b"]), false));
}
