//! The story of the README, in one go: it is the acceptance test of the whole product.

use crate::support::World;

#[tokio::test]
async fn a_grant_in_permit_holds_on_the_next_request_of_the_same_token() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Write the report").await;

    let refused = manager.deletes(&task).await;
    assert_eq!(refused.refusal()["code"], "FORBIDDEN");
    assert_eq!(refused.refusal()["reason"], "NO_PERMISSION");
    assert_eq!(refused.refusal()["resourceKey"], task.as_str());
    assert!(manager.sees(&task).await);

    world.grant("manager", "task:delete").await;

    let deleted = manager.deletes(&task).await.data();
    assert_eq!(deleted["deleteTask"]["deletedTaskId"], task.as_str());
    assert!(!manager.sees(&task).await);
}

#[tokio::test]
async fn a_grant_and_a_revocation_in_permit_change_the_buttons_of_the_next_request() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let task = manager.creates_task("Write the report").await;
    let buttons = "query($id: ID!) { task(id: $id) { viewerPermissions { canDelete { allowed } } } }";
    let can_delete = async || {
        let data = manager.asks_with(buttons, serde_json::json!({"id": task})).await.data();
        data["task"]["viewerPermissions"]["canDelete"]["allowed"].as_bool().unwrap()
    };

    assert!(!can_delete().await);
    world.grant("manager", "task:delete").await;
    assert!(can_delete().await);
    world.revoke("manager", "task:delete").await;
    assert!(!can_delete().await);
}

#[tokio::test]
async fn a_viewer_reads_and_ticks_off_and_nothing_more() {
    let world = World::start().await;
    let task = world.signed_in("manager").await.creates_task("Buy milk").await;
    let viewer = world.signed_in("viewer").await;

    let document = "mutation($id: ID!) { setTaskCompleted(input: {id: $id, completed: true}) {
        task { completed notes owner { name } } } }";
    let ticked = viewer.asks_with(document, serde_json::json!({"id": task})).await;

    assert_eq!(ticked.body["data"]["setTaskCompleted"]["task"]["completed"], true);
    assert_eq!(ticked.codes(), ["FORBIDDEN", "FORBIDDEN"], "notes and owner are for others");
    assert_eq!(viewer.deletes(&task).await.refusal()["code"], "FORBIDDEN");
    assert_eq!(viewer.asks("{ users { totalCount } }").await.refusal()["code"], "FORBIDDEN");
}
