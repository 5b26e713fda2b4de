//! Who is subscribed to what on this node. What goes on is decided for all of them together, by the [pumps](super::pump)
//! of the node, and put into their mailboxes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entity::{task, task_event::Model};

use super::{
    change::{PermissionsChange, TaskChangeKind},
    pump::EVENTS_AT_ONCE,
};
use crate::{
    events::{Postbox, Posted},
    graphql::{authorization::object_rules::Ruling, execution::error::Missed},
    permit::Check,
    store::{Person, TaskListQuery},
};

/// Letters that wait for one subscriber who does not read them. More, and the subscriber has to fetch and subscribe anew.
/// A batch comes at once, and the next may come before somebody who does read is through with it.
pub(super) const LETTERS: usize = 4 * EVENTS_AT_ONCE;

/// Everybody who is subscribed.
#[derive(Default)]
pub(in crate::graphql) struct Board {
    /// By tenant, as every event has one.
    tasks: Mutex<HashMap<Arc<str>, Vec<Arc<TaskWatch>>>>,
    permissions: Mutex<Vec<Arc<PermissionWatch>>>,
}

/// Somebody who is told of tasks.
pub(super) struct TaskWatch {
    pub(super) person: Person,
    pub(super) query: TaskListQuery,
    /// The permissions without which there is nothing to tell, that to read tasks first.
    pub(super) needs: Vec<Check>,
    pub(super) postbox: Postbox<TaskLetter, End>,
}

/// Somebody who is told of their permissions.
pub(super) struct PermissionWatch {
    pub(super) person: Person,
    /// Every permission of this API, sorted.
    pub(super) manifest: Vec<Check>,
    /// What they know that they hold.
    pub(super) known: Mutex<Vec<String>>,
    pub(super) postbox: Postbox<PermissionsChange, End>,
}

/// What a subscriber of tasks finds in the mailbox.
#[derive(Debug)]
pub(super) enum TaskLetter {
    Change {
        kind: TaskChangeKind,
        event: Arc<Model>,
        /// `None` when it is gone.
        task: Option<Arc<task::Model>>,
    },
    /// There was something, and it cannot be told.
    Withheld(Missed),
}

/// Why a subscription ends.
#[derive(Debug)]
pub(super) enum End {
    /// The subscriber was removed from the tenant.
    Removed,
    /// The subscriber does not hold a permission any more.
    Denied(Box<Ruling>),
    /// Events were missed.
    Missed(Missed),
}

impl Board {
    pub(super) fn watch_tasks(&self, watch: TaskWatch) {
        let tenant = watch.person.tenant.clone();
        lock(&self.tasks).entry(tenant).or_default().push(Arc::new(watch));
    }

    pub(super) fn watch_permissions(&self, watch: PermissionWatch) {
        lock(&self.permissions).push(Arc::new(watch));
    }

    /// Who of `tenant` wants to be told of tasks. Those who left are forgotten.
    pub(super) fn of_tenant(&self, tenant: &str) -> Vec<Arc<TaskWatch>> {
        let mut tasks = lock(&self.tasks);
        let Some(watches) = tasks.get_mut(tenant) else { return Vec::new() };
        watches.retain(|watch| watch.postbox.is_open());
        watches.clone()
    }

    /// Everybody who wants to be told of tasks. Those who left are forgotten.
    pub(super) fn of_tasks(&self) -> Vec<Arc<TaskWatch>> {
        let mut tasks = lock(&self.tasks);
        tasks.retain(|_, watches| {
            watches.retain(|watch| watch.postbox.is_open());
            !watches.is_empty()
        });
        tasks.values().flatten().cloned().collect()
    }

    /// Everybody who wants to be told of permissions. Those who left are forgotten.
    pub(super) fn of_permissions(&self) -> Vec<Arc<PermissionWatch>> {
        let mut permissions = lock(&self.permissions);
        permissions.retain(|watch| watch.postbox.is_open());
        permissions.clone()
    }
}

impl TaskWatch {
    pub(super) fn post(&self, letter: TaskLetter) {
        if self.postbox.post(letter) == Posted::Full {
            self.postbox.close(End::Missed(Missed::TooSlow));
        }
    }
}

impl PermissionWatch {
    pub(super) fn post(&self, change: PermissionsChange) {
        if self.postbox.post(change) == Posted::Full {
            self.postbox.close(End::Missed(Missed::TooSlow));
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
