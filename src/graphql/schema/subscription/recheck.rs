//! Asks again what those who are subscribed may do: every so often for all of them together, and at once for somebody
//! whose permissions were changed through any node. Whoever lost what their subscription needs, or was removed, is
//! told so, and the subscription ends; whoever wants to know their permissions is told of new ones.
//!
//! While nobody can decide, subscriptions go on: each of their events is decided by itself, or not told.

use std::{collections::HashSet, sync::Arc};

use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;

use super::{
    Desk,
    board::{End, PermissionWatch, TaskWatch, lock},
    change::PermissionsChange,
    verdicts::{Reach, Verdicts, reach},
};
use crate::{
    events::{Batch, Listener},
    permit::{Check, PermitError},
    store::{Person, Signal},
};

/// People who are looked at together because something about them changed.
const SIGNALS_AT_ONCE: usize = 1_024;

/// Whose subscriptions are looked at.
enum Whose {
    All,
    Those(HashSet<Person>),
}

/// Asks again, as long as there is anybody to ask about.
pub(super) async fn run(desk: Arc<Desk>, mut listener: Listener) {
    let board = &desk.board;
    let mut ticks = tokio::time::interval(desk.config.permission_recheck_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let whose = tokio::select! {
            _ = ticks.tick() => Whose::All,
            batch = listener.next(SIGNALS_AT_ONCE) => match batch {
                Some(batch) => Whose::of(batch),
                None => return,
            },
        };
        if whose.is_nobody() {
            continue;
        }
        let tasks: Vec<_> = board.of_tasks().into_iter().filter(|watch| whose.has(&watch.person)).collect();
        let permissions: Vec<_> =
            board.of_permissions().into_iter().filter(|watch| whose.has(&watch.person)).collect();
        if !tasks.is_empty() || !permissions.is_empty() {
            look_at(&desk, &tasks, &permissions).await;
        }
    }
}

impl Whose {
    fn of(batch: Batch) -> Self {
        let is_gap = |signal: &Signal| matches!(signal, Signal::Gap);
        if batch.missed || batch.signals.iter().any(is_gap) {
            return Self::All;
        }
        let people = batch.signals.into_iter().filter_map(|signal| match signal {
            Signal::Permissions(person) => Some(person),
            Signal::Task(_) | Signal::Gap => None,
        });
        Self::Those(people.collect())
    }

    fn is_nobody(&self) -> bool {
        matches!(self, Self::Those(people) if people.is_empty())
    }

    fn has(&self, person: &Person) -> bool {
        match self {
            Self::All => true,
            Self::Those(people) => people.contains(person),
        }
    }
}

async fn look_at(desk: &Desk, tasks: &[Arc<TaskWatch>], permissions: &[Arc<PermissionWatch>]) {
    let mut people: HashSet<Person> = tasks.iter().map(|watch| watch.person.clone()).collect();
    people.extend(permissions.iter().map(|watch| watch.person.clone()));
    let mut checks: HashSet<Check> = tasks.iter().flat_map(|watch| watch.needs.iter().cloned()).collect();
    checks.extend(permissions.iter().flat_map(|watch| watch.manifest.iter().cloned()));
    let services = &desk.services;
    let (verdicts, removed) =
        tokio::join!(Verdicts::ask(&services.pdp, checks), services.store.removed_among(&people));
    let removed = removed.unwrap_or_else(|error| {
        tracing::warn!(%error, "nobody knows who was removed; asked again in a while");
        HashSet::new()
    });
    for watch in tasks {
        if removed.contains(&watch.person) {
            watch.postbox.close(End::Removed);
        } else if let Reach::None(ruling) = reach(watch, &verdicts, desk.config.object_rules) {
            watch.postbox.close(End::Denied(ruling));
        }
    }
    for watch in permissions {
        if removed.contains(&watch.person) {
            watch.postbox.close(End::Removed);
        } else if let Ok(held) = held(watch, &verdicts) {
            tell(watch, held);
        }
    }
}

/// The permissions that are held, sorted.
///
/// # Errors
/// One of them is undecided.
fn held(watch: &PermissionWatch, verdicts: &Verdicts) -> Result<Vec<String>, PermitError> {
    let mut held = Vec::new();
    for check in &watch.manifest {
        if verdicts.on(check)?.allows() {
            held.push(format!("{}:{}", check.resource, check.action));
        }
    }
    Ok(held)
}

fn tell(watch: &PermissionWatch, held: Vec<String>) {
    let mut known = lock(&watch.known);
    if *known != held {
        known.clone_from(&held);
        watch.post(PermissionsChange { permissions: held, at: OffsetDateTime::now_utc() });
    }
}
