//! Permissions on single tasks: what owners and assignees hold that no role gives them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Persona, Process, World};

async fn with_object_rules() -> World {
    World::with(|config| config.graphql.object_rules = true).await
}

/// A newcomer, who holds no role, with one task of each relation, and one of neither.
struct Tasks {
    owned: String,
    assigned: String,
    foreign: String,
}

impl Tasks {
    /// A well-formed id of no task.
    fn absent() -> String {
        URL_SAFE_NO_PAD.encode(format!("Task:{}", uuid::Uuid::new_v4()))
    }
}

async fn tasks(world: &World, newcomer: &Persona<'_>) -> Tasks {
    let admin = world.signed_in("admin").await;
    let me = newcomer.user_id().await;
    world.grants_in_permit("auth0|sandbox-newcomer", "manager").await;
    let owned = newcomer.creates_task("Owned").await;
    world.revokes_in_permit("auth0|sandbox-newcomer", "manager").await;
    let assigned = admin.creates_task("Assigned").await;
    admin.assigns(&assigned, json!(me)).await;
    let foreign = admin.creates_task("Foreign").await;
    Tasks { owned, assigned, foreign }
}

const READ: &str = "query($id: ID!) { task(id: $id) { id title notes } }";
const RENAME: &str = "mutation($id: ID!) { updateTask(input: {id: $id, title: \"New\"}) { task { title } userErrors { code } } }";
const TICK: &str =
    "mutation($id: ID!) { setTaskCompleted(input: {id: $id, completed: true}) { task { completed } } }";

#[tokio::test]
async fn an_owner_works_with_their_own_task_and_with_no_other() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let Tasks { owned, foreign, .. } = tasks(&world, &newcomer).await;

    let read = newcomer.asks_with(READ, json!({"id": owned})).await.data();
    assert_eq!(read["task"]["title"], "Owned");
    let renamed = newcomer.asks_with(RENAME, json!({"id": owned})).await.data();
    assert_eq!(renamed["updateTask"]["task"]["title"], "New");
    let hidden = newcomer.asks_with(READ, json!({"id": foreign})).await;
    assert_eq!((hidden.codes(), &hidden.body["data"]["task"]), (vec![], &json!(null)));
    let refused = newcomer.asks_with(RENAME, json!({"id": foreign})).await;
    assert_eq!(refused.refusal()["code"], "NOT_FOUND");
    let delete = "mutation($id: ID!) { deleteTask(input: {id: $id}) { deletedTaskId } }";
    let deleted = newcomer.asks_with(delete, json!({"id": owned})).await.data();
    assert_eq!(deleted["deleteTask"]["deletedTaskId"], json!(owned));
}

#[tokio::test]
async fn an_assignee_ticks_off_and_reads_but_does_not_rename() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let assigned = tasks(&world, &newcomer).await.assigned;

    let read = newcomer.asks_with(READ, json!({"id": assigned})).await;
    assert_eq!(read.codes(), [""; 0]);
    let ticked = newcomer.asks_with(TICK, json!({"id": assigned})).await.data();
    assert_eq!(ticked["setTaskCompleted"]["task"]["completed"], true);
    let refused = newcomer.asks_with(RENAME, json!({"id": assigned})).await;
    let refusal = refused.refusal();
    assert_eq!((&refusal["code"], &refusal["action"]), (&json!("FORBIDDEN"), &json!("update")));
    assert_eq!(refusal["resourceKey"], json!(assigned));
}

#[tokio::test]
async fn without_the_setting_no_check_names_a_task_and_nobody_holds_more_than_their_roles() {
    let world = World::start().await;
    let newcomer = world.signed_in("newcomer").await;
    let Tasks { owned, assigned, .. } = tasks(&world, &newcomer).await;

    for id in [owned, assigned] {
        let answer = newcomer.asks_with(READ, json!({"id": id})).await;
        assert_eq!(answer.body["data"]["task"], json!(null));
    }
    assert_eq!(newcomer.asks("{ tasks { totalCount } }").await.codes(), ["FORBIDDEN"]);
}

#[tokio::test]
async fn every_path_leads_to_the_same_tasks() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let Tasks { owned, assigned, foreign } = tasks(&world, &newcomer).await;
    let ids = [&owned, &assigned, &foreign];
    let expected = json!([owned, assigned]);

    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let nodes = newcomer.asks_with(nodes, json!({"ids": ids})).await.data();
    assert_eq!(nodes["nodes"], json!([{"id": owned}, {"id": assigned}, null]));
    let list = newcomer
        .asks("{ tasks(orderBy: {field: CREATED_AT, direction: ASC}) { totalCount nodes { id } } }")
        .await;
    let listed: Vec<&Value> =
        list.body["data"]["tasks"]["nodes"].as_array().unwrap().iter().map(|task| &task["id"]).collect();
    assert_eq!(json!(listed), expected);
    assert_eq!(list.body["data"]["tasks"]["totalCount"], json!(null), "it would count what is hidden");
    let checks: Vec<Value> =
        ids.iter().map(|id| json!({"resource": "task", "action": "get", "key": id})).collect();
    let document = "query($checks: [PermissionCheckInput!]!) { permissions(checks: $checks) { allowed } }";
    let told = newcomer.asks_with(document, json!({"checks": checks})).await.data();
    assert_eq!(told["permissions"], json!([{"allowed": true}, {"allowed": true}, {"allowed": false}]));
}

#[tokio::test]
async fn the_buttons_of_a_page_say_what_the_mutations_will() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let Tasks { owned, assigned, .. } = tasks(&world, &newcomer).await;
    let document =
        "{ tasks { nodes { id notes viewerPermissions { canUpdate { allowed key reason } canCheck { allowed }
        canAssign { allowed } canDelete { allowed } } } } }";

    let answer = newcomer.asks(document).await;

    assert_eq!(answer.codes(), [""; 0]);
    assert_eq!(answer.remote_calls(), 3, "the list, its rows, and what each row allows");
    let held = |id: &String| {
        let rows = answer.body["data"]["tasks"]["nodes"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == json!(id)).unwrap();
        ["canUpdate", "canCheck", "canAssign", "canDelete"]
            .map(|button| row["viewerPermissions"][button]["allowed"].as_bool().unwrap())
    };
    assert_eq!(held(&owned), [true; 4]);
    assert_eq!(held(&assigned), [false, true, false, false]);
}

#[tokio::test]
async fn a_hundred_rows_with_four_permissions_each_are_one_call_and_two_with_object_rules() {
    let world = with_object_rules().await;
    let manager = world.signed_in("manager").await;
    let viewer = world.signed_in("viewer").await;
    for n in 0..100 {
        manager.creates_task(&format!("Task {n}")).await;
    }
    let document =
        "{ tasks(first: 100) { nodes { id viewerPermissions { canUpdate { allowed } canCheck { allowed }
        canAssign { allowed } canDelete { allowed } } } viewerCanCreate { allowed } } }";

    let without = World::start().await;
    let other = without.signed_in("manager").await;
    for n in 0..100 {
        other.creates_task(&format!("Task {n}")).await;
    }
    let answer = other.asks(document).await;
    assert_eq!(
        (answer.remote_calls(), &answer.body["extensions"]["authz"]["distinctChecks"]),
        (1, &json!(6))
    );
    for (persona, calls, distinct) in [(&manager, 2, 1 + 5 + 100), (&viewer, 2, 1 + 5 + 300)] {
        let answer = persona.asks(document).await;
        assert_eq!(answer.codes(), [""; 0]);
        assert_eq!(answer.body["data"]["tasks"]["nodes"].as_array().unwrap().len(), 100);
        assert_eq!(answer.remote_calls(), calls);
        assert_eq!(answer.body["extensions"]["authz"]["distinctChecks"], distinct);
    }
}

#[tokio::test]
async fn the_receipt_tells_a_hidden_task_from_an_absent_one_no_more_than_the_answer() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let hidden = tasks(&world, &newcomer).await.foreign;
    let absent = Tasks::absent();
    let nodes = "query($id: ID!) { nodes(ids: [$id]) { id } }";
    let can = "query($id: ID!) { viewer { can(resource: \"task\", action: \"update\", key: $id) { allowed reason } } }";
    for document in [READ, RENAME, TICK, nodes, can] {
        let told = |answer: crate::support::Answer| {
            let receipt = &answer.body["extensions"]["authz"];
            let counts =
                ["decisions", "distinctChecks", "remoteCalls", "waves"].map(|count| receipt[count].clone());
            let codes: Vec<String> = answer.codes().into_iter().map(str::to_owned).collect();
            (answer.body["data"].clone(), codes, counts)
        };
        let of_hidden = told(newcomer.asks_with(document, json!({"id": hidden})).await);
        let of_absent = told(newcomer.asks_with(document, json!({"id": absent})).await);
        assert_eq!(of_hidden, of_absent, "{document}");
    }
}

#[tokio::test]
async fn a_permission_on_a_hidden_task_is_not_held_whatever_roles_say() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let Tasks { owned, foreign, .. } = tasks(&world, &newcomer).await;
    world.grants_in_permit("auth0|sandbox-newcomer", "viewer").await;
    world.revoke("viewer", "task:get").await;
    world.grant("viewer", "task:update").await;
    let document =
        "query($id: ID!) { viewer { can(resource: \"task\", action: \"update\", key: $id) { allowed } } }";

    for (id, expected) in [(&owned, true), (&foreign, false)] {
        let told = newcomer.asks_with(document, json!({"id": id})).await.data();
        assert_eq!(told["viewer"]["can"]["allowed"], expected);
    }
    assert_eq!(newcomer.asks_with(RENAME, json!({"id": foreign})).await.refusal()["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_task_that_leaves_its_assignee_is_hidden_from_the_very_next_request() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let assigned = tasks(&world, &newcomer).await.assigned;
    assert_ne!(newcomer.asks_with(READ, json!({"id": assigned})).await.body["data"]["task"], json!(null));

    world.persona("admin").await.assigns(&assigned, json!(null)).await;

    assert_eq!(newcomer.asks_with(READ, json!({"id": assigned})).await.body["data"]["task"], json!(null));
    assert_eq!(newcomer.asks_with(TICK, json!({"id": assigned})).await.refusal()["code"], "NOT_FOUND");
}

#[tokio::test]
async fn somebody_without_an_account_is_told_to_log_in_and_not_shown_an_empty_list() {
    let world = with_object_rules().await;
    let newcomer = world.persona("newcomer").await;

    let refused = newcomer.asks("{ tasks { nodes { id } } }").await;

    assert_eq!(refused.refusal()["reason"], "USER_NOT_SYNCED");
}

#[tokio::test]
async fn a_narrowed_list_still_refuses_a_filter_that_tells_who_owns_what() {
    let world = with_object_rules().await;
    let newcomer = world.signed_in("newcomer").await;
    let admin_id = world.signed_in("admin").await.user_id().await;
    let document = "query($who: ID!) { tasks(filter: {ownerId: $who}) { nodes { id } } }";

    let refused = newcomer.asks_with(document, json!({"who": admin_id})).await;

    assert_eq!(refused.refusal()["resource"], "user");
}

#[tokio::test]
async fn the_server_says_at_its_start_that_object_rules_have_no_effect() {
    let world = World::start().await;
    world.supports_attribute_rules(false).await;
    let files = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/own.db?mode=rwc", files.path().display());
    let flags = [("--object-rules", "true")];

    Process::start_until_it_says(&world.sandbox, &database, &flags, "OBJECT_RULES=true has no effect").await;
}
