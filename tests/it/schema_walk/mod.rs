//! Walks the schema as every persona, three levels deep, on every path that leads to an object, and compares each
//! field of each answer with an oracle that knows nothing of the server.

mod document;
mod events;
mod oracle;
mod walk;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::{
    document::{INTROSPECTION, Schema},
    oracle::{Oracle, Relations},
    walk::Walk,
};
use crate::support::{Persona, World};

/// Levels of objects below a root field.
const DEPTH: usize = 3;

const PERSONAS: [&str; 5] = ["admin", "manager", "viewer", "newcomer", "outsider"];

/// A world in which every persona is related to some task and not to others.
struct Scene {
    world: World,
    schema: Schema,
    /// Ids, the newest first.
    tasks: Vec<String>,
    users: Vec<String>,
    relations: BTreeMap<String, Relations>,
    object_rules: bool,
}

/// What becomes of a root field.
#[derive(Debug, PartialEq, Eq)]
enum Root {
    Shown,
    Hidden,
    Refused(&'static str),
}

impl Scene {
    async fn set(object_rules: bool) -> Self {
        let world = World::with(|config| config.graphql.object_rules = object_rules).await;
        let schema = Schema::read(&world.nobody().asks(INTROSPECTION).await.data());
        let mut users = Vec::new();
        for name in PERSONAS {
            users.push(world.signed_in(name).await.user_id().await);
        }
        world.grants_in_permit("auth0|sandbox-newcomer", "manager").await;
        let admin = world.persona("admin").await;
        let (mut tasks, mut relations) = (Vec::new(), BTreeMap::new());
        for (owner, assignee) in [
            ("admin", None),
            ("manager", Some("viewer")),
            ("newcomer", None),
            ("newcomer", Some("newcomer")),
            ("admin", Some("newcomer")),
            ("manager", Some("admin")),
        ] {
            let id = world.persona(owner).await.creates_task(&format!("Of {owner}")).await;
            if let Some(at) = assignee.and_then(|name| PERSONAS.iter().position(|persona| *persona == name)) {
                admin.assigns(&id, json!(users[at])).await;
            }
            tasks.insert(0, id.clone());
            relations.insert(id, Relations { owner, assignee });
        }
        world.revokes_in_permit("auth0|sandbox-newcomer", "manager").await;
        Self { world, schema, tasks, users, relations, object_rules }
    }

    /// An oracle that has seen every object as an administrator of its tenant sees it.
    async fn oracle(&self) -> Oracle {
        let (outsider, selection) = (&self.users[4], self.schema.selection("Node", 1));
        let mut oracle = Oracle::new(self.object_rules, self.relations.clone(), [outsider.clone()].into());
        for id in self.tasks.iter().chain(&self.users) {
            let admin = self.world.persona(if id == outsider { "outsider" } else { "admin" }).await;
            let seen = admin.asks(&format!("{{ node(id: \"{id}\") {selection} }}")).await.data();
            for (field, value) in seen["node"].as_object().unwrap() {
                oracle.learn(seen["node"]["__typename"].as_str().unwrap(), id, field, value);
            }
        }
        self.learn_histories(&mut oracle).await;
        oracle
    }

    async fn learn_histories(&self, oracle: &mut Oracle) {
        let admin = self.world.persona("admin").await;
        let selection = self.schema.selection("TaskEvent", 0);
        let read = format!("{{ tasks {{ nodes {{ history(first: 100) {{ nodes {selection} }} }} }} }}");
        for task in admin.asks(&read).await.data()["tasks"]["nodes"].as_array().unwrap() {
            for event in task["history"]["nodes"].as_array().unwrap() {
                for (field, value) in event.as_object().unwrap() {
                    oracle.learn("TaskEvent", event["id"].as_str().unwrap(), field, value);
                }
            }
        }
    }

    /// Every root field that leads to an object, with the type that it answers and what the oracle says of it.
    fn paths(&self, oracle: &Oracle, persona: &str) -> Vec<(String, &'static str, &'static str, Root)> {
        let shown =
            |kind, id: &str| if oracle.may_read(persona, kind, id) { Root::Shown } else { Root::Hidden };
        let listed = |permission: &str, narrows: bool| {
            if oracle.holds(persona, permission, None) || narrows {
                Root::Shown
            } else {
                Root::Refused("FORBIDDEN")
            }
        };
        let mut paths = vec![
            ("{ viewer SELECTION }".to_owned(), "viewer", "Viewer", Root::Shown),
            (
                "{ tasks SELECTION }".to_owned(),
                "tasks",
                "TaskConnection",
                listed("task:get", self.object_rules),
            ),
            ("{ users SELECTION }".to_owned(), "users", "UserConnection", listed("user:get", false)),
        ];
        for id in &self.tasks {
            paths.push((format!("{{ task(id: \"{id}\") SELECTION }}"), "task", "Task", shown("Task", id)));
            paths.push((format!("{{ node(id: \"{id}\") SELECTION }}"), "node", "Node", shown("Task", id)));
            for (mutation, permission, name, ty) in MUTATIONS {
                let root = Self::changed(oracle, persona, permission, id);
                paths.push((mutation.replace("ID", id), name, ty, root));
            }
        }
        for id in &self.users {
            let root = match listed("user:get", false) {
                Root::Shown => shown("User", id),
                refused => refused,
            };
            paths.push((format!("{{ user(id: \"{id}\") SELECTION }}"), "user", "User", root));
            paths.push((format!("{{ node(id: \"{id}\") SELECTION }}"), "node", "Node", shown("User", id)));
        }
        let ids: Vec<String> = self.tasks.iter().chain(&self.users).map(|id| format!("\"{id}\"")).collect();
        paths.push((
            format!("{{ nodes(ids: [{}]) SELECTION }}", ids.join(" ")),
            "nodes",
            "Node",
            Root::Shown,
        ));
        paths
    }

    fn changed(oracle: &Oracle, persona: &str, permission: &str, id: &str) -> Root {
        if !oracle.may_read(persona, "Task", id) {
            Root::Refused("NOT_FOUND")
        } else if oracle.holds(persona, permission, Some(id)) {
            Root::Shown
        } else {
            Root::Refused("FORBIDDEN")
        }
    }

    async fn differences(&self, oracle: &Oracle) -> Vec<String> {
        let mut all = Vec::new();
        for persona in PERSONAS {
            let asker = self.world.persona(persona).await;
            all.extend(self.walk(oracle, persona, &asker).await);
        }
        all
    }

    async fn walk(&self, oracle: &Oracle, persona: &str, asker: &Persona<'_>) -> Vec<String> {
        let mut walk = Walk::new(&self.schema, oracle, persona);
        for (document, name, ty, root) in self.paths(oracle, persona) {
            let document = document.replace("SELECTION", &self.schema.selection(ty, DEPTH));
            let body = asker.asks(&document).await.body;
            let code = body["errors"][0]["extensions"]["code"].as_str();
            match root {
                Root::Shown => {
                    if body["data"][name].is_null() {
                        walk.differs(format!("{name} should be shown: {body}"));
                    }
                    walk.answer(name, ty, &body);
                    self.listed(&mut walk, name, &body["data"][name]);
                }
                Root::Hidden if body["data"][name].is_null() && code.is_none() => {}
                Root::Refused(expected) if body["data"][name].is_null() && code == Some(expected) => {}
                root => walk.differs(format!("{name} should be {root:?}: {body}")),
            }
        }
        walk.differences
    }

    /// A list has exactly what may be read, in order.
    fn listed(&self, walk: &mut Walk<'_>, name: &str, value: &Value) {
        let (kind, ids) = match name {
            "tasks" => ("Task", self.tasks.iter().collect::<Vec<_>>()),
            "users" => ("User", self.users.iter().rev().collect()),
            _ => return,
        };
        let readable: Vec<_> =
            ids.into_iter().filter(|id| walk.oracle.may_read(walk.persona, kind, id)).collect();
        let shown = |node: &Value| node["id"].as_str().unwrap_or_default().to_owned();
        let nodes: Vec<String> = value["nodes"].as_array().into_iter().flatten().map(shown).collect();
        let edges: Vec<String> =
            value["edges"].as_array().into_iter().flatten().map(|edge| shown(&edge["node"])).collect();
        if !nodes.iter().eq(readable.iter().copied()) || nodes != edges {
            walk.differs(format!("{name} lists {nodes:?} and not {readable:?}"));
        }
    }
}

/// Changes that change nothing, the permission that each needs, and what it answers.
const MUTATIONS: [(&str, &str, &str, &str); 3] = [
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

#[tokio::test]
async fn every_persona_sees_on_every_path_what_the_oracle_says() {
    for object_rules in [false, true] {
        let scene = Scene::set(object_rules).await;
        let differences = scene.differences(&scene.oracle().await).await;
        assert_eq!(differences, [""; 0], "object rules: {object_rules}");
    }
}

#[tokio::test]
async fn the_walk_notices_a_declaration_that_is_missing_and_one_that_is_too_many() {
    let scene = Scene::set(false).await;
    // The server lacks what the oracle knows of, or has what it does not know of.
    for (coordinate, permission) in [("Task.title", Some("task:delete")), ("Task.notes", None)] {
        let mut oracle = scene.oracle().await;
        oracle.unlearn(coordinate, permission);
        let viewer = scene.world.persona("viewer").await;
        let differences = scene.walk(&oracle, "viewer", &viewer).await;
        let field = coordinate.split_once('.').unwrap().1;
        assert!(differences.iter().any(|told| told.contains(field)), "{differences:?}");
    }
}

#[tokio::test]
async fn nobody_without_a_token_reaches_anything() {
    let scene = Scene::set(true).await;
    let oracle = scene.oracle().await;
    for (document, name, ty, _) in scene.paths(&oracle, "nobody") {
        let document = document.replace("SELECTION", &scene.schema.selection(ty, DEPTH));
        let answer = scene.world.nobody().asks(&document).await;
        assert!(answer.codes().iter().all(|code| *code == "UNAUTHENTICATED"), "{name}: {}", answer.body);
        assert!(!answer.codes().is_empty());
    }
}
