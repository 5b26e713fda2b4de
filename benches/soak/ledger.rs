//! Every write that was asked for, and how it ended; at the end it is held against the database.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use entity::{
    task,
    task_event::{self, Kind},
};

use super::{
    findings::{Finding, Findings},
    operations::uuid_of,
    timeline::Window,
};

/// What a write was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Create,
    Rename,
    Complete(bool),
    /// To a user, by the global id.
    Assign(Option<String>),
    Delete,
}

/// How it ended, as far as the client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The version that was told, if one was.
    Done(Option<i32>),
    /// The server says that nothing was done.
    Refused,
    Unknown,
}

#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) by: String,
    /// Global id; none for a creation whose answer did not come.
    pub(crate) task: Option<String>,
    pub(crate) what: What,
    /// The new one, of a creation and of a rename; no two are alike.
    pub(crate) title: Option<String>,
    pub(crate) end: End,
}

/// What is known to be so at least.
#[derive(Debug, Default)]
struct Floor {
    acknowledged: Vec<(Instant, i32)>,
    titles: HashMap<i32, String>,
    deleted: Option<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    writes: Mutex<Vec<Write>>,
    floors: Mutex<HashMap<String, Floor>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub(crate) fn note(&self, write: Write) {
        if let (Some(task), End::Done(version)) = (&write.task, write.end) {
            let mut floors = lock(&self.floors);
            let floor = floors.entry(task.clone()).or_default();
            if let Some(version) = version {
                floor.acknowledged.push((Instant::now(), version));
                if let Some(title) = &write.title {
                    floor.titles.insert(version, title.clone());
                }
            }
            if write.what == What::Delete {
                floor.deleted = Some(Instant::now());
            }
        }
        lock(&self.writes).push(write);
    }

    pub(crate) fn writes(&self) -> usize {
        lock(&self.writes).len()
    }

    pub(crate) fn is_deleted(&self, task: &str) -> bool {
        lock(&self.floors).get(task).is_some_and(|floor| floor.deleted.is_some())
    }

    /// Some title that the task has had, if one was acknowledged.
    pub(crate) fn title(&self, task: &str) -> Option<String> {
        lock(&self.floors).get(task)?.titles.values().next().cloned()
    }

    /// What is stale about a task that was read; `None`: nothing.
    pub(crate) fn stale(&self, task: &str, version: i32, title: &str, window: Window) -> Option<String> {
        let floors = lock(&self.floors);
        let floor = floors.get(task)?;
        if floor.deleted.is_some_and(|at| at < window.from) {
            return Some(format!("{task} was deleted and is read"));
        }
        let before = floor.acknowledged.iter().filter(|(at, _)| *at < window.from);
        let least = before.map(|(_, version)| *version).max().unwrap_or_default();
        if version < least {
            return Some(format!("{task} is read in version {version} after {least} was acknowledged"));
        }
        let known = floor.titles.get(&version)?;
        (known != title).then(|| format!("{task} in version {version} is {title:?} and was {known:?}"))
    }

    /// Holds all writes against what the database has.
    pub(crate) fn settle(&self, rows: &[task::Model], events: &[task_event::Model], findings: &Findings) {
        let writes = lock(&self.writes);
        let mut history: HashMap<String, Vec<&task_event::Model>> = HashMap::new();
        for event in events {
            history.entry(event.task_id.to_string()).or_default().push(event);
        }
        for past in history.values_mut() {
            past.sort_by_key(|event| event.version);
        }
        for write in writes.iter() {
            if let Some(complaint) = complaint(write, &history, events) {
                let finding =
                    if write.end == End::Refused { Finding::ExtraWrite } else { Finding::LostWrite };
                findings.report(finding, format!("{complaint}: {write:?}"));
            }
        }
        check_rows(rows, &history, findings);
        check_origins(&writes, &history, findings);
    }
}

/// What is wrong with how `write` is found in the database.
fn complaint(
    write: &Write,
    history: &HashMap<String, Vec<&task_event::Model>>,
    events: &[task_event::Model],
) -> Option<String> {
    let titled =
        |event: &&task_event::Model| event.after.as_ref().map(|after| &after.title) == write.title.as_ref();
    match write.end {
        End::Unknown => None,
        // The caller may not read what they wrote, so nobody knows which event to look for.
        End::Done(None) if write.title.is_none() && write.what != What::Delete => None,
        End::Refused => {
            let title = write.title.as_ref()?;
            let done = events.iter().find(titled)?;
            Some(format!("{title:?} was refused and is there in version {}", done.version))
        }
        End::Done(version) => {
            let task = write.task.as_ref().map(|task| uuid_of(task));
            let past = task.and_then(|task| history.get(&task));
            let mut past = past.into_iter().flatten().copied();
            let found = match (&write.what, version) {
                (What::Delete, _) => {
                    past.find(|event| event.kind == Kind::Deleted && event.by.as_ref() == Some(&write.by))
                }
                (_, Some(version)) => past.find(|event| event.version == version),
                (_, None) => events.iter().find(titled),
            };
            let Some(event) = found else { return Some("no event tells of it".to_owned()) };
            let shows = match (&write.what, &event.after) {
                (What::Delete, after) => after.is_none(),
                (What::Create | What::Rename, Some(after)) => {
                    Some(&after.title) == write.title.as_ref() && event.by.as_ref() == Some(&write.by)
                }
                (What::Complete(completed), Some(after)) => after.completed == *completed,
                (What::Assign(to), Some(after)) => {
                    after.assignee_id.map(|id| id.to_string()) == to.as_ref().map(|to| uuid_of(to))
                }
                (_, None) => false,
            };
            (!shows).then(|| format!("its event tells otherwise, {event:?}"))
        }
    }
}

/// Rows are what the last event says, and no version is left out.
fn check_rows(rows: &[task::Model], history: &HashMap<String, Vec<&task_event::Model>>, findings: &Findings) {
    let rows: HashMap<String, &task::Model> = rows.iter().map(|row| (row.id.to_string(), row)).collect();
    for id in rows.keys().filter(|id| !history.contains_key(*id)) {
        findings.report(Finding::ExtraWrite, format!("{id} has no event"));
    }
    for (id, past) in history {
        let row = rows.get(id);
        let whole = past.iter().zip(1..).all(|(event, version)| event.version == version);
        let last = past.last().expect("an event");
        let agrees = match (&last.after, row) {
            (None, None) => true,
            (Some(after), Some(row)) => {
                row.version == last.version && after == &task_event::Traits::from(*row)
            }
            _ => false,
        };
        if !whole || !agrees {
            findings.report(Finding::LostWrite, format!("{id} is {row:?}, and its events end with {last:?}"));
        }
    }
}

/// Each event was asked for by somebody, once.
fn check_origins(writes: &[Write], history: &HashMap<String, Vec<&task_event::Model>>, findings: &Findings) {
    let mut asked: HashMap<(String, String), i64> = HashMap::new();
    let mut titles: HashMap<&str, i64> = HashMap::new();
    for write in writes.iter().filter(|write| write.end != End::Refused) {
        if write.what == What::Create {
            *titles.entry(write.title.as_deref().unwrap_or_default()).or_default() += 1;
        } else if let Some(task) = &write.task {
            *asked.entry((uuid_of(task), write.by.clone())).or_default() += 1;
        }
    }
    for event in history.values().flatten() {
        let by = event.by.clone().unwrap_or_default();
        let left = match (&event.kind, &event.after) {
            (Kind::Created, Some(after)) => titles.entry(after.title.as_str()).or_default(),
            _ => asked.entry((event.task_id.to_string(), by)).or_default(),
        };
        *left -= 1;
        if *left < 0 {
            findings.report(Finding::ExtraWrite, format!("nobody asked for {event:?}"));
        }
    }
}
