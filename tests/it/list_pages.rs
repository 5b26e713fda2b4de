//! The pages of a list from which rows are hidden: joined they are the list that the caller may read, each is full, and
//! nothing about them tells of the hidden rows.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use taskgate::{sandbox::permit::API_KEY, store::NewTask};

use crate::support::{Persona, World};

/// The reader, whom no role lets read tasks.
const NEWCOMER: &str = "auth0|sandbox-newcomer";

/// A task of the reader or of an administrator.
#[derive(Debug, Clone)]
struct Listed {
    /// The reader's; they may read it.
    is_owned: bool,
    /// The reader is to do it. Offered by the database; by itself denied by Permit, which has lost the assignee's rule.
    is_assigned: bool,
    title: u8,
    completed: bool,
}

/// What a list is narrowed to. A person is the reader, or else the administrator.
#[derive(Debug, Clone)]
struct Filter {
    title: Option<u8>,
    completed: Option<bool>,
    owned: Option<bool>,
    assigned: Option<bool>,
}

#[derive(Debug, Clone)]
struct Case {
    tasks: Vec<Listed>,
    filter: Filter,
    page: usize,
    order: &'static str,
    forward: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    // Few titles, so that many tasks share one.
    let task = (any::<bool>(), any::<bool>(), 0..3_u8, any::<bool>());
    let task = task.prop_map(|(is_owned, is_assigned, title, completed)| Listed {
        is_owned,
        is_assigned,
        title,
        completed,
    });
    let sometimes = || prop::option::weighted(0.3, any::<bool>());
    let filter = (prop::option::weighted(0.3, 0..3_u8), sometimes(), sometimes(), sometimes());
    let filter =
        filter.prop_map(|(title, completed, owned, assigned)| Filter { title, completed, owned, assigned });
    let orders = prop::sample::select(vec![
        "{field: TITLE, direction: ASC}",
        "{field: TITLE, direction: DESC}",
        "{field: CREATED_AT, direction: ASC}",
        "{field: UPDATED_AT, direction: DESC}",
    ]);
    let tasks = prop::collection::vec(task, 0..16);
    (tasks, filter, 1..5_usize, orders, any::<bool>())
        .prop_map(|(tasks, filter, page, order, forward)| Case { tasks, filter, page, order, forward })
}

impl Filter {
    const NONE: Self = Self { title: None, completed: None, owned: None, assigned: None };

    /// As an argument.
    fn written(&self, reader: &Value, admin: &Value) -> String {
        let who = |is_reader: bool| if is_reader { reader } else { admin };
        let parts = [
            self.title.map(|title| format!("titleContains: \"tITLE {title}\"")),
            self.completed.map(|completed| format!("completed: {completed}")),
            self.owned.map(|is_reader| format!("ownerId: {}", who(is_reader))),
            self.assigned.map(|is_reader| format!("assigneeId: {}", who(is_reader))),
        ];
        format!("filter: {{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    fn names_people(&self) -> bool {
        self.owned.is_some() || self.assigned.is_some()
    }

    /// Nothing is assigned to the administrator.
    fn lets_through(&self, task: &Listed) -> bool {
        self.title.is_none_or(|title| title == task.title)
            && self.completed.is_none_or(|completed| completed == task.completed)
            && self.owned.is_none_or(|is_reader| is_reader == task.is_owned)
            && self.assigned.is_none_or(|is_reader| is_reader && task.is_assigned)
    }
}

async fn world() -> World {
    let world = World::with(|config| config.graphql.object_rules = true).await;
    let url = format!("{}/v2/facts/taskgate/sandbox/set_rules", world.sandbox.permit_api.url());
    let rule = json!({"user_set": "everyone", "permission": "task:get", "resource_set": "task_assignee"});
    let delete = world.client.delete(url).bearer_auth(API_KEY).json(&rule);
    delete.send().await.unwrap().error_for_status().unwrap();
    world
}

const FIELDS: &str = "nodes { id } edges { node { id } cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

async fn connection(persona: &Persona<'_>, arguments: &str) -> Value {
    let answer = persona.asks(&format!("{{ tasks({arguments}) {{ {FIELDS} }} }}")).await;
    answer.data()["tasks"].clone()
}

fn ids(connection: &Value) -> Vec<Value> {
    connection["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone()).collect()
}

/// Every page from one end to the other, joined in the order of the list.
async fn joined(reader: &Persona<'_>, case: &Case, filter: &str, expected: usize) -> Vec<Value> {
    let (count, at, end) =
        if case.forward { ("first", "after", "endCursor") } else { ("last", "before", "startCursor") };
    let (more, past) =
        if case.forward { ("hasNextPage", "hasPreviousPage") } else { ("hasPreviousPage", "hasNextPage") };
    let mut all: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let position = if cursor.is_empty() { String::new() } else { format!(", {at}: \"{cursor}\"") };
        let arguments = format!("{count}: {}{position}, orderBy: {}, {filter}", case.page, case.order);
        let page = connection(reader, &arguments).await;
        let rows = ids(&page);
        let left = expected - all.len();
        assert_eq!(rows.len(), case.page.min(left), "a page is full while there are rows");
        assert_eq!(page["pageInfo"][more], json!(left > case.page), "{page}");
        assert_eq!(page["pageInfo"][past], json!(!all.is_empty()), "{page}");
        assert_eq!(page["totalCount"], Value::Null);
        if case.forward {
            all.extend(rows);
        } else {
            all.splice(0..0, rows).for_each(drop);
        }
        if page["pageInfo"][more] == json!(false) {
            return all;
        }
        cursor = page["pageInfo"][end].as_str().unwrap().to_owned();
    }
}

async fn ticks_off(persona: &Persona<'_>, id: &str) {
    let document = "mutation($id: ID!) {
        setTaskCompleted(input: {id: $id, completed: true}) { userErrors { code } } }";
    persona.asks_with(document, json!({"id": id})).await.data();
}

async fn holds(case: &Case) {
    let world = world().await;
    let (admin, reader) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let (administrator, me) = (json!(admin.user_id().await), json!(reader.user_id().await));
    world.grants_in_permit(NEWCOMER, "manager").await;
    let mut readable = Vec::new();
    for task in &case.tasks {
        let author = if task.is_owned { &reader } else { &admin };
        let id = author.creates_task(&format!("Title {}", task.title)).await;
        if task.is_assigned {
            admin.assigns(&id, me.clone()).await;
        }
        if task.completed {
            ticks_off(&admin, &id).await;
        }
        if task.is_owned && case.filter.lets_through(task) {
            readable.push(json!(id));
        }
    }
    if case.filter.names_people() {
        // A role that may read users, and no tasks.
        world.revoke("manager", "task:get").await;
    } else {
        world.revokes_in_permit(NEWCOMER, "manager").await;
    }
    // The administrator sees the whole list in the same order.
    let all = ids(&connection(&admin, &format!("first: 100, orderBy: {}", case.order)).await);
    let expected: Vec<Value> = all.into_iter().filter(|id| readable.contains(id)).collect();

    let filter = case.filter.written(&me, &administrator);
    assert_eq!(joined(&reader, case, &filter, expected.len()).await, expected);
}

#[test]
fn the_pages_of_a_narrowed_list_joined_are_what_the_caller_may_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 16, source_file: Some(file!()), ..Config::default() });

    let outcome = runner.run(&cases(), |case| {
        runtime.block_on(holds(&case));
        Ok(())
    });

    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

/// Adds tasks that the database offers to `reader` and Permit hides from them.
async fn hides(world: &World, reader: &str, count: usize) {
    let store = world.store().await.tenant("default");
    let assignee_id = Some(store.user_of(reader).await.unwrap().unwrap().id);
    for _ in 0..count {
        let task = NewTask { title: "t".into(), notes: None, owner_id: None, assignee_id };
        store.create_task(task, None, "auth0|sandbox-admin").await.unwrap();
    }
}

#[tokio::test]
async fn a_page_is_filled_from_behind_hundreds_of_hidden_rows() {
    let world = world().await;
    let reader = world.signed_in("newcomer").await;
    world.grants_in_permit(NEWCOMER, "manager").await;
    let mut owned = Vec::new();
    for hidden in [0, 1, 250, 0, 120] {
        hides(&world, NEWCOMER, hidden).await;
        owned.push(json!(reader.creates_task("t").await));
    }
    world.revokes_in_permit(NEWCOMER, "manager").await;

    for (page, forward) in [(1, true), (3, true), (3, false)] {
        let order = "{field: CREATED_AT, direction: ASC}";
        let case = Case { tasks: Vec::new(), filter: Filter::NONE, page, order, forward };
        assert_eq!(joined(&reader, &case, "", owned.len()).await, owned, "{case:?}");
    }
}

#[tokio::test]
async fn a_page_that_would_take_too_many_questions_is_refused_and_tells_nothing() {
    let world = world().await;
    let reader = world.signed_in("newcomer").await;
    hides(&world, NEWCOMER, 2_050).await;

    let refused = reader.asks("{ tasks { nodes { id } } }").await;

    assert_eq!(refused.refusal()["code"], "TOO_MANY_CHECKS");
    assert_eq!(refused.body["data"]["tasks"], Value::Null);
}
