//! Every list finds its rows by an index, and begins a page where the one before ended.

use entity::{decision, outbox, role_assignment, task, task_event, user};
use sea_orm::{
    ConnectionTrait as _, DbBackend, EntityTrait, QueryOrder as _, QuerySelect as _, QueryTrait as _, Select,
    Statement,
};
use uuid::Uuid;

use super::rows::databases;
use crate::store::{
    Bound, DecisionQuery, End, HistoryRequest, Position, Range, SortValue, Store, TaskListQuery, TaskOrder,
    TaskSort, TenantStore, decision as decisions, outbox as queue,
    page::{Keyset, selected},
    retention, user as users,
};

/// Rows of a page, and one more.
const LIMIT: u64 = 21;

/// A query, and what its plan has to show.
struct Case {
    name: String,
    query: Statement,
    expected: Expected,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// No table is read from end to end.
    Index,
    /// And the index has the order of the list, in which the page begins at its place.
    Order,
}

/// A page from its beginning, and one from the middle of the list.
fn pages<E: EntityTrait>(
    name: &str,
    select: &Select<E>,
    keyset: Keyset<E::Column>,
    value: SortValue,
    expected: Expected,
    backend: DbBackend,
) -> Vec<Case> {
    let middle = Position { value, id: Uuid::from_u128(50_000) };
    let ranges = [
        ("first", Range::default()),
        ("next", Range { after: Some(Bound::Beyond(middle.clone())), before: None }),
        ("up to", Range { after: None, before: Some(Bound::At(middle)) }),
    ];
    let case = |(part, range): (&str, Range)| Case {
        name: format!("{name}, {part}"),
        query: selected(select.clone(), keyset, &range, End::First, LIMIT).build(backend),
        expected,
    };
    ranges.into_iter().map(case).collect()
}

fn of_tasks(tenant: &TenantStore, backend: DbBackend) -> Vec<Case> {
    let somebody = Some(Uuid::from_u128(77));
    let of = |change: fn(&mut TaskListQuery, Option<Uuid>)| {
        let mut query = TaskListQuery::default();
        change(&mut query, somebody);
        query
    };
    let filters = [
        ("all", of(|_, _| {}), Expected::Order),
        ("completed", of(|query, _| query.completed = Some(true)), Expected::Order),
        ("open", of(|query, _| query.completed = Some(false)), Expected::Order),
        ("titled", of(|query, _| query.title_contains = Some("9".into())), Expected::Order),
        ("owned", of(|query, who| query.owner_id = who), Expected::Index),
        ("assigned", of(|query, who| query.assignee_id = who), Expected::Index),
        ("related", of(|query, who| query.related_to = who), Expected::Index),
    ];
    let mut cases = Vec::new();
    for (name, query, expected) in filters {
        for sort in [TaskSort::CreatedAt, TaskSort::UpdatedAt, TaskSort::Title] {
            for descending in [false, true] {
                let order = TaskOrder { sort, descending };
                let value = match sort {
                    TaskSort::Title => SortValue::Text("Title 50000".into()),
                    TaskSort::CreatedAt | TaskSort::UpdatedAt => SortValue::Instant(50_000),
                };
                let name = format!("tasks {name} by {sort:?}, descending: {descending}");
                let select = tenant.matching(&query);
                cases.extend(pages::<task::Entity>(&name, &select, order.keyset(), value, expected, backend));
            }
        }
    }
    cases
}

fn of_the_rest(tenant: &TenantStore, backend: DbBackend) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [None, Some("9")] {
        let (select, value) = (tenant.named(name), SortValue::Instant(5_000));
        let title = format!("users named {name:?}");
        cases.extend(pages::<user::Entity>(&title, &select, users::ORDER, value, Expected::Order, backend));
    }
    let subject = DecisionQuery { subject: Some("auth0|77".into()), ..DecisionQuery::default() };
    let denied = DecisionQuery { allowed: Some(true), since: Some(10), ..DecisionQuery::default() };
    for (name, query) in [("all", DecisionQuery::default()), ("of somebody", subject), ("since", denied)] {
        let (select, value) = (tenant.logged(&query), SortValue::Instant(50_000));
        let title = format!("decisions {name}");
        let expected = if name == "all" { Expected::Order } else { Expected::Index };
        cases.extend(pages::<decision::Entity>(&title, &select, decisions::ORDER, value, expected, backend));
    }
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    let mut one = |name: &str, query: Statement| {
        cases.push(Case { name: name.to_owned(), query, expected: Expected::Index });
    };
    for before in [None, Some(50_000)] {
        let history: Select<task_event::Entity> =
            tenant.newest_events(&ids, HistoryRequest { limit: 20, before });
        one("history", history.build(backend));
    }
    one("deleted tasks", retention::deleted_before(10_000).build(backend));
    let due: Select<outbox::Entity> = queue::due(60_000).order_by_asc(outbox::Column::DueAt).limit(1);
    one("outbox, due", due.build(backend));
    let held: Select<role_assignment::Entity> = tenant.held_by(ids);
    one("roles of a page of users", held.build(backend));
    one("administrators", tenant.admins().build(backend));
    cases
}

/// What the database would do, one step a line.
async fn plan(store: &Store, query: &Statement) -> Vec<String> {
    let backend = store.db.get_database_backend();
    let (explain, column) =
        if backend == DbBackend::Postgres { ("EXPLAIN", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
    let statement = Statement::from_string(backend, format!("{explain} {query}"));
    let rows = store.db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<String>(column).unwrap()).collect()
}

/// What is wrong with a plan.
fn fault(plan: &[String], case: &Case) -> Option<&'static str> {
    let tables = ["tasks", "users", "decisions", "task_events", "outbox", "other", "role_assignments"];
    let is_scan = |line: &String| {
        line.contains("Seq Scan") || tables.iter().any(|table| line.starts_with(&format!("SCAN {table}")))
    };
    if plan.iter().any(is_scan) {
        return Some("a table is read from end to end");
    }
    let sorts = |line: &String| line.contains("Sort") || line.contains("USE TEMP B-TREE");
    if case.expected == Expected::Order && plan.iter().any(sorts) {
        return Some("the rows are sorted");
    }
    let begins = |line: &String| {
        line.contains("Index Cond") && line.contains("ROW(")
            || line.contains("<(?,?)")
            || line.contains(">(?,?)")
    };
    let is_beginning = case.name.ends_with("first");
    (case.expected == Expected::Order && !is_beginning && !plan.iter().any(begins))
        .then_some("the page before is read once more")
}

#[tokio::test]
async fn every_list_of_a_hundred_thousand_rows_is_read_by_an_index() {
    for full in databases().await {
        let store = &full.store;
        let backend = store.db.get_database_backend();
        let tenant = store.tenant("big");
        let mut faults = Vec::new();
        let cases = of_tasks(&tenant, backend).into_iter().chain(of_the_rest(&tenant, backend));
        for case in cases {
            let plan = plan(store, &case.query).await;
            if let Some(fault) = fault(&plan, &case) {
                faults.push(format!("{}: {fault}\n{}\n{}", case.name, case.query, plan.join("\n")));
            }
        }
        assert!(faults.is_empty(), "on {backend:?}:\n{}", faults.join("\n\n"));
    }
}
