//! Events for subscribers who may not read tasks in general but, by object rules, perhaps single ones. They are told of
//! tasks that they own or are to do, as far as Permit agrees, and of those that have just left them.

use std::collections::{HashMap, HashSet};

use entity::task_event::{Kind, Traits};
use uuid::Uuid;

use super::{
    board::{TaskLetter, TaskWatch},
    change::TaskChangeKind,
    pump::{Round, Tasks, withhold},
    verdicts::Verdicts,
};
use crate::{
    graphql::{
        Services,
        authorization::{decisions::Verdict, object_rules::attributes_of},
        execution::error::Missed,
    },
    permit::{Check, PermitError},
    store::{Store, StoreError},
};

/// The subjects of owners and assignees, by the ids of their rows. Somebody who was removed is nobody.
type People = HashMap<Uuid, String>;

/// One event for one subscriber: the questions whether the task is theirs to read, now and before, and whether it is one
/// of those that they want to hear of. `None` where they neither own it nor are to do it, or where there is no task.
struct Case {
    now: Option<Check>,
    before: Option<Check>,
    matches_now: bool,
    matched_before: bool,
}

/// Whether one subscriber may read one task.
#[derive(Clone, Copy)]
struct Visible {
    now: bool,
    before: bool,
}

/// Tells what may be told, after one question for everybody.
pub(super) async fn deliver(services: &Services, rounds: Vec<Round>, tasks: &Tasks) {
    let people = match people(&services.store, &rounds, tasks).await {
        Ok(people) => people,
        Err(error) => {
            tracing::error!(cause = error.cause(), %error, "events could not be told");
            return withhold(&rounds, &Missed::Fault);
        }
    };
    let cases: Vec<Vec<Case>> = rounds.iter().map(|round| cases(round, tasks, &people)).collect();
    let checks = cases.iter().flatten().flat_map(|case| case.now.iter().chain(&case.before).cloned());
    let verdicts = Verdicts::ask(&services.pdp, checks.collect()).await;
    for (round, cases) in rounds.into_iter().zip(cases) {
        if let Err(error) = tell(&round, &cases, &verdicts, tasks) {
            round.watch.post(TaskLetter::Withheld(Missed::Undecided(error)));
        }
    }
}

/// The traits of the task that an event is about, as it is now.
fn now(round: &Round, place: usize, tasks: &Tasks) -> Option<Traits> {
    let event = &round.events[place];
    match event.kind {
        Kind::Deleted => None,
        // The row may have left somebody since the event.
        Kind::Created | Kind::Updated => {
            tasks.get(&event.task_id).map(|task| Traits::from(&**task)).or_else(|| event.after.clone())
        }
    }
}

fn cases(round: &Round, tasks: &Tasks, people: &People) -> Vec<Case> {
    let case = |place: usize| {
        let (event, now) = (&round.events[place], now(round, place, tasks));
        let ask = |traits: &Traits| question(&round.watch, event.task_id, traits, people);
        let matches = |traits: &Traits| round.watch.query.describes(traits);
        Case {
            now: now.as_ref().and_then(ask),
            before: event.before.as_ref().and_then(ask),
            matches_now: now.as_ref().is_some_and(matches),
            matched_before: event.before.as_ref().is_some_and(matches),
        }
    };
    (0..round.events.len()).map(case).collect()
}

fn question(watch: &TaskWatch, task: Uuid, traits: &Traits, people: &People) -> Option<Check> {
    let subject = |id: Option<Uuid>| id.and_then(|id| people.get(&id)).map(String::as_str);
    let (owner, assignee) = (subject(traits.owner_id), subject(traits.assignee_id));
    let is_related = [owner, assignee].contains(&Some(&*watch.person.subject));
    let general = watch.needs.first().filter(|_| is_related)?;
    Some(Check {
        key: Some(task.to_string().into()),
        attributes: attributes_of(owner, assignee),
        ..general.clone()
    })
}

/// # Errors
/// An answer is missing; nothing from that event on was told.
fn tell(round: &Round, cases: &[Case], verdicts: &Verdicts, tasks: &Tasks) -> Result<(), PermitError> {
    let allows = |check: &Option<Check>| match check {
        Some(check) => verdicts.on(check).map(Verdict::allows),
        None => Ok(false),
    };
    for (event, case) in round.events.iter().zip(cases) {
        let visible = Visible { now: allows(&case.now)?, before: allows(&case.before)? };
        // What may not be read does not match: a filter must not tell of it.
        let concerns = (visible.now && case.matches_now) || (visible.before && case.matched_before);
        if let Some(kind) = told(event.kind, visible).filter(|_| concerns) {
            let task = tasks.get(&event.task_id).filter(|_| visible.now).cloned();
            round.watch.post(TaskLetter::Change { kind, event: event.clone(), task });
        }
    }
    Ok(())
}

fn told(kind: Kind, visible: Visible) -> Option<TaskChangeKind> {
    match (kind, visible) {
        (Kind::Created | Kind::Updated, Visible { now: true, .. })
        | (Kind::Deleted, Visible { before: true, .. }) => Some(kind.into()),
        (Kind::Updated, Visible { before: true, .. }) => Some(TaskChangeKind::NoLongerVisible),
        _ => None,
    }
}

async fn people(store: &Store, rounds: &[Round], tasks: &Tasks) -> Result<People, StoreError> {
    let mut wanted: HashMap<&str, HashSet<Uuid>> = HashMap::new();
    for round in rounds {
        for (place, event) in round.events.iter().enumerate() {
            let now = now(round, place, tasks);
            let traits = now.iter().chain(&event.before);
            let ids = traits.flat_map(|traits| [traits.owner_id, traits.assignee_id]).flatten();
            wanted.entry(&event.tenant_id).or_default().extend(ids);
        }
    }
    let mut people = People::new();
    for (tenant, ids) in wanted {
        let users = store.tenant(tenant).find_users(ids.into_iter().collect()).await?;
        people.extend(users.into_iter().map(|user| (user.id, user.subject)));
    }
    Ok(people)
}
