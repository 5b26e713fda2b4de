//! `taskgate policy` as an operator runs it: the built program against the stand-in for Permit.

mod documents;
mod interruptions;
mod office;
mod readiness;
mod replay;

use reqwest::Method;
use serde_json::{Value, json};
use taskgate::{graphql, policy, sandbox::permit::API_KEY};

use self::office::{Office, PACES, POLICY, visit};

/// Our policy without the row of this permission.
fn without_row(text: &str, permission: &str) -> String {
    let rows = text.lines().filter(|line| line.split_whitespace().next() != Some(permission));
    rows.collect::<Vec<_>>().join("\n")
}

/// Our policy, in which this cell is another.
fn with_cell(text: &str, permission: &str, column: &str, cell: &str) -> String {
    let header = text.lines().find(|line| line.starts_with("permission")).unwrap();
    let column = header.split_whitespace().position(|word| word == column).unwrap();
    text.lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            if words.first() == Some(&permission) {
                words[column] = cell;
            }
            words.join(" ")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_file_that_we_are_built_with_covers_the_schema() {
    let required = graphql::required_permissions().unwrap();
    let policy = policy::Policy::parse(POLICY).unwrap();
    assert_eq!(policy.coverage(&required).missing, Vec::<String>::new());
}

#[tokio::test]
async fn the_sandbox_says_what_the_file_says() {
    let office = Office::open().await;
    for words in [&["plan"][..], &["drift"], &["drift", "--strict"], &["plan", "--prune"]] {
        office.policy(words).await.is(0, &[]);
    }
    office.policy(&["apply"]).await.is(0, &["nothing to do"]);
    assert_eq!(
        office.world.count(&office.world.sandbox.permit_api.url(), "P").await,
        0,
        "nothing is written"
    );
}

#[tokio::test]
async fn an_empty_environment_is_filled_within_the_limits_and_decides_as_the_sandbox_does() {
    let office = Office::empty().await;
    let plan = office.policy(&["plan"]).await;
    assert_eq!((plan.code, plan.said.lines().count()), (Some(2), 19), "{plan:?}");

    let mut program = office.program(&["apply"]);
    for pace in PACES {
        program.env_remove(pace);
    }
    let applied = visit(program).await;

    assert_eq!((applied.code, &applied.said), (Some(0), &plan.said), "each change is told as it is done");
    office.policy(&["drift"]).await.is(0, &[]);
    office.policy(&["drift", "--strict"]).await.is(0, &[]);
    assert_eq!(office.world.limits_exceeded().await, 0);
    let sandbox = Office::open().await;
    for (persona, role) in [("ann", "admin"), ("max", "manager"), ("vic", "viewer")] {
        office.world.holder(persona, role).await;
        sandbox.world.holder(persona, role).await;
        for (resource, action) in policy::Policy::parse(POLICY).unwrap().permissions {
            for attributes in [json!({}), json!({"owner": persona}), json!({"assignee": persona})] {
                let check = json!({"user": {"key": persona}, "action": action,
                    "resource": {"type": resource, "attributes": attributes}});
                let (ours, theirs) = (
                    office.world.pdp("/allowed", check.clone()).await,
                    sandbox.world.pdp("/allowed", check.clone()).await,
                );
                assert_eq!(ours, theirs, "{check}");
            }
        }
    }
}

#[tokio::test]
async fn a_hand_edit_is_named_exactly_and_mended() {
    let office = Office::empty().await;
    office.policy(&["apply"]).await;
    let intact = office.state().await;
    let taken = json!({"permissions": ["task:update"]});
    office.world.rest_ok(Method::DELETE, "schema/roles/manager/permissions", taken).await;

    office.policy(&["drift"]).await.is(2, &["missing    role manager lost task:update"]);
    office.policy(&["plan"]).await.is(2, &["+ role manager: task:update"]);
    let told: Value = serde_json::from_str(&office.policy(&["drift", "--json"]).await.said).unwrap();
    assert_eq!(
        told,
        json!({"drift": [{"drift": "missing", "kind": "role", "name": "manager", "permissions": ["task:update"],
            "text": "role manager lost task:update", "byPeople": false}]})
    );
    office.policy(&["apply"]).await.is(0, &["+ role manager: task:update"]);
    office.policy(&["drift"]).await.is(0, &[]);
    assert_eq!(office.state().await, intact);
}

#[tokio::test]
async fn hand_edits_of_every_kind_are_named_in_one_order() {
    let office = Office::empty().await;
    office.policy(&["apply"]).await;
    let intact = office.state().await;
    let path = "schema/resources/task/actions/assign";
    office.world.rest_ok(Method::DELETE, path, json!(null)).await;
    office.world.rest_ok(Method::DELETE, "schema/condition_sets/task_assignee", json!(null)).await;
    let other = json!({"conditions": {"user.key": {"equals": "auth0|me"}}});
    office.world.rest_ok(Method::PATCH, "schema/condition_sets/everyone", other).await;
    let number = json!({"type": "number"});
    office.world.rest_ok(Method::PATCH, "schema/resources/task/attributes/owner", number).await;
    office.world.rest_ok(Method::DELETE, "schema/roles/viewer", json!(null)).await;
    let found = [
        "missing    action task:assign",
        "different  attribute task.owner is number and not string",
        "different  condition set everyone has other conditions",
        "missing    condition set task_assignee",
        "missing    role admin lost task:assign",
        "missing    role manager lost task:assign",
        "missing    role viewer",
        "missing    rule task.assignee lost task:check",
        "missing    rule task.assignee lost task:get",
        "missing    rule task.assignee lost task:read-notes",
        "missing    rule task.owner lost task:assign",
    ];
    office.policy(&["drift"]).await.is(2, &found);
    office.policy(&["apply"]).await;
    assert_eq!(office.state().await, intact);
}

#[tokio::test]
async fn what_people_add_is_no_drift_and_stays_unless_it_is_pruned() {
    let office = Office::empty().await;
    office.policy(&["apply"]).await;
    let intact = office.state().await;
    office.world.grant("manager", "task:delete").await;
    let auditor = json!({"key": "auditor", "name": "Auditor", "permissions": ["task:get"]});
    office.world.rest_ok(Method::POST, "schema/roles", auditor).await;
    let invoice = json!({"key": "invoice", "name": "Invoice", "actions": {"pay": {}}});
    office.world.rest_ok(Method::POST, "schema/resources", invoice).await;
    let rule = json!({"user_set": "viewer", "is_role": true, "permission": "task:update", "resource_set": "task_owner"});
    office.world.rest_ok(Method::POST, "facts/set_rules", rule).await;
    let with_theirs = office.state().await;

    office.policy(&["drift"]).await.is(0, &[]);
    let plan = office.policy(&["plan"]).await;
    plan.is(0, &[]);
    assert!(plan.complained.contains("4 more that taskgate did not make stay"), "{plan:?}");
    office.policy(&["apply"]).await.is(0, &["nothing to do"]);
    assert_eq!(office.state().await, with_theirs);

    let strict = [
        "extra      rule viewer on task_owner also holds task:update",
        "extra      role manager also holds task:delete",
        "extra      role auditor",
        "extra      resource invoice",
    ];
    office.policy(&["drift", "--strict"]).await.is(2, &strict);
    assert_eq!(office.policy(&["apply", "--prune"]).await.code, Some(0));
    assert_eq!(office.state().await, intact);
}

#[tokio::test]
async fn what_the_policy_drops_is_taken_back_if_taskgate_gave_it() {
    let office = Office::empty().await;
    office.policy(&["apply"]).await;
    let smaller = office.file(|text| with_cell(text, "task:assign", "manager", "-"));

    let found = office.policy(&["drift", "--file", &smaller]).await;

    found.is(2, &["extra      role manager also holds task:assign"]);
    office.policy(&["apply", "--file", &smaller]).await.is(0, &["- role manager: task:assign"]);
    office.policy(&["drift", "--file", &smaller]).await.is(0, &[]);
    office.policy(&["drift"]).await.is(2, &["missing    role manager lost task:assign"]);
}

#[tokio::test]
async fn of_a_role_that_people_made_only_what_taskgate_gave_is_taken_back() {
    let office = Office::open().await;
    let smaller = office.file(|text| with_cell(text, "task:assign", "manager", "-"));
    office.policy(&["plan", "--file", &smaller]).await.is(0, &[]);
    let strict = office.policy(&["drift", "--strict", "--file", &smaller]).await;
    strict.is(2, &["extra      role manager also holds task:assign"]);

    let path = "schema/roles/manager";
    office.world.rest_ok(Method::PATCH, path, json!({"attributes": {"colour": "red"}})).await;
    let taken = json!({"permissions": ["task:assign"]});
    office.world.rest_ok(Method::DELETE, &format!("{path}/permissions"), taken).await;
    office.policy(&["apply"]).await.is(0, &["+ role manager: task:assign"]);
    let given = json!({"colour": "red", "taskgate_grants": ["task:assign"]});
    assert_eq!(office.world.rest_get(path).await["attributes"], given);

    office.policy(&["apply", "--file", &smaller]).await.is(0, &["- role manager: task:assign"]);
    assert_eq!(office.world.rest_get(path).await["attributes"], json!({"colour": "red"}));
}

#[tokio::test]
async fn failures_end_with_1_and_say_what_to_mend() {
    let mut office = Office::open().await;
    let nonsense = office.keep("nonsense.txt", "permission admin\ntask:get maybe\nget x\n");
    let refused = office.policy(&["plan", "--file", &nonsense]).await;
    refused.failed("line 2: \"maybe\" is neither x nor -");
    refused.failed("line 3: get is not a permission, resource:action");
    let short = office.file(|text| without_row(text, "task:check"));
    office
        .policy(&["apply", "--file", &short])
        .await
        .failed("has no row for task:check, which the schema asks for");
    office.policy(&["plan", "--file", "/nowhere/policy.txt"]).await.failed("cannot be opened");
    office.policy(&["plan", "--perhaps"]).await.failed("--perhaps");

    let mut program = office.program(&["drift"]);
    program.env_remove("PERMIT_API_KEY");
    visit(program).await.failed("PERMIT_API_KEY is missing");
    let mut program = office.program(&["drift"]);
    program.env("PERMIT_API_KEY", "permit_key_other");
    let refused = visit(program).await;
    refused.failed("Permit key: not accepted - copy the key of an environment");
    assert!(!refused.complained.contains("permit_key_other"), "{refused:?}");

    office.world.sandbox.permit_api.stop().await;
    let refused = office.policy(&["plan"]).await;
    refused.failed("Permit's REST API: Permit is unreachable - look at PERMIT_API_URL");
    assert!(!refused.complained.contains(API_KEY), "{refused:?}");
}

#[tokio::test]
async fn a_row_that_nobody_needs_is_allowed_and_told() {
    let office = Office::open().await;
    let more = office.file(|text| format!("{text}\ntask:archive x - - - -\n"));
    let plan = office.policy(&["plan", "--file", &more]).await;
    plan.is(2, &["+ action task:archive", "+ role admin: task:archive"]);
    assert!(
        plan.complained.contains("rows that no field asks for") && plan.complained.contains("task:archive"),
        "{plan:?}"
    );
}
