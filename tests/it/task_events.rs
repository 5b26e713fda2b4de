//! What is written about a change, with the change: on SQLite, and on PostgreSQL when `TEST_DATABASE_URL` names one.

use std::time::Duration;

use entity::{
    task,
    task_event::{Kind, Model},
};
use futures_util::future::join_all;
use taskgate::store::{
    Desired, Expected, HistoryRequest, Idempotency, NewTask, NewUser, Page, Relay, SignIn, Signal, Store,
    TaskChange, TaskCreation, TaskPatch, TasksOnRemoval, TenantStore,
};
use tokio::{sync::broadcast::Receiver, time::timeout};
use uuid::Uuid;

use crate::support::{Fresh, fresh_databases};

const ADA: &str = "auth0|ada";
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);
const WHOLE: HistoryRequest = HistoryRequest { limit: 100, before: None };

/// A database of its own on each server at hand, with a tenant that writes and somebody who listens.
struct Case {
    ours: TenantStore,
    store: Store,
    /// Who says the last word, on another node where there is one.
    other: TenantStore,
    told: Receiver<Signal>,
    _relay: Relay,
    _database: Fresh,
}

async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for database in fresh_databases().await {
        let config = database.config();
        let store = Store::connect(&config).await.unwrap();
        let relay = store.relay().await.unwrap();
        let told = store.feed().listen();
        let other =
            if database.is_postgres() { Store::connect(&config).await.unwrap() } else { store.clone() };
        let (ours, other) = (store.tenant("org_ours"), other.tenant("org_ours"));
        cases.push(Case { ours, store, other, told, _relay: relay, _database: database });
    }
    cases
}

fn named(title: &str) -> NewTask {
    NewTask { title: title.into(), notes: None, owner_id: None, assignee_id: None }
}

fn titled(title: &str) -> TaskPatch {
    TaskPatch { title: Some(title.into()), ..TaskPatch::default() }
}

impl Case {
    async fn creates(&self, new: NewTask) -> task::Model {
        match self.ours.create_task(new, None, ADA).await.unwrap() {
            TaskCreation::Created(Some(task)) => task,
            other => panic!("not created but {other:?}"),
        }
    }

    async fn arrives(&self, subject: &str) -> Uuid {
        let person = NewUser { subject: subject.into(), name: None, email: None };
        let desired = Desired { json: "{}".into(), fingerprint: "f".into() };
        match self.ours.sign_in(person, &desired, false).await.unwrap() {
            SignIn::Known(arrival) => arrival.user.id,
            SignIn::Removed => panic!("{subject} was removed"),
        }
    }

    async fn history(&self, task: Uuid, request: HistoryRequest) -> Page<Model> {
        self.ours.histories(&[task], request).await.unwrap().remove(&task).unwrap()
    }

    /// The task events that were told and not heard yet.
    async fn hears(&mut self) -> Vec<Model> {
        let last = Uuid::new_v4().to_string();
        self.other.tell_permissions(&last).await;
        let mut events = Vec::new();
        loop {
            match timeout(PATIENCE, self.told.recv()).await.expect("the last word is told").unwrap() {
                Signal::Task(event) => events.push((*event).clone()),
                Signal::Permissions(person) if *person.subject == *last => return events,
                Signal::Permissions(_) | Signal::Gap => {}
            }
        }
    }
}

#[tokio::test]
async fn every_change_of_a_task_leaves_an_event_and_is_told() {
    for mut case in cases().await {
        let task = case.creates(named("Old")).await;
        for patch in [titled("New"), TaskPatch { completed: Some(true), ..TaskPatch::default() }] {
            let change =
                case.ours.update_task(task.id, patch, Expected::default(), "auth0|bob").await.unwrap();
            assert!(matches!(change, TaskChange::Done(_)));
        }
        case.ours.delete_task(task.id, Expected::default(), ADA).await.unwrap();

        let history = case.history(task.id, WHOLE).await.rows;
        let told = case.hears().await;

        let newest_first: Vec<Model> = told.iter().rev().cloned().collect();
        assert_eq!(history, newest_first);
        let lines: Vec<_> =
            told.iter().map(|event| (event.kind, event.version, event.by.as_deref().unwrap())).collect();
        assert_eq!(
            lines,
            [
                (Kind::Created, 1, ADA),
                (Kind::Updated, 2, "auth0|bob"),
                (Kind::Updated, 3, "auth0|bob"),
                (Kind::Deleted, 4, ADA),
            ]
        );
        let titles = |event: &Model| {
            [&event.before, &event.after].map(|task| task.as_ref().map(|task| task.title.clone()))
        };
        assert_eq!(titles(&told[0]), [None, Some("Old".to_owned())]);
        assert_eq!(titles(&told[1]), [Some("Old".to_owned()), Some("New".to_owned())]);
        assert_eq!(titles(&told[3]), [Some("New".to_owned()), None]);
        assert!(told[2].after.as_ref().unwrap().completed && !told[2].before.as_ref().unwrap().completed);
    }
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_event() {
    for mut case in cases().await {
        let task = case.creates(named("Task")).await;
        let absent = Some(Some(Uuid::new_v4()));
        let outdated = Expected { version: Some(7), relations: None };
        case.hears().await;

        let same = case.ours.update_task(task.id, titled("Task"), Expected::default(), ADA).await.unwrap();
        assert!(matches!(same, TaskChange::Done(_)));
        let late = case.ours.update_task(task.id, titled("Late"), outdated, ADA).await.unwrap();
        assert!(matches!(late, TaskChange::Conflict { .. }));
        let patch = TaskPatch { assignee_id: absent, ..TaskPatch::default() };
        let nobody = case.ours.update_task(task.id, patch, Expected::default(), ADA).await.unwrap();
        assert!(matches!(nobody, TaskChange::AssigneeAbsent));
        case.ours.delete_task(Uuid::new_v4(), Expected::default(), ADA).await.unwrap();

        assert_eq!(case.hears().await, []);
        assert_eq!(case.history(task.id, WHOLE).await.rows.len(), 1);
    }
}

#[tokio::test]
async fn a_create_that_is_repeated_or_rolled_back_leaves_one_event_in_all() {
    for mut case in cases().await {
        let key = Idempotency {
            subject: ADA.into(),
            mutation: "createTask",
            key: "k".into(),
            input_hash: "h".into(),
        };

        // Those who lose the race have written task and event before the key is refused to them.
        for creation in join_all((0..10).map(|_| case.ours.create_task(named("Once"), Some(&key), ADA))).await
        {
            assert!(matches!(creation.unwrap(), TaskCreation::Created(Some(_))));
        }

        let told = case.hears().await;
        assert_eq!(told.len(), 1);
        assert_eq!(case.history(told[0].task_id, WHOLE).await.rows, told);
    }
}

#[tokio::test]
async fn removing_somebody_is_one_event_of_each_of_their_tasks() {
    for mut case in cases().await {
        let (gone, heir) = (case.arrives("auth0|gone").await, case.arrives("auth0|heir").await);
        for (tasks, next) in
            [(TasksOnRemoval::Reassign(heir), Some(heir)), (TasksOnRemoval::KeepUnassigned, None)]
        {
            let who = case.arrives(&format!("auth0|{}", Uuid::new_v4())).await;
            let both = NewTask { owner_id: Some(who), assignee_id: Some(who), ..named("Both") };
            let assigned = NewTask { owner_id: Some(gone), assignee_id: Some(who), ..named("Assigned") };
            let other = NewTask { owner_id: Some(gone), ..named("Other") };
            let (both, assigned) = (case.creates(both).await, case.creates(assigned).await);
            case.creates(other).await;
            case.hears().await;

            case.ours.begin_removal(who, tasks, false, ADA).await.unwrap();

            let told = case.hears().await;
            let after = |event: &Model| {
                let after = event.after.clone().unwrap();
                (event.task_id, event.kind, event.version, after.owner_id, after.assignee_id)
            };
            assert_eq!(
                told.iter().map(after).collect::<Vec<_>>(),
                [(both.id, Kind::Updated, 2, next, next), (assigned.id, Kind::Updated, 2, Some(gone), next)]
            );
            let row = case.ours.find_task(both.id).await.unwrap().unwrap();
            assert_eq!((row.version, row.owner_id, row.assignee_id), (2, next, next));
        }
    }
}

#[tokio::test]
async fn any_number_of_tasks_change_hands() {
    for mut case in cases().await {
        let gone = case.arrives("auth0|gone").await;
        for _ in 0..501 {
            case.creates(NewTask { owner_id: Some(gone), ..named("One of many") }).await;
        }
        case.hears().await;

        case.ours.begin_removal(gone, TasksOnRemoval::KeepUnassigned, false, ADA).await.unwrap();

        assert_eq!(case.hears().await.len(), 501);
    }
}

#[tokio::test]
async fn the_pages_of_histories_are_read_together_and_joined_are_whole() {
    for case in cases().await {
        let tasks = [case.creates(named("A")).await.id, case.creates(named("B")).await.id];
        for n in 0..6 {
            let patch = titled(&format!("A {n}"));
            case.ours.update_task(tasks[0], patch, Expected::default(), ADA).await.unwrap();
        }
        let versions = |page: &Page<Model>| page.rows.iter().map(|event| event.version).collect::<Vec<_>>();

        let first = case.ours.histories(&tasks, HistoryRequest { limit: 3, before: None }).await.unwrap();
        let [a, b] = tasks.map(|task| &first[&task]);
        assert_eq!((versions(a), a.has_next, a.has_previous), (vec![7, 6, 5], true, false));
        assert_eq!((versions(b), b.has_next), (vec![1], false));
        let rest = case.history(tasks[0], HistoryRequest { limit: 4, before: Some(5) }).await;
        assert_eq!((versions(&rest), rest.has_next, rest.has_previous), (vec![4, 3, 2, 1], false, true));
        let nothing = case.history(tasks[0], HistoryRequest { limit: 0, before: None }).await;
        assert_eq!((nothing.rows.len(), nothing.has_next), (0, true));

        let theirs = case.store.tenant("org_theirs").histories(&tasks, WHOLE).await.unwrap();
        assert!(theirs.values().all(|page| page.rows.is_empty()), "another tenant's history is not there");
    }
}
