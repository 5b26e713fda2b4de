//! Decides every event once more, for everybody who would hear of it, with one question: the next batch is whatever
//! came together while the last question was out, and mixes subscribers and events. One event is one call to the PDP,
//! however many subscribe, up to the size of a call.
//!
//! Nobody is told of an event that could not be decided for them: they are told that there was something, so that they
//! fetch what they show once more. The subscription goes on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{task, task_event::Model};
use uuid::Uuid;

use super::{
    Desk,
    board::{End, TaskLetter, TaskWatch},
    narrowed,
    verdicts::{Reach, Verdicts, reach},
};
use crate::{
    events::Listener,
    graphql::execution::error::Missed,
    store::{Person, Signal, Store, StoreError},
};

/// Events that are decided with one question.
pub(super) const EVENTS_AT_ONCE: usize = 64;

/// Tells subscribers of tasks, as long as there is anything to tell.
pub(super) async fn run(desk: Arc<Desk>, mut listener: Listener) {
    while let Some(batch) = listener.next(EVENTS_AT_ONCE).await {
        if batch.missed {
            tracing::warn!("events came faster than they could be decided; subscribers are told to fetch");
            for watch in desk.board.of_tasks() {
                watch.postbox.close(End::Missed(Missed::Overload));
            }
        }
        let events = batch.signals.into_iter().filter_map(|signal| match signal {
            Signal::Task(event) => Some(event),
            Signal::Permissions(_) | Signal::Gap => None,
        });
        let rounds = rounds(&desk, &events.collect::<Vec<_>>());
        if !rounds.is_empty() {
            deliver(&desk, rounds).await;
        }
    }
}

/// The tasks that something happened to, as they are now; those that are gone are missing.
pub(super) type Tasks = HashMap<Uuid, Arc<task::Model>>;

/// One subscriber and what happened to the tasks that they want to hear of, oldest first.
pub(super) struct Round {
    pub(super) watch: Arc<TaskWatch>,
    pub(super) events: Vec<Arc<Model>>,
}

/// With object rules everybody in the tenant is asked about, whatever they want to hear of: if nothing can be decided,
/// only those of some filters being told so would tell of the task.
fn rounds(desk: &Desk, events: &[Arc<Model>]) -> Vec<Round> {
    let mut tenants: HashMap<&str, Vec<&Arc<Model>>> = HashMap::new();
    for event in events {
        tenants.entry(&event.tenant_id).or_default().push(event);
    }
    let mut rounds = Vec::new();
    for (tenant, events) in tenants {
        for watch in desk.board.of_tenant(tenant) {
            let wanted = events.iter().filter(|event| watch.query.concerns(event));
            let events: Vec<_> = wanted.map(|event| Arc::clone(event)).collect();
            if desk.config.object_rules || !events.is_empty() {
                rounds.push(Round { watch, events });
            }
        }
    }
    rounds
}

async fn deliver(desk: &Desk, rounds: Vec<Round>) {
    let services = &desk.services;
    let people: HashSet<Person> = rounds.iter().map(|round| round.watch.person.clone()).collect();
    let checks = rounds.iter().flat_map(|round| round.watch.needs.iter().cloned()).collect();
    let (verdicts, removed, tasks) = tokio::join!(
        Verdicts::ask(&services.pdp, checks),
        services.store.removed_among(&people),
        current(&services.store, &rounds),
    );
    let (removed, tasks) = match (removed, tasks) {
        (Ok(removed), Ok(tasks)) => (removed, tasks),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(cause = error.cause(), %error, "events could not be told");
            return withhold(&rounds, &Missed::Fault);
        }
    };
    let mut narrowed = Vec::new();
    for round in rounds {
        if removed.contains(&round.watch.person) {
            round.watch.postbox.close(End::Removed);
            continue;
        }
        match reach(&round.watch, &verdicts, desk.config.object_rules) {
            Reach::All => tell(round, &tasks),
            Reach::Single => narrowed.push(round),
            Reach::Undecided(error) => {
                round.watch.post(TaskLetter::Withheld(Missed::Undecided(error)));
            }
            Reach::None(ruling) => round.watch.postbox.close(End::Denied(ruling)),
        }
    }
    if !narrowed.is_empty() {
        narrowed::deliver(services, narrowed, &tasks).await;
    }
}

fn tell(round: Round, tasks: &Tasks) {
    for event in round.events {
        let task = tasks.get(&event.task_id).cloned();
        round.watch.post(TaskLetter::Change { kind: event.kind.into(), event, task });
    }
}

pub(super) fn withhold(rounds: &[Round], why: &Missed) {
    for round in rounds {
        round.watch.post(TaskLetter::Withheld(why.clone()));
    }
}

async fn current(store: &Store, rounds: &[Round]) -> Result<Tasks, StoreError> {
    let mut wanted: HashMap<&str, HashSet<Uuid>> = HashMap::new();
    for event in rounds.iter().flat_map(|round| &round.events) {
        wanted.entry(&event.tenant_id).or_default().insert(event.task_id);
    }
    let mut found = Tasks::new();
    for (tenant, ids) in wanted {
        let tasks = store.tenant(tenant).find_tasks(ids.into_iter().collect()).await?;
        found.extend(tasks.into_iter().map(|task| (task.id, Arc::new(task))));
    }
    Ok(found)
}
