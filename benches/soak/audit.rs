//! At the end, when everything works again, an administrator of each tenant pages through all tasks: what is in the
//! database has to be readable, and nothing else.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use entity::task;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    findings::Finding,
    operations::{self as ops, uuid_of},
    people::{Person, TENANTS},
    world::World,
};

/// Longest that the server may take until it works again.
const PATIENCE: Duration = Duration::from_mins(1);
const PAGE: &str = "query($after: String) { tasks(first: 100, after: $after) {
    nodes { id title version } pageInfo { hasNextPage endCursor } } }";

/// Tasks by their ids, as title and version.
type Tasks = BTreeMap<String, (String, i64)>;

pub(crate) async fn readable(world: &World, rows: &[task::Model]) {
    let policy = json!({"permissions": ["task:get"]});
    let path = "/v2/schema/taskgate/sandbox/roles/admin/permissions";
    world.office.asks(Method::POST, path, &policy).await;
    for tenant in TENANTS {
        let stored: Tasks = rows
            .iter()
            .filter(|row| row.tenant_id == tenant)
            .map(|row| (row.id.to_string(), (row.title.clone(), i64::from(row.version))))
            .collect();
        match shown(world, tenant).await {
            Some(shown) if shown == stored => {}
            Some(shown) => {
                let what = format!("{tenant} has {} tasks and shows {}", stored.len(), shown.len());
                world.findings.report(Finding::LostWrite, what);
            }
            None => world.findings.report(Finding::Surprise, format!("{tenant} is not shown to its auditor")),
        }
    }
}

/// What a new administrator of the tenant is shown; `None` if nothing is shown in time.
async fn shown(world: &World, tenant: &str) -> Option<Tasks> {
    let start = Instant::now();
    let auditor = Person::new(format!("auth0|auditor-{}", world.number()), tenant, &["admin"]);
    while start.elapsed() < PATIENCE {
        auditor.renews(&world.client, &world.token_url).await;
        let login = world.ask(&auditor.token(), ops::LOGIN, &json!({})).await;
        if login.is_some_and(|login| login.field("login")["ready"] == true)
            && let Some(tasks) = pages(world, &auditor).await
        {
            return Some(tasks);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    None
}

async fn pages(world: &World, auditor: &Person) -> Option<Tasks> {
    let (mut tasks, mut after) = (Tasks::new(), Value::Null);
    loop {
        let answer = world.ask(&auditor.token(), PAGE, &json!({"after": after})).await?;
        let page = answer.field("tasks");
        for node in page["nodes"].as_array()? {
            let id = uuid_of(node["id"].as_str()?);
            tasks.insert(id, (node["title"].as_str()?.to_owned(), node["version"].as_i64()?));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            return Some(tasks);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}
