//! Tasks: pages, changes, and what a person can fix.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn the_pages_of_a_list_joined_are_the_list_in_both_directions() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for title in ["b", "a", "d", "c", "a", "e", "B"] {
        manager.creates_task(title).await;
    }
    for order in [
        "{field: TITLE, direction: ASC}",
        "{field: CREATED_AT, direction: DESC}",
        "{field: UPDATED_AT, direction: ASC}",
    ] {
        let page = |arguments: String| {
            let document = format!(
                "{{ tasks(orderBy: {order}, {arguments}) {{ nodes {{ id }} totalCount
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
            );
            let manager = &manager;
            async move { manager.asks(&document).await.data()["tasks"].clone() }
        };
        let whole = page("first: 100".into()).await;
        assert_eq!(whole["totalCount"], 7);

        let (mut forward, mut after) = (Vec::new(), String::new());
        loop {
            let part = page(format!("first: 3{after}")).await;
            forward.extend(part["nodes"].as_array().unwrap().clone());
            assert_eq!(part["pageInfo"]["hasPreviousPage"], !after.is_empty());
            if part["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", part["pageInfo"]["endCursor"]);
        }
        assert_eq!(Value::from(forward), whole["nodes"], "{order}");

        let (mut backward, mut before) = (Vec::new(), String::new());
        loop {
            let part = page(format!("last: 2{before}")).await;
            backward.splice(0..0, part["nodes"].as_array().unwrap().clone());
            assert_eq!(part["pageInfo"]["hasNextPage"], !before.is_empty());
            if part["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
            before = format!(", before: {}", part["pageInfo"]["startCursor"]);
        }
        assert_eq!(Value::from(backward), whole["nodes"], "{order}");
    }
}

#[tokio::test]
async fn filters_narrow_and_take_wildcards_literally() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for title in ["100% sure", "100 sure", "under_score", "Other"] {
        manager.creates_task(title).await;
    }
    let me = manager.user_id().await;
    for (filter, expected) in [
        ("{titleContains: \"0%\"}".to_owned(), 1),
        ("{titleContains: \"_\"}".to_owned(), 1),
        ("{titleContains: \"SURE\"}".to_owned(), 2),
        ("{completed: true}".to_owned(), 0),
        (format!("{{ownerId: \"{me}\"}}"), 4),
        (format!("{{assigneeId: \"{me}\"}}"), 0),
    ] {
        let data = manager.asks(&format!("{{ tasks(filter: {filter}) {{ totalCount }} }}")).await.data();
        assert_eq!(data["tasks"]["totalCount"], expected, "{filter}");
    }
    let viewer = world.signed_in("viewer").await;
    let asked = viewer.asks(&format!("{{ tasks(filter: {{ownerId: \"{me}\"}}) {{ totalCount }} }}")).await;
    assert_eq!(asked.refusal()["action"], "get");
    assert_eq!(asked.refusal()["resource"], "user", "a filter must not tell what a field refuses");
}

#[tokio::test]
async fn shapes_that_cannot_be_read_are_bad_user_input() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let user = admin.user_id().await;
    for document in [
        "{ task(id: \"nonsense\") { id } }".to_owned(),
        format!("{{ task(id: \"{user}\") {{ id }} }}"),
        "{ node(id: \"nonsense\") { id } }".to_owned(),
        "{ tasks(first: 101) { totalCount } }".to_owned(),
        "{ tasks(first: -1) { totalCount } }".to_owned(),
        "{ tasks(first: 1, last: 1) { totalCount } }".to_owned(),
        "{ tasks(after: \"nonsense\") { totalCount } }".to_owned(),
        "mutation { deleteTask(input: {id: \"nonsense\"}) { deletedTaskId } }".to_owned(),
    ] {
        let answer = admin.asks(&document).await;
        assert_eq!(answer.refusal()["code"], "BAD_USER_INPUT", "{document}");
    }
}

#[tokio::test]
async fn what_is_absent_and_what_is_hidden_look_the_same() {
    let world = World::start().await;
    let task = world.signed_in("manager").await.creates_task("Ours").await;
    let outsider = world.signed_in("outsider").await;
    let newcomer = world.signed_in("newcomer").await;

    assert!(!outsider.sees(&task).await, "another tenant's task is not there");
    assert!(!newcomer.sees(&task).await, "nor is one that may not be read");
    for stranger in [&outsider, &newcomer] {
        let refused = stranger.deletes(&task).await;
        assert_eq!(refused.refusal()["code"], "NOT_FOUND");
        assert_eq!(refused.refusal()["id"], task.as_str());
        let nodes =
            stranger.asks_with("query($id: ID!) { nodes(ids: [$id]) { id } }", json!({"id": task})).await;
        assert_eq!(nodes.data()["nodes"], json!([null]));
    }
}

#[tokio::test]
async fn people_are_told_what_to_fix_and_nothing_is_written() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    for (input, expected) in [
        (json!({"title": "  "}), json!([{"code": "BLANK", "field": ["input", "title"]}])),
        (json!({"title": "t".repeat(201)}), json!([{"code": "TOO_LONG", "field": ["input", "title"]}])),
        (
            json!({"title": "t", "notes": "n".repeat(10_001)}),
            json!([{"code": "TOO_LONG", "field": ["input", "notes"]}]),
        ),
        (json!({"title": "a\u{0}b"}), json!([{"code": "INVALID", "field": ["input", "title"]}])),
    ] {
        let document = "mutation($input: CreateTaskInput!) {
            createTask(input: $input) { task { id } userErrors { code field } } }";
        let data = manager.asks_with(document, json!({"input": input})).await.data();
        assert_eq!(data["createTask"], json!({"task": null, "userErrors": expected}));
    }
    let limits = json!({"input": {"title": "ü".repeat(200), "notes": "ü".repeat(10_000)}});
    let document = "mutation($input: CreateTaskInput!) { createTask(input: $input) { userErrors { code } } }";
    assert_eq!(manager.asks_with(document, limits).await.data()["createTask"]["userErrors"], json!([]));
    assert_eq!(manager.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 1);
}

#[tokio::test]
async fn absent_fields_stay_null_clears_and_a_stale_version_changes_nothing() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Before").await;
    let update = "mutation($input: UpdateTaskInput!) { updateTask(input: $input) {
        task { title notes version } userErrors { code currentVersion } } }";
    let send = async |input: Value| {
        manager.asks_with(update, json!({"input": input})).await.data()["updateTask"].clone()
    };

    let renamed = send(json!({"id": task, "title": "After", "expectedVersion": 1})).await;
    assert_eq!(renamed["task"], json!({"title": "After", "notes": "n", "version": 2}));
    let cleared = send(json!({"id": task, "notes": null})).await;
    assert_eq!(cleared["task"], json!({"title": "After", "notes": null, "version": 3}));
    let unchanged = send(json!({"id": task, "title": "After"})).await;
    assert_eq!(unchanged["task"]["version"], 3, "the same value is no change");
    let stale = send(json!({"id": task, "title": "Lost", "expectedVersion": 1})).await;
    assert_eq!(
        stale,
        json!({"task": null, "userErrors": [{"code": "VERSION_CONFLICT", "currentVersion": 3}]})
    );
    let untitled = send(json!({"id": task, "title": null})).await;
    assert_eq!(untitled["userErrors"][0]["code"], "BLANK");
}

#[tokio::test]
async fn a_task_that_is_not_there_is_not_found_whatever_else_is_wrong() {
    let world = World::start().await;
    let admin = world.signed_in("admin").await;
    let task = admin.creates_task("Gone").await;
    admin.deletes(&task).await.data();
    let update = "mutation($id: ID!) { updateTask(input: {id: $id, title: \" \"}) { userErrors { code } } }";

    let answer = admin.asks_with(update, json!({"id": task})).await;

    assert_eq!(answer.refusal()["code"], "NOT_FOUND");
    assert_eq!(answer.refusal()["id"], task.as_str());
}

#[tokio::test]
async fn an_assignee_that_is_not_named_stays_and_null_clears() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (task, me) = (manager.creates_task("t").await, manager.user_id().await);
    let assign = "mutation($input: AssignTaskInput!) { assignTask(input: $input) {
        task { assignee { id } version } userErrors { code } } }";
    let send = async |input: Value| {
        manager.asks_with(assign, json!({"input": input})).await.data()["assignTask"]["task"].clone()
    };

    let assigned = json!({"assignee": {"id": me}, "version": 2});
    assert_eq!(send(json!({"id": task, "assigneeId": me})).await, assigned);
    assert_eq!(send(json!({"id": task})).await, assigned);
    let freed = json!({"assignee": null, "version": 3});
    assert_eq!(send(json!({"id": task, "assigneeId": null})).await, freed);
}

#[tokio::test]
async fn the_same_idempotency_key_creates_once() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let create = "mutation($title: String!) { createTask(input: {title: $title, idempotencyKey: \"k\"}) {
        task { id } userErrors { code } } }";

    let first = manager.asks_with(create, json!({"title": "Once"})).await.data();
    let again = manager.asks_with(create, json!({"title": "Once"})).await.data();
    let other = manager.asks_with(create, json!({"title": "Twice"})).await.data();

    assert_eq!(first, again);
    assert_eq!(other["createTask"]["userErrors"], json!([{"code": "IDEMPOTENCY_KEY_REUSED"}]));
    assert_eq!(manager.asks("{ tasks { totalCount } }").await.data()["tasks"]["totalCount"], 1);
}

#[tokio::test]
async fn a_supplied_assignee_needs_the_permission_to_assign() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (task, me) = (manager.creates_task("t").await, manager.user_id().await);
    let viewer = world.signed_in("viewer").await;
    world.grant("viewer", "task:update").await;
    let update = "mutation($input: UpdateTaskInput!) { updateTask(input: $input) { task { id } userErrors { code } } }";

    let plain = viewer.asks_with(update, json!({"input": {"id": task, "title": "u"}})).await;
    assert_eq!(plain.codes(), [""; 0]);
    let supplied = |assignee: &Value| json!({"input": {"id": task, "title": "v", "assigneeId": assignee}});
    for (now, other) in [(json!(null), json!(me)), (json!(me), json!(null))] {
        let kept = viewer.asks_with(update, supplied(&now)).await;
        assert_eq!(kept.codes(), [""; 0], "what is so already needs nothing");
        let refused = viewer.asks_with(update, supplied(&other)).await;
        assert_eq!(refused.refusal()["action"], "assign");
        assert_eq!(manager.asks_with(update, supplied(&other)).await.codes(), [""; 0]);
    }
    let unknown = json!({"input": {"id": task, "assigneeId": task.replace("VGFzaz", "VXNlcj")}});
    let answer = manager.asks_with(update, unknown).await.data();
    assert_eq!(
        answer["updateTask"]["userErrors"],
        json!([{"code": "NOT_FOUND"}]),
        "a well-formed id of nobody"
    );
    let document = "mutation($id: ID!, $to: ID) { assignTask(input: {id: $id, assigneeId: $to}) {
        task { assignee { name } } userErrors { code } } }";
    let assigned = manager.asks_with(document, json!({"id": task, "to": me})).await.data();
    assert_eq!(assigned["assignTask"]["task"]["assignee"]["name"], "Sandbox Manager");
}

#[tokio::test]
async fn an_id_that_cannot_be_read_is_told_plainly_and_with_its_argument() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let (task, user) = (manager.creates_task("Ids").await, manager.user_id().await);
    let delete = "mutation($id: ID!) { deleteTask(input: {id: $id}) { deletedTaskId } }";
    let assign = "mutation($input: AssignTaskInput!) { assignTask(input: $input) { task { id } } }";
    for (document, variables, noun, field) in [
        (delete, json!({"id": "7"}), "task", json!("id")),
        (delete, json!({"id": user}), "task", json!("id")),
        ("mutation { deleteTask(input: {id: \"7\"}) { deletedTaskId } }", json!({}), "task", json!("id")),
        ("{ task(id: 7) { id } }", json!({}), "task", json!("id")),
        ("{ user(id: \"\") { id } }", json!({}), "user", json!("id")),
        (assign, json!({"input": {"id": task, "assigneeId": "7"}}), "user", json!("assigneeId")),
        (assign, json!({"input": {"id": "7", "assigneeId": "7"}}), "task", json!("id")),
        (
            "mutation($id: ID!, $who: ID) { assignTask(input: {id: $id, assigneeId: $who}) { task { id } } }",
            json!({"id": "7"}),
            "task",
            json!("id"),
        ),
        (assign, json!({"input": {"id": task, "assigneeId": task}}), "user", json!(null)),
        (
            "query($who: ID) { tasks(filter: {assigneeId: $who}) { totalCount } }",
            json!({"who": "x"}),
            "user",
            json!("assigneeId"),
        ),
    ] {
        let answer = manager.asks_with(document, variables.clone()).await;
        assert_eq!(answer.refusal()["code"], "BAD_USER_INPUT", "{document} {variables}");
        assert_eq!(answer.refusal()["field"], field, "{document} {variables}");
        let message = format!("This is not the id of a {noun}.");
        assert_eq!(answer.body["errors"][0]["message"], message, "{document} {variables}");
        let known = ["code", "field", "requestId"];
        assert!(answer.refusal().as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
    }
}
