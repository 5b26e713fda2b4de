//! The log of decisions, as an auditor and as an operator see it.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use serde_json::{Value, json};

use super::{Persona, World};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

const LIST: &str = "query($first: Int, $after: String, $filter: DecisionFilter) {
    decisions(first: $first, after: $after, filter: $filter) {
        nodes { id at subject resource action key allowed reason requestId traceId askedBy }
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

impl World {
    /// The database, beside the server.
    pub(crate) async fn rows(&self) -> DatabaseConnection {
        Database::connect(&self.database).await.unwrap()
    }

    /// The one text column of a query.
    pub(crate) async fn selects(&self, query: &str) -> Vec<String> {
        let rows = self.rows().await;
        let query = sea_orm::Statement::from_string(rows.get_database_backend(), query);
        let rows = rows.query_all_raw(query).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Puts `count` decisions into the log, a microsecond apart, the first at `start`.
    pub(crate) async fn logs_old_decisions(&self, start: i64, count: usize) {
        let row = |n: usize| {
            let id = uuid::Uuid::from_u128(n as u128 + 1);
            // SQLite stores ids as bytes.
            let is_postgres = self.database.starts_with("postgres");
            let id = if is_postgres { format!("'{id}'") } else { format!("X'{}'", id.simple()) };
            let at = start + i64::try_from(n).unwrap();
            format!("({id}, {at}, 'default', 'auth0|old', 'task', 'get', 'k{n}', true, 'r')")
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        let columns = "id, at, tenant_id, subject, resource, action, key, allowed, request_id";
        let statement = format!("INSERT INTO decisions ({columns}) VALUES {}", rows.join(", "));
        self.rows().await.execute_unprepared(&statement).await.unwrap();
    }

    /// The log as it is exported.
    pub(crate) async fn exported(&self, words: &[&str]) -> Vec<Value> {
        let text = self.command(&[&["decisions", "export"], words].concat()).await;
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Persona<'_> {
    /// A page of the log.
    pub(crate) async fn page_of_decisions(&self, variables: Value) -> Value {
        self.asks_with(LIST, variables).await.data()["decisions"].clone()
    }

    /// The latest decisions that `filter` admits, at most 100.
    pub(crate) async fn decisions(&self, filter: Value) -> Vec<Value> {
        let page = self.page_of_decisions(json!({"first": 100, "filter": filter})).await;
        page["nodes"].as_array().unwrap().clone()
    }

    /// The decision with this name, once it is logged.
    pub(crate) async fn finds_decision(&self, id: &Value) -> Value {
        eventually("the decision", async || {
            self.decisions(json!({})).await.into_iter().find(|decision| decision["id"] == *id)
        })
        .await
    }
}
