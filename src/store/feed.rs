//! What was committed on this node, as it happens, for whoever keeps a connection open. Bounded: a listener that is
//! too slow is told how much it missed, and nobody who writes ever waits for it.

use std::sync::Arc;

use entity::task_event;
use tokio::sync::broadcast;

use super::{Person, TenantStore};

/// Signals that the slowest listener may be behind. Each takes some hundred bytes until everybody has heard it.
const CAPACITY: usize = 4_096;

/// Something that open connections may have to hear of.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A task was created, changed or deleted.
    Task(Arc<task_event::Model>),
    /// What this person may do in this tenant is another thing than before, or they were removed from it.
    Permissions(Person),
}

/// Where signals are told. Clones tell the same listeners.
#[derive(Debug, Clone)]
pub struct Feed(broadcast::Sender<Signal>);

impl Feed {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    /// Tells everybody who listens at the moment.
    pub fn publish(&self, signal: Signal) {
        // An error means that nobody listens.
        let _ = self.0.send(signal);
    }

    /// Everything that is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.0.subscribe()
    }
}

impl TenantStore {
    /// Tells that `subject` may do other things than before.
    pub fn tell_permissions(&self, subject: &str) {
        self.feed
            .publish(Signal::Permissions(Person { tenant: self.tenant.clone(), subject: subject.into() }));
    }
}
