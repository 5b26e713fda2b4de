//! `explain`: what an operation would need and whether it is held, with nothing executed and the PDP asked once.

use sea_orm::DbBackend;
use serde_json::{Value, json};

use crate::{
    permissions::{OPERATIONS, variables},
    support::{Answer, Persona, World},
};

const EXPLAIN: &str = "query($document: String!, $variables: JSON, $operation: String) {
    explain(document: $document, variables: $variables, operationName: $operation) {
        allowed fields { path coordinate access undecided result { allowed resource action key reason } } } }";

async fn asks(persona: &Persona<'_>, document: &str, variables: Value) -> Answer {
    persona.asks_with(EXPLAIN, json!({"document": document, "variables": variables})).await
}

async fn explains(persona: &Persona<'_>, document: &str, variables: Value) -> Value {
    asks(persona, document, variables).await.data()["explain"].clone()
}

/// Path, coordinate and the permission with its answer, or the access; one line each.
fn lines(explanation: &Value) -> Vec<String> {
    let line = |field: &Value| {
        let result = &field["result"];
        let told = match (field["undecided"].as_str(), result) {
            (Some(_), _) => "undecided".to_owned(),
            (None, Value::Null) => field["access"].as_str().unwrap().to_owned(),
            (None, result) => {
                let verdict =
                    if result["allowed"] == true { "yes" } else { result["reason"].as_str().unwrap() };
                format!(
                    "{}:{} {verdict}",
                    result["resource"].as_str().unwrap(),
                    result["action"].as_str().unwrap()
                )
            }
        };
        format!("{} {} {told}", field["path"].as_str().unwrap(), field["coordinate"].as_str().unwrap())
    };
    explanation["fields"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn every_field_with_a_rule_gets_its_verdict_in_the_order_of_the_document() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    let document = "query($who: ID) { apiInfo { name } me: viewer { subject }
        tasks(filter: {ownerId: $who}) { totalCount nodes { ...Row } } __typename users { totalCount } }
        fragment Row on Task { title secret: notes ... on Node { id ... on Task { owner { name } } } }";

    let explanation = explains(&viewer, document, json!({"who": viewer.user_id().await})).await;

    assert_eq!(explanation["allowed"], false);
    assert_eq!(
        lines(&explanation),
        [
            "apiInfo Query.apiInfo PUBLIC",
            "me Query.viewer SIGNED_IN",
            "tasks Query.tasks task:get yes",
            "tasks.filter.ownerId TaskFilter.ownerId user:get NO_PERMISSION",
            "tasks.nodes.secret Task.notes task:read-notes NO_PERMISSION",
            "tasks.nodes.owner Task.owner user:get NO_PERMISSION",
            "users Query.users user:get NO_PERMISSION",
        ]
    );
    let without = explains(&viewer, document, json!({})).await;
    assert!(!lines(&without).iter().any(|line| line.contains("TaskFilter")), "{without}");
    let admin = world.signed_in("admin").await;
    assert_eq!(explains(&admin, document, json!({})).await["allowed"], true);
}

#[tokio::test]
async fn a_mutation_of_an_object_needs_to_read_it_and_what_its_input_supplies() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (task, user) = (manager.creates_task("t").await, manager.user_id().await);
    let document = "mutation($input: UpdateTaskInput!, $id: ID!) { updateTask(input: $input) { task { id } }
        gone: deleteTask(input: {id: $id}) { deletedTaskId } }";
    let of = async |persona: &Persona<'_>, assignee: Value| {
        let mut input = json!({"id": task, "title": "u"});
        if assignee != json!("absent") {
            input["assigneeId"] = assignee;
        }
        explains(persona, document, json!({"input": input, "id": task})).await
    };
    let rest =
        ["gone Mutation.deleteTask task:delete NO_PERMISSION", "gone Mutation.deleteTask task:get yes"];
    let update =
        ["updateTask Mutation.updateTask task:update yes", "updateTask Mutation.updateTask task:get yes"];
    let assign = "updateTask.input.assigneeId UpdateTaskInput.assigneeId task:assign yes";
    assert_eq!(lines(&of(&manager, json!("absent")).await), [&update[..], &rest].concat());
    for assignee in [json!(null), json!(user)] {
        assert_eq!(
            lines(&of(&manager, assignee).await),
            [&[update[0], assign, update[1]][..], &rest].concat()
        );
    }
    let explanation = of(&manager, json!("absent")).await;
    assert_eq!(explanation["fields"][2]["result"]["key"], json!(task), "the object is named");

    // Who may not assign may still send the assignee back that is there already.
    let viewer = world.signed_in("viewer").await;
    let told = of(&viewer, json!(null)).await;
    assert_eq!(lines(&told)[1], "updateTask.input.assigneeId UpdateTaskInput.assigneeId undecided");
    let create = "mutation($who: ID) { createTask(input: {title: \"t\", assigneeId: $who}) { task { id } } }";
    assert_eq!(lines(&explains(&manager, create, json!({"who": null})).await).len(), 1);
    assert_eq!(lines(&explains(&manager, create, json!({})).await).len(), 1);
    assert_eq!(lines(&explains(&manager, create, json!({"who": user})).await).len(), 2);
}

#[tokio::test]
async fn only_what_would_be_executed_is_asked_about() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    let document = "query A($no: Boolean = false) { users @include(if: $no) { totalCount } ...F @skip(if: true) apiInfo { name } }
        query B($yes: Boolean!) { ...F @include(if: $yes) viewer @skip(if: $yes) { subject } }
        fragment F on Query { tasks { totalCount } }";
    let of = async |operation: &str, variables: Value| {
        let arguments = json!({"document": document, "operation": operation, "variables": variables});
        lines(&viewer.asks_with(EXPLAIN, arguments).await.data()["explain"])
    };
    assert_eq!(of("A", json!({})).await, ["apiInfo Query.apiInfo PUBLIC"]);
    assert_eq!(
        of("A", json!({"no": true})).await,
        ["users Query.users user:get NO_PERMISSION", "apiInfo Query.apiInfo PUBLIC"]
    );
    assert_eq!(of("B", json!({"yes": true})).await, ["tasks Query.tasks task:get yes"]);
    assert_eq!(of("B", json!({"yes": false})).await, ["viewer Query.viewer SIGNED_IN"]);
}

#[tokio::test]
async fn an_id_tells_the_type_that_is_asked_about() {
    let world = World::start().await;
    let viewer = world.signed_in("viewer").await;
    let (task, user) = (world.signed_in("admin").await.creates_task("t").await, viewer.user_id().await);
    let one = "query($id: ID!) { node(id: $id) { id ... on Task { notes } ... on User { name } } }";
    assert_eq!(
        lines(&explains(&viewer, one, json!({"id": task})).await),
        [
            "node Query.node SIGNED_IN",
            "node Query.node task:get yes",
            "node.notes Task.notes task:read-notes NO_PERMISSION",
        ]
    );
    let about_user = ["node Query.node SIGNED_IN", "node Query.node user:get NO_PERMISSION"];
    assert_eq!(lines(&explains(&viewer, one, json!({"id": user})).await), about_user);
    let several = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Task { notes } } }";
    assert_eq!(
        lines(&explains(&viewer, several, json!({"ids": [task, user, task]})).await),
        [
            "nodes Query.nodes SIGNED_IN",
            "nodes Query.nodes task:get yes",
            "nodes Query.nodes user:get NO_PERMISSION",
            "nodes.notes Task.notes task:read-notes NO_PERMISSION",
        ]
    );
    for (document, id) in [(one, "nonsense"), ("query($id: ID!) { task(id: $id) { id } }", user.as_str())] {
        let explanation = explains(&viewer, document, json!({"id": id})).await;
        assert_eq!(explanation["allowed"], false);
        assert!(
            explanation["fields"][0]["undecided"].as_str().unwrap().starts_with("This is not"),
            "{explanation}"
        );
    }
}

/// Every row of every table but the log of decisions.
async fn rows(world: &World) -> Vec<String> {
    let is_postgres = world.rows().await.get_database_backend() == DbBackend::Postgres;
    let tables = if is_postgres {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'decisions'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'decisions'"
    };
    let mut rows = Vec::new();
    for table in world.selects(tables).await {
        let row = if is_postgres {
            format!("row_to_json(\"{table}\")::text")
        } else {
            let columns = world.selects(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            quoted.join(" || ', ' || ")
        };
        let select = format!("SELECT '{table}: ' || {row} FROM \"{table}\" ORDER BY 1");
        rows.extend(world.selects(&select).await);
    }
    rows
}

#[tokio::test]
async fn nothing_is_executed_and_the_pdp_is_asked_once() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let (task, user) = (admin.creates_task("t").await, world.signed_in("newcomer").await.user_id().await);
    let before = rows(&world).await;
    let services = [world.sandbox.pdp.url(), world.sandbox.permit_api.url(), world.sandbox.issuer.url()];
    for service in &services {
        world.forgets_counts(service).await;
    }
    let document = "mutation($task: ID!, $user: ID!) { login { ready }
        createTask(input: {title: \"t\", assigneeId: $user}) { task { id notes owner { id } } }
        updateTask(input: {id: $task, title: \"u\", assigneeId: null}) { task { id } }
        setTaskCompleted(input: {id: $task, completed: true}) { task { id } }
        createUser(input: {subject: \"auth0|new\"}) { user { id } }
        assignRole(input: {userId: $user, role: \"viewer\"}) { user { id } }
        deleteTask(input: {id: $task}) { deletedTaskId } deleteUser(input: {id: $user}) { deletedUserId } }";

    let answer = asks(&admin, document, json!({"task": task, "user": user})).await;

    assert_eq!(answer.body["data"]["explain"]["allowed"], true, "{}", answer.body);
    assert_eq!(answer.remote_calls(), 1);
    assert_eq!(rows(&world).await, before);
    assert!(
        before.iter().any(|row| row.starts_with("tasks: "))
            && before.iter().any(|row| row.starts_with("users: "))
    );
    let counts = world.counts(&services[0]).await;
    assert_eq!(counts, json!({"POST /allowed/bulk": 1}).as_object().unwrap().clone());
    for service in &services[1..] {
        assert_eq!(world.counts(service).await.len(), 0);
    }
}

#[tokio::test]
async fn a_nested_explanation_is_a_field_like_any_other() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let user = manager.user_id().await;
    let inner = "mutation { createTask(input: {title: \\\"t\\\"}) { task { id } } }";
    let document = format!(
        "query($user: ID) {{ explain(document: \"{inner}\", asUser: $user) {{ allowed fields {{ result {{ allowed }} }} }} }}"
    );

    let own = explains(&manager, &document, json!({})).await;
    let other = explains(&manager, &document, json!({"user": user})).await;

    assert_eq!(lines(&own), ["explain Query.explain SIGNED_IN"]);
    assert_eq!(
        lines(&other),
        [
            "explain Query.explain SIGNED_IN",
            "explain.asUser Query.explain(asUser:) policy:explain NO_PERMISSION",
        ]
    );
    let list = manager.asks("{ tasks { totalCount } }").await.data();
    assert_eq!(list["tasks"]["totalCount"], 0);
}

#[tokio::test]
async fn what_cannot_be_executed_cannot_be_explained() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let checks = |n: usize| {
        let check = |m| format!("{{resource: \"ship\", action: \"a{n}-{m}\"}}");
        format!(
            "f{n}: permissions(checks: [{}]) {{ allowed }}",
            (0..200).map(check).collect::<Vec<_>>().join(" ")
        )
    };
    let flood = format!("{{ {} }}", (0..11).map(checks).collect::<Vec<_>>().join(" "));
    let deep = format!("{{ {}viewer {{ subject }}{} }}", "...{".repeat(40), "}".repeat(40));
    for (document, variables, code, field) in [
        ("{ nothing }", json!({}), "BAD_USER_INPUT", json!("document")),
        ("{ nothing", json!({}), "BAD_USER_INPUT", json!("document")),
        (
            "query A { apiInfo { name } } query B { apiInfo { name } }",
            json!({}),
            "BAD_USER_INPUT",
            json!("operationName"),
        ),
        ("query($id: ID!) { task(id: $id) { id } }", json!({}), "BAD_USER_INPUT", json!("variables")),
        (
            "query($n: Int) { tasks(first: $n) { totalCount } }",
            json!({"n": "x"}),
            "BAD_USER_INPUT",
            json!("variables"),
        ),
        ("{ apiInfo { name } }", json!([1]), "BAD_USER_INPUT", json!("variables")),
        (&deep, json!({}), "QUERY_TOO_COMPLEX", json!("document")),
        (&flood, json!({}), "TOO_MANY_CHECKS", json!(null)),
    ] {
        let answer = asks(&admin, document, variables).await;
        let refusal = answer.refusal();
        let told = (&refusal["code"], refusal.get("field").unwrap_or(&Value::Null));
        assert_eq!(told, (&json!(code), &field), "{document:.80}");
        assert_eq!(answer.body["data"], json!({"explain": null}));
    }
    world.break_it(&world.sandbox.pdp.url(), json!({"kind": "status", "status": 500})).await;
    let answer = asks(&admin, "{ tasks { totalCount } }", json!({})).await;
    assert_eq!(answer.codes(), ["AUTHZ_UNAVAILABLE"]);
}

#[tokio::test]
async fn what_is_explained_as_allowed_is_what_is_allowed() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    for name in ["newcomer", "viewer", "manager", "admin"] {
        let persona = world.signed_in(name).await;
        for (operation, document) in OPERATIONS {
            // A subscription has no one answer to compare with.
            if operation.starts_with("Subscription") {
                continue;
            }
            let variables = variables(&admin, document).await;
            let explanation = explains(&persona, document, variables.clone()).await;

            let answer = persona.asks_with(document, variables).await;

            let data = answer.body["data"].as_object().unwrap();
            let hidden = data.values().all(|value| *value == json!(null) || *value == json!([null]));
            let happened = answer.codes().is_empty() && !hidden;
            assert_eq!(explanation["allowed"], happened, "{name} {operation}: {explanation} {}", answer.body);
        }
    }
}
