//! The pages of a list from which rows are hidden: joined they are the list that the caller may read, each is full, and
//! nothing about them tells of the hidden rows.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use taskgate::{sandbox::permit::API_KEY, store::NewTask};

use crate::support::{Persona, World};

/// What the reader is to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Owner,
    /// Offered by the database and denied by Permit, which has lost the assignee's rule.
    Assignee,
    Nobody,
}

#[derive(Debug, Clone)]
struct Case {
    tasks: Vec<(Relation, u8)>,
    page: usize,
    order: &'static str,
    forward: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let relation = prop_oneof![Just(Relation::Owner), Just(Relation::Assignee), Just(Relation::Nobody)];
    let orders = prop::sample::select(vec![
        "{field: TITLE, direction: ASC}",
        "{field: TITLE, direction: DESC}",
        "{field: CREATED_AT, direction: ASC}",
        "{field: UPDATED_AT, direction: DESC}",
    ]);
    // Few titles, so that many tasks share one.
    let tasks = prop::collection::vec((relation, 0..3_u8), 0..16);
    (tasks, 1..5_usize, orders, any::<bool>()).prop_map(|(tasks, page, order, forward)| Case {
        tasks,
        page,
        order,
        forward,
    })
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
async fn joined(reader: &Persona<'_>, case: &Case, expected: usize) -> Vec<Value> {
    let (count, at, end) =
        if case.forward { ("first", "after", "endCursor") } else { ("last", "before", "startCursor") };
    let (more, past) =
        if case.forward { ("hasNextPage", "hasPreviousPage") } else { ("hasPreviousPage", "hasNextPage") };
    let mut all: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let position = if cursor.is_empty() { String::new() } else { format!(", {at}: \"{cursor}\"") };
        let page =
            connection(reader, &format!("{count}: {}{position}, orderBy: {}", case.page, case.order)).await;
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

async fn holds(case: &Case) {
    let world = world().await;
    let (admin, reader) = (world.signed_in("admin").await, world.signed_in("newcomer").await);
    let me = json!(reader.user_id().await);
    world.grants_in_permit("auth0|sandbox-newcomer", "manager").await;
    let mut owned = Vec::new();
    for (relation, title) in &case.tasks {
        let author = if *relation == Relation::Owner { &reader } else { &admin };
        let id = author.creates_task(&format!("Title {title}")).await;
        match relation {
            Relation::Owner => owned.push(json!(id)),
            Relation::Assignee => admin.assigns(&id, me.clone()).await,
            Relation::Nobody => {}
        }
    }
    world.revokes_in_permit("auth0|sandbox-newcomer", "manager").await;
    // The administrator sees the whole list in the same order.
    let all = ids(&connection(&admin, &format!("first: 100, orderBy: {}", case.order)).await);
    let expected: Vec<Value> = all.into_iter().filter(|id| owned.contains(id)).collect();

    assert_eq!(joined(&reader, case, expected.len()).await, expected);
}

#[test]
fn the_pages_of_a_narrowed_list_joined_are_what_the_caller_may_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });

    let outcome = runner.run(&cases(), |case| {
        runtime.block_on(holds(&case));
        Ok(())
    });

    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[tokio::test]
async fn a_page_that_would_take_too_many_questions_is_refused_and_tells_nothing() {
    let world = world().await;
    let reader = world.signed_in("newcomer").await;
    let store = world.store().await.tenant("default");
    let me = store.user_of("auth0|sandbox-newcomer").await.unwrap().unwrap().id;
    for _ in 0..2_050 {
        let task = NewTask { title: "t".into(), notes: None, owner_id: None, assignee_id: Some(me) };
        store.create_task(task, None, "auth0|sandbox-admin").await.unwrap();
    }

    let refused = reader.asks("{ tasks { nodes { id } } }").await;

    assert_eq!(refused.refusal()["code"], "TOO_MANY_CHECKS");
    assert_eq!(refused.body["data"]["tasks"], Value::Null);
}
