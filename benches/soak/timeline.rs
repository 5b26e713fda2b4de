//! What Permit and our rows allowed, and when: the oracle's own account of it, kept from the writes as they pass.
//!
//! A write takes effect at some instant between its begin and its end. So a fact *could* hold from the begin of what made it
//! to the end of what ended it, and it *surely* held from the end of the one to the begin of the other. An allow is wrong if
//! at no instant of its request it could be right; a refusal is wrong if it surely was an allow all the while.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Roles that the soak gives and takes.
pub(crate) const ROLES: [&str; 3] = ["admin", "manager", "viewer"];
/// What owners and assignees hold on their task, as the design has it.
const OWNER: [&str; 6] = ["get", "update", "check", "delete", "assign", "read-notes"];
const ASSIGNEE: [&str; 3] = ["get", "check", "read-notes"];

/// Something that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    Holds { user: String, tenant: String, role: String },
    Grants { role: String, permission: String },
    Assignee { user: String, task: String },
}

/// What an answer shows to be allowed.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// As `task:get`.
    pub(crate) permission: String,
    /// Global id of the task that it is about.
    pub(crate) task: Option<String>,
    /// The caller created that task, and may be its owner.
    pub(crate) owned: bool,
}

/// From when to when a request, a fault or a fact lasted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    /// `None`: it lasts.
    pub(crate) until: Option<Instant>,
}

/// When a fact could hold, and when it surely did.
#[derive(Debug, Default)]
struct Record {
    could: Vec<Window>,
    surely: Vec<Window>,
}

#[derive(Debug, Default)]
pub(crate) struct Timeline(Mutex<HashMap<Fact, Record>>);

impl Window {
    pub(crate) fn since(from: Instant) -> Self {
        Self { from, until: None }
    }

    pub(crate) fn between(from: Instant, until: Instant) -> Self {
        Self { from, until: Some(until) }
    }

    /// The instants of both, if there are any.
    pub(crate) fn overlap(self, other: Self) -> Option<Self> {
        let from = self.from.max(other.from);
        let until = match (self.until, other.until) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        until.is_none_or(|until| from <= until).then_some(Self { from, until })
    }

    fn covers(self, other: Self) -> bool {
        let ends_later = match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => ours >= theirs,
        };
        self.from <= other.from && ends_later
    }
}

fn open(windows: &mut Vec<Window>) {
    if windows.last().is_none_or(|last| last.until.is_some()) {
        windows.push(Window::since(Instant::now()));
    }
}

fn close(windows: &mut [Window]) {
    if let Some(last) = windows.last_mut() {
        last.until.get_or_insert_with(Instant::now);
    }
}

impl Timeline {
    /// Somebody is about to make it so.
    pub(crate) fn may_begin(&self, fact: Fact) {
        open(&mut self.records().entry(fact).or_default().could);
    }

    /// It is so.
    pub(crate) fn begins(&self, fact: Fact) {
        let mut records = self.records();
        let record = records.entry(fact).or_default();
        open(&mut record.could);
        open(&mut record.surely);
    }

    /// Somebody is about to end it.
    pub(crate) fn may_end(&self, fact: &Fact) {
        if let Some(record) = self.records().get_mut(fact) {
            close(&mut record.surely);
        }
    }

    /// It is not so.
    pub(crate) fn ends(&self, fact: &Fact) {
        if let Some(record) = self.records().get_mut(fact) {
            close(&mut record.surely);
            close(&mut record.could);
        }
    }

    /// What is true or could be by now of those that `concerns` picks.
    pub(crate) fn lasting(&self, concerns: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        let lasts = |record: &Record| record.could.last().is_some_and(|last| last.until.is_none());
        let records = self.records();
        records
            .iter()
            .filter(|(fact, record)| lasts(record) && concerns(fact))
            .map(|(fact, _)| fact.clone())
            .collect()
    }

    /// Whether `claim` could be right for `user` at some instant of `window`.
    pub(crate) fn could(&self, user: &str, tenant: &str, claim: &Claim, window: Window) -> bool {
        let action = claim.permission.strip_prefix("task:").unwrap_or_default();
        if claim.owned && OWNER.contains(&action) {
            return true;
        }
        let records = self.records();
        let at = |fact: &Fact| records.get(fact).map_or(&[][..], |record| &record.could[..]);
        let by_role = role_facts(user, tenant, &claim.permission).into_iter().any(|[holds, grants]| {
            let both = at(&holds).iter().flat_map(|one| at(&grants).iter().map(|two| one.overlap(*two)));
            both.flatten().any(|both| both.overlap(window).is_some())
        });
        let assigned = claim.task.iter().filter(|_| ASSIGNEE.contains(&action)).any(|task| {
            let fact = Fact::Assignee { user: user.to_owned(), task: task.clone() };
            at(&fact).iter().any(|it| it.overlap(window).is_some())
        });
        by_role || assigned
    }

    /// Whether a role of `user` surely held `permission` during the whole of `window`.
    pub(crate) fn surely(&self, user: &str, tenant: &str, permission: &str, window: Window) -> bool {
        let records = self.records();
        let covered = |fact: &Fact| {
            records.get(fact).is_some_and(|record| record.surely.iter().any(|it| it.covers(window)))
        };
        role_facts(user, tenant, permission).iter().any(|facts| facts.iter().all(covered))
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Fact, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn role_facts(user: &str, tenant: &str, permission: &str) -> [[Fact; 2]; 3] {
    ROLES.map(|role| {
        let role = role.to_owned();
        let holds = Fact::Holds { user: user.to_owned(), tenant: tenant.to_owned(), role: role.clone() };
        [holds, Fact::Grants { role, permission: permission.to_owned() }]
    })
}
