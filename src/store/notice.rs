//! What nodes tell each other with the commit of a change: PostgreSQL's `NOTIFY` sends it when the transaction is
//! committed, to every node in the order of the commits, and not at all when it is rolled back. SQLite has one node.

use entity::task_event::Model;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Person, StoreError};

/// Where notices are told.
pub(super) const CHANNEL: &str = "taskgate";

/// Longest notice, in bytes: PostgreSQL takes less than 8,000.
const LONGEST: usize = 7_900;

/// Something that every node has to know. Names of fields and kinds are what nodes of two versions understand of each
/// other; what cannot be read is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Notice {
    /// Something happened to a task.
    Task { event: Box<Model> },
    /// The same, for an event that is too long to be sent.
    LongTask { seq: i64 },
    /// What this person may do is another thing than before. The node that says so knows it already.
    Permissions { node: Uuid, person: Person },
    /// A node asks itself whether it still hears.
    Echo { node: Uuid, sent_at: i64 },
}

impl Notice {
    /// As it is sent.
    pub(super) fn text(&self) -> Result<String, StoreError> {
        let text = serde_json::to_string(self).map_err(StoreError::Notice)?;
        match self {
            Self::Task { event } if text.len() > LONGEST => Self::LongTask { seq: event.seq }.text(),
            _ => Ok(text),
        }
    }
}

/// Has every node told of `notices` once what `db` does is committed. One statement.
pub(super) async fn send(db: &impl ConnectionTrait, notices: &[Notice]) -> Result<(), StoreError> {
    if db.get_database_backend() != DbBackend::Postgres || notices.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = notices.iter().map(Notice::text).collect::<Result<_, _>>()?;
    let texts = serde_json::to_string(&texts).map_err(StoreError::Notice)?;
    let notify = "SELECT pg_notify($1, text) FROM json_array_elements_text($2::json) AS text";
    let values = [CHANNEL.into(), texts.into()];
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, notify, values)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use entity::task_event::{Kind, Traits};

    use super::*;

    fn event(title: &str) -> Notice {
        let traits = Traits {
            title: title.to_owned(),
            completed: false,
            owner_id: Some(Uuid::nil()),
            assignee_id: None,
        };
        let event = Model {
            seq: 7,
            id: Uuid::nil(),
            tenant_id: "default".into(),
            task_id: Uuid::nil(),
            version: 2,
            kind: Kind::Updated,
            by: Some("auth0|ada".into()),
            at: 1,
            before: Some(traits.clone()),
            after: Some(traits),
        };
        Notice::Task { event: Box::new(event) }
    }

    #[test]
    fn an_event_is_read_back_as_it_was_sent() {
        let sent = event("Ünïcode \"and\" quotes");
        assert_eq!(serde_json::from_str::<Notice>(&sent.text().unwrap()).unwrap(), sent);
    }

    #[test]
    fn an_event_that_is_too_long_is_named_by_its_number() {
        let text = event(&"\u{1}".repeat(1_000)).text().unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), Notice::LongTask { seq: 7 });
    }

    #[test]
    fn the_longest_title_fits() {
        let text = event(&"🦀".repeat(200)).text().unwrap();
        assert!(matches!(serde_json::from_str(&text).unwrap(), Notice::Task { .. }));
    }
}
