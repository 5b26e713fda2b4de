//! The store on SQLite, and on PostgreSQL when `TEST_DATABASE_URL` names one.

use taskgate::store::{
    Arrival, Desired, End, Entry, Expected, Idempotency, LastAdmin, NewTask, NewUser, PageRequest, SignIn,
    Source, State, Store, TaskChange, TaskCreation, TaskDeletion, TaskListQuery, TaskPatch, TasksOnRemoval,
    TenantStore, UserCreation,
};
use uuid::Uuid;

use crate::support::{Fresh, fresh_databases};

/// Who writes.
const ADA: &str = "auth0|ada";

/// A tenant on each database at hand.
async fn tenants() -> (Vec<TenantStore>, Vec<Fresh>) {
    let databases = fresh_databases().await;
    let mut tenants = Vec::new();
    for database in &databases {
        tenants.push(Store::connect(&database.config()).await.unwrap().tenant("org_ours"));
    }
    (tenants, databases)
}

fn task(title: &str) -> NewTask {
    NewTask { title: title.into(), notes: None, owner_id: None, assignee_id: None }
}

fn user(subject: &str) -> NewUser {
    NewUser { subject: subject.into(), name: Some("Ada".into()), email: None }
}

#[tokio::test]
async fn another_tenants_rows_are_not_there() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let TaskCreation::Created(Some(created)) = ours.create_task(task("ours"), None, ADA).await.unwrap()
        else {
            panic!("not created")
        };
        let page = PageRequest { limit: 10, end: End::First, after: None, before: None };
        assert_eq!(ours.list_tasks(&TaskListQuery::default(), &page).await.unwrap().rows.len(), 1);
        let query = TaskListQuery { title_contains: Some("OUR".into()), ..TaskListQuery::default() };
        assert_eq!(ours.count_tasks(&query).await.unwrap(), 1);
        let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
        let TaskChange::Done(done) = ours
            .update_task(created.id, patch, Expected { version: Some(1), relations: None }, ADA)
            .await
            .unwrap()
        else {
            panic!("not changed")
        };
        assert_eq!((done.version, done.completed_at.is_some()), (2, true));
        let gone = ours.delete_task(created.id, Expected::default(), ADA).await.unwrap();
        assert_eq!(gone, TaskDeletion::Done);
        let again = ours.delete_task(created.id, Expected::default(), ADA).await.unwrap();
        assert_eq!(again, TaskDeletion::Absent);
    }
}

fn desired() -> Desired {
    Desired { json: "{}".into(), fingerprint: "f".into() }
}

async fn arrival(tenant: &TenantStore, subject: &str) -> Arrival {
    match tenant.sign_in(user(subject), &desired(), false).await.unwrap() {
        SignIn::Known(arrival) => arrival,
        SignIn::Removed => panic!("{subject} was removed"),
    }
}

#[tokio::test]
async fn many_sign_ins_of_a_new_person_at_once_end_in_one_row_and_wait_for_one_item() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let arrivals = futures_util::future::join_all((0..20).map(|_| arrival(&ours, "auth0|ada"))).await;
        let mut ids: Vec<Uuid> = arrivals.iter().map(|arrival| arrival.user.id).collect();
        let mut items: Vec<i64> = arrivals.iter().filter_map(|arrival| arrival.work).collect();
        ids.dedup();
        items.dedup();
        assert_eq!((ids.len(), items.len()), (1, 1));
        assert_eq!(ours.count_users(None).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn changes_of_one_task_at_once_are_all_kept() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let TaskCreation::Created(Some(created)) = ours.create_task(task("t"), None, ADA).await.unwrap()
        else {
            panic!("not created")
        };
        let changes = (0..30).map(|n| {
            let patch = TaskPatch { title: Some(format!("t{n}")), ..TaskPatch::default() };
            ours.update_task(created.id, patch, Expected::default(), ADA)
        });
        for change in futures_util::future::join_all(changes).await {
            assert!(matches!(change.unwrap(), TaskChange::Done(_)));
        }
        assert_eq!(ours.find_task(created.id).await.unwrap().unwrap().version, 31);
    }
}

#[tokio::test]
async fn one_idempotency_key_sent_many_times_at_once_creates_one_task() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let key = Idempotency {
            subject: "auth0|ada".into(),
            mutation: "createTask",
            key: "k".into(),
            input_hash: "h".into(),
        };
        let creations = (0..10).map(|_| ours.create_task(task("once"), Some(&key), ADA));
        for creation in futures_util::future::join_all(creations).await {
            assert!(matches!(creation.unwrap(), TaskCreation::Created(Some(_))));
        }
        assert_eq!(ours.count_tasks(&TaskListQuery::default()).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn two_admins_who_demote_each_other_at_once_cannot_both_succeed() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let first = arrival(&ours, &unique("first")).await.user;
        let second = arrival(&ours, &unique("second")).await.user;
        for user in [&first, &second] {
            ours.change_ledger(user, |_| vec![Entry::new("admin", Source::Manual, State::Held)])
                .await
                .unwrap();
        }
        let (a, b) = tokio::join!(ours.take_role(&first, "admin"), ours.take_role(&second, "admin"));
        let refused = [a.unwrap(), b.unwrap()].iter().filter(|end| **end == Err(LastAdmin)).count();
        assert_eq!(refused, 1);
    }
}

fn unique(name: &str) -> String {
    format!("auth0|{name}-{}", Uuid::new_v4().simple())
}

#[tokio::test]
async fn one_key_for_many_new_users_at_once_creates_one_and_refuses_the_others() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let name = unique("keyed");
        let create = async |n: usize| {
            let key = Idempotency {
                subject: "auth0|admin".into(),
                mutation: "createUser",
                key: "k".into(),
                input_hash: n.to_string(),
            };
            let new = user(&format!("{name}-{n}"));
            ours.create_user(new, &desired(), &[], Some(&key), |_, work| work).await.unwrap()
        };
        let ends = futures_util::future::join_all((0..8).map(create)).await;
        let created = ends.iter().filter(|end| matches!(end, UserCreation::Created { .. })).count();
        let reused = ends.iter().filter(|end| matches!(end, UserCreation::KeyReused)).count();
        assert_eq!((created, reused), (1, 7));
    }
}

#[tokio::test]
async fn nobody_gives_a_role_to_somebody_who_was_removed_meanwhile() {
    let (tenants, _databases) = tenants().await;
    for ours in tenants {
        let gone = arrival(&ours, &unique("gone")).await.user;
        ours.begin_removal(gone.id, TasksOnRemoval::KeepUnassigned, false, ADA).await.unwrap();

        assert_eq!(ours.give_role(&gone, "viewer").await.unwrap(), None);
        assert_eq!(ours.take_role(&gone, "viewer").await.unwrap(), Ok(None));
    }
}
