//! Walks the schema as every persona, three levels deep, on every path that leads to an object, and compares each
//! field of each answer with an oracle that knows nothing of the server.

mod changes;
mod document;
mod events;
mod oracle;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

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
    /// Ids, the oldest first: the personas, and one more in each organization.
    users: Vec<String>,
    /// Ids of the outsider's organization.
    outside: BTreeSet<String>,
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

/// A way to objects.
struct Path {
    /// `SELECTION` stands for all that can be selected.
    document: String,
    /// The root field.
    name: &'static str,
    /// What it answers.
    ty: &'static str,
    /// What the oracle says of it.
    root: Root,
}

impl Path {
    fn new(document: impl Into<String>, name: &'static str, ty: &'static str, root: Root) -> Self {
        Self { document: document.into(), name, ty, root }
    }
}

impl Scene {
    async fn set(object_rules: bool) -> Self {
        let world = World::with(|config| config.graphql.object_rules = object_rules).await;
        let schema = Schema::read(&world.nobody().asks(INTROSPECTION).await.data());
        let mut users = Vec::new();
        for name in PERSONAS {
            users.push(world.signed_in(name).await.user_id().await);
        }
        let (admin, outsider) = (world.persona("admin").await, world.persona("outsider").await);
        users.push(changes::hired(&admin, "auth0|hired").await);
        users.push(changes::hired(&outsider, "auth0|hired-outside").await);
        let outside = [users[4].clone(), users[6].clone()].into();
        world.grants_in_permit("auth0|sandbox-newcomer", "manager").await;
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
        Self { world, schema, tasks, users, outside, relations, object_rules }
    }

    /// An oracle that has seen every object as an administrator of its tenant sees it.
    async fn oracle(&self) -> Oracle {
        let mut oracle = Oracle::new(self.object_rules, self.relations.clone(), self.outside.clone());
        for id in self.tasks.iter().chain(&self.users) {
            let admin = if self.outside.contains(id) { "outsider" } else { "admin" };
            self.learn(&mut oracle, id, admin).await;
        }
        oracle
    }

    /// Shows an object to the oracle as `admin` sees it.
    async fn learn(&self, oracle: &mut Oracle, id: &str, admin: &str) {
        let is_outside = admin == "outsider";
        let admin = self.world.persona(admin).await;
        let selection = self.schema.selection("Node", 1);
        let seen = admin.asks(&format!("{{ node(id: \"{id}\") {selection} }}")).await.data();
        for (field, value) in seen["node"].as_object().unwrap() {
            oracle.learn(seen["node"]["__typename"].as_str().unwrap(), id, field, value);
        }
        let selection = self.schema.selection("TaskEvent", 0);
        let read = format!(
            "{{ node(id: \"{id}\") {{ ... on Task {{ history(first: 100) {{ nodes {selection} }} }} }} }}"
        );
        let seen = admin.asks(&read).await.data();
        let events = seen["node"]["history"]["nodes"].as_array().into_iter().flatten();
        let mut ids = vec![id];
        for event in events {
            let id = event["id"].as_str().unwrap();
            ids.push(id);
            for (field, value) in event.as_object().unwrap() {
                oracle.learn("TaskEvent", id, field, value);
            }
        }
        if is_outside {
            for id in ids {
                oracle.add_outside(id);
            }
        }
    }

    /// Every root field that leads to an object and leaves everything as it is.
    fn paths(&self, oracle: &Oracle, persona: &str) -> Vec<Path> {
        let shown =
            |kind, id: &str| if oracle.may_read(persona, kind, id) { Root::Shown } else { Root::Hidden };
        let listed = |permission: &str| Root::permitted(oracle.holds(persona, permission, None));
        let tasks = if self.object_rules { Root::Shown } else { listed("task:get") };
        let mut paths = vec![
            Path::new("{ viewer SELECTION }", "viewer", "Viewer", Root::Shown),
            Path::new("mutation { login SELECTION }", "login", "LoginPayload", Root::Shown),
            Path::new("{ tasks SELECTION }", "tasks", "TaskConnection", tasks),
            Path::new("{ users SELECTION }", "users", "UserConnection", listed("user:get")),
            Path::new(all_permissions(), "permissions", "PermissionResult", Root::Shown),
        ];
        for id in &self.tasks {
            let shown = || shown("Task", id);
            paths.push(Path::new(format!("{{ task(id: \"{id}\") SELECTION }}"), "task", "Task", shown()));
            paths.push(Path::new(format!("{{ node(id: \"{id}\") SELECTION }}"), "node", "Node", shown()));
            paths.extend(changes::of_nothing(oracle, persona, id));
        }
        for id in &self.users {
            let root = match listed("user:get") {
                Root::Shown => shown("User", id),
                refused => refused,
            };
            paths.push(Path::new(format!("{{ user(id: \"{id}\") SELECTION }}"), "user", "User", root));
            let root = shown("User", id);
            paths.push(Path::new(format!("{{ node(id: \"{id}\") SELECTION }}"), "node", "Node", root));
        }
        let ids: Vec<String> = self.tasks.iter().chain(&self.users).map(|id| format!("\"{id}\"")).collect();
        let nodes = format!("{{ nodes(ids: [{}]) SELECTION }}", ids.join(" "));
        paths.push(Path::new(nodes, "nodes", "Node", Root::Shown));
        paths
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
        for path in self.paths(oracle, persona) {
            let body = asker.asks(&self.document(&path)).await.body;
            self.compare(&mut walk, &path, &body);
        }
        walk.differences
    }

    fn document(&self, path: &Path) -> String {
        path.document.replace("SELECTION", &self.schema.selection(path.ty, DEPTH))
    }

    /// Compares what the path led to with what the oracle says.
    fn compare(&self, walk: &mut Walk<'_>, path: &Path, body: &Value) {
        walk.paid(path.name, body);
        let (name, value) = (path.name, &body["data"][path.name]);
        let code = body["errors"][0]["extensions"]["code"].as_str();
        match &path.root {
            Root::Shown => {
                if value.is_null() {
                    walk.differs(format!("{name} should be shown: {body}"));
                }
                walk.answer(name, path.ty, body);
                self.listed(walk, name, value);
            }
            Root::Hidden if value.is_null() && code.is_none() => {}
            Root::Refused(expected) if value.is_null() && code == Some(expected) => {}
            root => walk.differs(format!("{name} should be {root:?}: {body}")),
        }
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

impl Root {
    fn permitted(is_held: bool) -> Self {
        if is_held { Self::Shown } else { Self::Refused("FORBIDDEN") }
    }
}

/// Asks about every permission in the tenant.
fn all_permissions() -> String {
    let check = |(resource, action)| format!("{{resource: \"{resource}\", action: \"{action}\"}}");
    let checks: Vec<String> = Oracle::all_permissions().map(check).collect();
    format!("{{ permissions(checks: [{}]) SELECTION }}", checks.join(" "))
}

/// Root fields that lead to no object of the domain.
const NO_PATHS: [(&str, &str); 6] = [
    ("apiInfo", "about the server, and for everybody"),
    ("permissionRequirements", "about the schema, and for everybody"),
    ("rateLimit", "about what the caller may still ask for, and for everybody"),
    ("explain", "about a document: explain.rs"),
    ("decisions", "about what was decided: decision_log.rs"),
    ("viewerPermissionsChanged", "names of permissions: subscription_ends.rs"),
];

#[tokio::test]
async fn every_root_field_is_walked_or_leads_to_no_object() {
    let scene = Scene::set(false).await;
    let oracle = scene.oracle().await;
    let paths = scene.paths(&oracle, "admin").into_iter().chain(scene.changes(&oracle, "admin"));
    let mut known: BTreeSet<String> = paths.map(|path| path.name.to_owned()).collect();
    known.insert(events::ROOT.to_owned());
    for (name, _) in NO_PATHS {
        assert!(known.insert(name.to_owned()), "{name} is walked");
    }
    assert_eq!(known, scene.schema.roots);
}

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
    for path in scene.paths(&oracle, "nobody").into_iter().chain(scene.changes(&oracle, "nobody")) {
        let answer = scene.world.nobody().asks(&scene.document(&path)).await;
        let codes = answer.codes();
        assert!(codes.iter().all(|code| *code == "UNAUTHENTICATED"), "{}: {}", path.name, answer.body);
        assert!(!answer.codes().is_empty());
    }
}
