//! What people ask, and what an answer shows to be allowed.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::timeline::Claim;

macro_rules! with_task {
    ($document:literal) => {
        concat!(
            $document,
            " fragment T on Task { id title completed version notes owner { subject } assignee { subject }
                viewerPermissions { canUpdate { allowed } canCheck { allowed } canAssign { allowed }
                canDelete { allowed } } }"
        )
    };
}

pub(crate) const LIST: &str = with_task!(
    "query($first: Int) { tasks(first: $first) { totalCount viewerCanCreate { allowed } nodes { ...T } } }"
);
pub(crate) const ONE: &str = with_task!("query($id: ID!) { task(id: $id) { ...T } }");
pub(crate) const HISTORY: &str =
    "query($id: ID!) { task(id: $id) { id title version history(first: 5) { nodes { version by } } } }";
pub(crate) const VIEWER: &str = "{ viewer { subject tenant permissions } }";
pub(crate) const USERS: &str =
    "{ users(first: 10) { totalCount nodes { id subject roles { role tenant } } } }";
pub(crate) const LOGIN: &str =
    "mutation { login { ready viewer { user { id } } roleOutcomes { role outcome } } }";
pub(crate) const CREATE: &str = "mutation($input: CreateTaskInput!) { createTask(input: $input) {
    task { id title version } userErrors { code } } }";
pub(crate) const UPDATE: &str = "mutation($input: UpdateTaskInput!) { updateTask(input: $input) {
    task { id title version } userErrors { code } } }";
pub(crate) const COMPLETE: &str =
    "mutation($input: SetTaskCompletedInput!) { setTaskCompleted(input: $input) {
    task { id title version completed } userErrors { code } } }";
pub(crate) const ASSIGN: &str = "mutation($input: AssignTaskInput!) { assignTask(input: $input) {
    task { id title version } userErrors { code } } }";
pub(crate) const DELETE: &str = "mutation($input: DeleteTaskInput!) { deleteTask(input: $input) {
    deletedTaskId userErrors { code } } }";
pub(crate) const HIRE: &str = "mutation($input: CreateUserInput!) { createUser(input: $input) {
    user { id } userErrors { code } } }";
pub(crate) const PROMOTE: &str = "mutation($input: RoleInput!) { assignRole(input: $input) {
    outcome { outcome } userErrors { code } } }";
pub(crate) const DEMOTE: &str = "mutation($input: RoleInput!) { unassignRole(input: $input) {
    outcome { outcome } userErrors { code } } }";
pub(crate) const FIRE: &str = "mutation($input: DeleteUserInput!) { deleteUser(input: $input) {
    deletedUserId systems { system state } userErrors { code } } }";

/// The UUID in a global id.
pub(crate) fn uuid_of(id: &str) -> String {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(id).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    text.split_once(':').map(|(_, uuid)| uuid.to_owned()).unwrap_or_default()
}

/// A title tells the tenant and the creator of its task: `tenant/creator/number`.
pub(crate) fn origin(title: &str) -> (&str, &str) {
    let mut parts = title.split('/');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Tasks in the data of an answer, wherever they are.
pub(crate) fn tasks(data: &Value) -> Vec<&Value> {
    match data {
        Value::Object(members) if members.contains_key("title") => vec![data],
        Value::Object(members) => members.values().flat_map(tasks).collect(),
        Value::Array(items) => items.iter().flat_map(tasks).collect(),
        _ => Vec::new(),
    }
}

/// What a task that is shown to `subject` shows to be allowed.
pub(crate) fn claims_of_task(task: &Value, subject: &str) -> Vec<Claim> {
    let owned = origin(task["title"].as_str().unwrap_or_default()).1 == subject;
    let id = task["id"].as_str().map(str::to_owned);
    let on_it = |action: &str| Claim { permission: format!("task:{action}"), task: id.clone(), owned };
    let mut claims = vec![on_it("get")];
    if task["notes"].is_string() {
        claims.push(on_it("read-notes"));
    }
    if task["owner"].is_object() || task["assignee"].is_object() {
        claims.push(general("user:get"));
    }
    if task["history"].is_object() {
        claims.push(general("audit:get"));
    }
    for (button, action) in
        [("canUpdate", "update"), ("canCheck", "check"), ("canAssign", "assign"), ("canDelete", "delete")]
    {
        if task["viewerPermissions"][button]["allowed"] == true {
            claims.push(on_it(action));
        }
    }
    claims
}

/// What the rest of an answer shows to be allowed.
pub(crate) fn claims_of_data(data: &Value) -> Vec<Claim> {
    let mut claims = Vec::new();
    if data["tasks"]["totalCount"].is_number() {
        claims.push(general("task:get"));
    }
    if data["tasks"]["viewerCanCreate"]["allowed"] == true {
        claims.push(general("task:create"));
    }
    let held = data["viewer"]["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    claims.extend(held.map(general));
    for (field, permission) in [
        ("users", "user:get"),
        ("createTask", "task:create"),
        ("createUser", "user:create"),
        ("deleteUser", "user:delete"),
        ("assignRole", "user:assign-role"),
        ("unassignRole", "user:assign-role"),
    ] {
        if data[field].is_object() {
            claims.push(general(permission));
        }
    }
    claims
}

/// Of the tenant as a whole.
pub(crate) fn general(permission: &str) -> Claim {
    Claim { permission: permission.to_owned(), task: None, owned: false }
}
