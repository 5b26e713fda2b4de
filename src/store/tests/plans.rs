//! Every list finds its rows by an index, and begins a page where the one before ended.
//!
//! All rows are of one tenant, so that an index which finds that alone finds nothing.

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

#[derive(Clone, Copy)]
enum Expected {
    /// Indexes find the rows by these columns.
    Found(Columns),
    /// The same, and the index has the order of the list, in which the page begins at its place.
    Order(Columns),
}

type Columns = &'static [&'static str];

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
        ("all", of(|_, _| {}), &[] as Columns),
        ("completed", of(|query, _| query.completed = Some(true)), &[]),
        ("open", of(|query, _| query.completed = Some(false)), &[]),
        ("titled", of(|query, _| query.title_contains = Some("9".into())), &[]),
        ("owned", of(|query, who| query.owner_id = who), &["owner_id"]),
        ("assigned", of(|query, who| query.assignee_id = who), &["assignee_id"]),
        ("related", of(|query, who| query.related_to = who), &["owner_id", "assignee_id"]),
    ];
    let mut cases = Vec::new();
    for (name, query, columns) in filters {
        for sort in [TaskSort::CreatedAt, TaskSort::UpdatedAt, TaskSort::Title] {
            for descending in [false, true] {
                let order = TaskOrder { sort, descending };
                let value = match sort {
                    TaskSort::Title => SortValue::Text("Title 50000".into()),
                    TaskSort::CreatedAt | TaskSort::UpdatedAt => SortValue::Instant(50_000),
                };
                let name = format!("tasks {name} by {sort:?}, descending: {descending}");
                let select = tenant.matching(&query);
                let expected = match (columns, sort) {
                    ([_], TaskSort::CreatedAt) => Expected::Order(columns),
                    ([], _) => Expected::Order(&[]),
                    _ => Expected::Found(columns),
                };
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
        cases.extend(pages::<user::Entity>(
            &title,
            &select,
            users::ORDER,
            value,
            Expected::Order(&[]),
            backend,
        ));
    }
    let subject = DecisionQuery { subject: Some("auth0|77".into()), ..DecisionQuery::default() };
    let denied = DecisionQuery { allowed: Some(true), since: Some(10), ..DecisionQuery::default() };
    for (name, query, expected) in [
        ("all", DecisionQuery::default(), Expected::Order(&[])),
        ("of somebody", subject, Expected::Order(&["subject"])),
        ("since", denied, Expected::Found(&["at"])),
    ] {
        let (select, value) = (tenant.logged(&query), SortValue::Instant(50_000));
        let title = format!("decisions {name}");
        cases.extend(pages::<decision::Entity>(&title, &select, decisions::ORDER, value, expected, backend));
    }
    let ids: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    let mut one = |name: &str, query: Statement, columns: Columns| {
        cases.push(Case { name: name.to_owned(), query, expected: Expected::Found(columns) });
    };
    for before in [None, Some(50_000)] {
        let history: Select<task_event::Entity> =
            tenant.newest_events(&ids, HistoryRequest { limit: 20, before });
        one("history", history.build(backend), &["task_id"]);
    }
    one("deleted tasks", retention::deleted_before(10_000).build(backend), &["kind", "at"]);
    let due: Select<outbox::Entity> = queue::due(60_000).order_by_asc(outbox::Column::DueAt).limit(1);
    one("outbox, due", due.build(backend), &["state", "due_at"]);
    let held: Select<role_assignment::Entity> = tenant.held_by(ids);
    one("roles of a page of users", held.build(backend), &["user_id"]);
    one("administrators", tenant.admins().build(backend), &["role"]);
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

/// Whether an index of `plan` finds its rows by `column`.
fn is_found_by(plan: &[String], column: &str) -> bool {
    let condition = |line: &String| {
        let before = if line.starts_with("SEARCH ") { " (" } else { "Index Cond: " };
        line.split_once(before).map(|(_, condition)| condition.to_owned())
    };
    let is_named = |condition: String| {
        condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == column)
    };
    plan.iter().filter_map(condition).any(is_named)
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
    let (Expected::Found(columns) | Expected::Order(columns)) = case.expected;
    if !columns.iter().all(|column| is_found_by(plan, column)) {
        return Some("no index finds the rows");
    }
    if matches!(case.expected, Expected::Found(_)) {
        return None;
    }
    let sorts = |line: &String| line.contains("Sort") || line.contains("USE TEMP B-TREE");
    if plan.iter().any(sorts) {
        return Some("the rows are sorted");
    }
    let begins = |line: &String| {
        line.contains("Index Cond") && line.contains("ROW(")
            || line.contains("<(?,?)")
            || line.contains(">(?,?)")
    };
    let is_beginning = case.name.ends_with("first");
    (!is_beginning && !plan.iter().any(begins)).then_some("the page before is read once more")
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
