//! The same walk through what mutations answer: those that change nothing, and those that leave something behind, each
//! of which acts on an object that no later one looks at.

use serde_json::Value;

use super::{PERSONAS, Path, Root, Scene, oracle::Oracle, walk::Walk};
use crate::support::Persona;

/// Mutations of a task or a user, the permission that each needs, and what it answers.
type Mutation = (&'static str, &'static str, &'static str, &'static str);

/// Changes of a task that change nothing.
const OF_NOTHING: [Mutation; 3] = [
    (
        "mutation { setTaskCompleted(input: {id: \"ID\", completed: false}) SELECTION }",
        "task:check",
        "setTaskCompleted",
        "SetTaskCompletedPayload",
    ),
    (
        "mutation { updateTask(input: {id: \"ID\"}) SELECTION }",
        "task:update",
        "updateTask",
        "UpdateTaskPayload",
    ),
    (
        "mutation { assignTask(input: {id: \"ID\"}) SELECTION }",
        "task:assign",
        "assignTask",
        "AssignTaskPayload",
    ),
];

const CREATIONS: [Mutation; 2] = [
    (
        "mutation { createTask(input: {title: \"New\"}) SELECTION }",
        "task:create",
        "createTask",
        "CreateTaskPayload",
    ),
    (
        "mutation { createUser(input: {subject: \"auth0|new\"}) SELECTION }",
        "user:create",
        "createUser",
        "CreateUserPayload",
    ),
];

const OF_USERS: [Mutation; 3] = [
    (
        "mutation { assignRole(input: {userId: \"ID\", role: \"viewer\"}) SELECTION }",
        "user:assign-role",
        "assignRole",
        "RolePayload",
    ),
    (
        "mutation { unassignRole(input: {userId: \"ID\", role: \"viewer\"}) SELECTION }",
        "user:assign-role",
        "unassignRole",
        "RolePayload",
    ),
    (
        "mutation { deleteUser(input: {id: \"ID\"}) SELECTION }",
        "user:delete",
        "deleteUser",
        "DeleteUserPayload",
    ),
];

const DELETION: &str = "mutation { deleteTask(input: {id: \"ID\"}) SELECTION }";

/// Creates somebody without a role; their id.
pub(super) async fn hired(admin: &Persona<'_>, subject: &str) -> String {
    let document =
        format!("mutation {{ createUser(input: {{subject: \"{subject}\"}}) {{ user {{ id }} }} }}");
    let data = admin.asks(&document).await.data();
    data["createUser"]["user"]["id"].as_str().unwrap().to_owned()
}

/// Every change of the task `id` that changes nothing.
pub(super) fn of_nothing(oracle: &Oracle, persona: &str, id: &str) -> impl Iterator<Item = Path> {
    OF_NOTHING.into_iter().map(move |(document, permission, name, ty)| {
        Path::new(document.replace("ID", id), name, ty, changed(oracle, persona, permission, id))
    })
}

fn changed(oracle: &Oracle, persona: &str, permission: &str, task: &str) -> Root {
    if oracle.may_read(persona, "Task", task) {
        Root::permitted(oracle.holds(persona, permission, Some(task)))
    } else {
        Root::Refused("NOT_FOUND")
    }
}

/// That there is such a user is told to whoever may change users.
fn changed_user(oracle: &Oracle, persona: &str, permission: &str, user: &str) -> Root {
    match Root::permitted(oracle.holds(persona, permission, None)) {
        Root::Shown if oracle.is_elsewhere(persona, user) => Root::Refused("NOT_FOUND"),
        root => root,
    }
}

impl Scene {
    /// Every mutation that leaves something behind, in an order in which none is in the way of another.
    pub(super) fn changes(&self, oracle: &Oracle, persona: &str) -> Vec<Path> {
        let created = CREATIONS.into_iter().map(|(document, permission, name, ty)| {
            Path::new(document, name, ty, Root::permitted(oracle.holds(persona, permission, None)))
        });
        let deleted = self.tasks.iter().map(|id| {
            let root = changed(oracle, persona, "task:delete", id);
            Path::new(DELETION.replace("ID", id), "deleteTask", "DeleteTaskPayload", root)
        });
        let hired = self.users[PERSONAS.len()..].iter();
        let of_users = hired.flat_map(|id| {
            OF_USERS.into_iter().map(move |(document, permission, name, ty)| {
                let root = changed_user(oracle, persona, permission, id);
                Path::new(document.replace("ID", id), name, ty, root)
            })
        });
        created.chain(deleted).chain(of_users).collect()
    }

    /// Shows to the oracle what `persona` has created.
    async fn learn_new(&self, oracle: &mut Oracle, persona: &'static str, created: &Value) {
        if let Some(task) = created["task"]["id"].as_str() {
            oracle.add_task(task, persona);
        }
        let admin = if persona == "outsider" { "outsider" } else { "admin" };
        for id in [&created["task"]["id"], &created["user"]["id"]].into_iter().filter_map(Value::as_str) {
            self.learn(oracle, id, admin).await;
        }
    }
}

#[tokio::test]
async fn every_persona_changes_what_the_oracle_lets_them_and_is_shown_no_more() {
    for (object_rules, persona) in [false, true].into_iter().flat_map(|on| PERSONAS.map(|name| (on, name))) {
        let scene = Scene::set(object_rules).await;
        let mut oracle = scene.oracle().await;
        let asker = scene.world.persona(persona).await;
        let mut differences = Vec::new();
        for path in scene.changes(&oracle, persona) {
            let body = asker.asks(&scene.document(&path)).await.body;
            if path.name.starts_with("create") {
                scene.learn_new(&mut oracle, persona, &body["data"][path.name]).await;
            }
            let mut walk = Walk::new(&scene.schema, &oracle, persona);
            scene.compare(&mut walk, &path, &body);
            differences.extend(walk.differences);
        }
        assert_eq!(differences, [""; 0], "object rules: {object_rules}");
    }
}
