//! What was committed, as it happens, for whoever keeps a connection open. Bounded: a listener that is too slow is told
//! how much it missed, and nobody who writes ever waits for it.

use std::sync::Arc;

use entity::task_event;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    Person, StoreError, TenantStore, commit,
    notice::{Notice, send},
};

/// Signals that the slowest listener may be behind. Each takes some hundred bytes until everybody has heard it.
const CAPACITY: usize = 4_096;

/// Something that open connections may have to hear of.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A task was created, changed or deleted.
    Task(Arc<task_event::Model>),
    /// What this person may do in this tenant is another thing than before, or they were removed from it.
    Permissions(Person),
    /// Other nodes were not heard for a while. Task events were looked up meanwhile; what changed about permissions is not
    /// known, so it may be anybody's.
    Gap,
}

/// Where signals are told. Clones tell the same listeners.
#[derive(Debug, Clone)]
pub struct Feed {
    listeners: broadcast::Sender<Signal>,
    /// Names this node to itself among all that tell each other something.
    node: Uuid,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self { listeners: broadcast::Sender::new(CAPACITY), node: Uuid::new_v4() }
    }

    pub(super) fn node(&self) -> Uuid {
        self.node
    }

    /// Tells everybody who listens at the moment.
    pub fn publish(&self, signal: Signal) {
        // An error means that nobody listens.
        let _ = self.listeners.send(signal);
    }

    /// Everything that is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.listeners.subscribe()
    }
}

impl TenantStore {
    /// Tells every node that `subject` may do other things than before.
    pub async fn tell_permissions(&self, subject: &str) {
        self.publish_permissions(subject);
        if let Err(error) = self.send_permissions(&self.db, subject).await {
            tracing::warn!(%error, "other nodes are not told of permissions; they ask again in a while");
        }
    }

    /// Commits a change of what `subject` may do, and tells every node of it.
    pub(super) async fn commit_permissions(
        &self,
        tx: DatabaseTransaction,
        subject: &str,
    ) -> Result<(), StoreError> {
        self.send_permissions(&tx, subject).await?;
        let committed = commit(tx).await;
        // Told even if the answer was lost: it may have been committed, and asking once more harms nobody.
        self.publish_permissions(subject);
        committed
    }

    /// Tells this node.
    pub(super) fn publish_permissions(&self, subject: &str) {
        self.feed.publish(Signal::Permissions(self.person(subject)));
    }

    /// Tells the others, once what `db` does is committed.
    pub(super) async fn send_permissions(
        &self,
        db: &impl ConnectionTrait,
        subject: &str,
    ) -> Result<(), StoreError> {
        send(db, &[Notice::Permissions { node: self.feed.node(), person: self.person(subject) }]).await
    }

    fn person(&self, subject: &str) -> Person {
        Person { tenant: self.tenant.clone(), subject: subject.into() }
    }
}
