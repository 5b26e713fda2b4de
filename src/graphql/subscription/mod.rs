//! What clients are told without asking again. The guard decides whether a subscription may begin, and every event is
//! decided once more for everybody who would hear of it.

pub(super) mod single_field;

use std::sync::Arc;

use async_graphql::{
    Context, Data, Enum, Error, ID, Result, SimpleObject, Subscription, extensions::ExtensionContext,
};
use entity::task_event::{Kind, Model};
use futures_util::{Stream, StreamExt as _, stream};
use time::OffsetDateTime;

use super::{
    Services,
    context::{ContextExt as _, Operation},
    directives::{Scope, requires, signed_in},
    error::ApiError,
    guard::permitted,
    id::{NodeKind, global_id},
    instant,
    task::{Task, TaskFilter},
};
use crate::{
    permit::{Decision, Freshness},
    store::Signal,
};

/// Being told.
pub(super) struct Subscription;

/// Being told. Operations have exactly one field.
#[Subscription(guard = permitted("Subscription"))]
impl Subscription {
    /// Tells of tasks that are created, changed or deleted, as far as the caller may read them at that moment.
    #[graphql(directive = requires::apply("task", "get", Scope::Tenant))]
    async fn task_changed(
        &self,
        ctx: &Context<'_>,
        filter: Option<TaskFilter>,
    ) -> Result<impl Stream<Item = Result<TaskChange>>> {
        let _ = filter;
        let caller = ctx.signed_in()?;
        let (pdp, store) = (ctx.services()?.pdp.clone(), caller.store.clone());
        let check = caller.check("task", "get");
        let signals = stream::unfold(ctx.services()?.store.feed().listen(), async |mut signals| {
            signals.recv().await.ok().map(|signal| (signal, signals))
        });
        Ok(signals.filter_map(move |signal| {
            let (pdp, store, check) = (pdp.clone(), store.clone(), check.clone());
            async move {
                let Signal::Task(event) = signal else { return None };
                if event.tenant_id != *check.tenant {
                    return None;
                }
                let told = pdp.decide(&[check], Freshness::Fresh).await.decisions;
                if !told.iter().all(|decision| matches!(decision, Ok(Decision::Allow))) {
                    return None;
                }
                let task = store.find_task(event.task_id).await.map_err(ApiError::from);
                Some(task.and_then(|task| TaskChange::of(&event, task)).map_err(Error::from))
            }
        }))
    }

    /// Tells the caller's permissions whenever they are others than before.
    #[graphql(directive = signed_in::apply())]
    async fn viewer_permissions_changed(&self) -> impl Stream<Item = PermissionsChange> {
        stream::pending()
    }
}

/// Something that happened to a task.
#[derive(SimpleObject, Debug, Clone)]
pub(super) struct TaskChange {
    /// What happened.
    kind: TaskChangeKind,
    /// Id of the task.
    task_id: ID,
    /// The task as it is now; null when it is gone, or the caller may not read it any more.
    task: Option<Task>,
    /// When it happened.
    at: OffsetDateTime,
}

/// What happened to a task.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TaskChangeKind {
    /// It is new.
    Created,
    /// It was changed.
    Updated,
    /// It is gone.
    Deleted,
    /// It was changed, and from then on the caller may not read it.
    NoLongerVisible,
}

/// What the caller may do from now on.
#[derive(SimpleObject, Debug, Clone)]
pub(super) struct PermissionsChange {
    /// The permissions of this API that the caller holds, as `task:get`, sorted.
    permissions: Vec<String>,
    /// When they were found to be others than before.
    at: OffsetDateTime,
}

impl From<Kind> for TaskChangeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Created => Self::Created,
            Kind::Updated => Self::Updated,
            Kind::Deleted => Self::Deleted,
        }
    }
}

impl TaskChange {
    fn of(event: &Model, task: Option<entity::task::Model>) -> Result<Self, ApiError> {
        Ok(Self {
            kind: event.kind.into(),
            task_id: global_id(NodeKind::Task, event.task_id),
            task: task.map(|task| Task(Arc::new(task))),
            at: instant(event.at)?,
        })
    }
}

/// What the events of a subscription are executed with.
pub(super) struct Events {
    /// The operation that subscribed.
    pub(super) operation: Arc<Operation>,
}

impl Events {
    /// The operation that the next event of a subscription is executed with; `None` for a query or a mutation.
    pub(super) fn next(ctx: &ExtensionContext<'_>) -> Option<(Arc<Operation>, Data)> {
        let events = ctx.data_opt::<Self>()?;
        let operation = Arc::new(events.operation.afresh(ctx.data_opt::<Arc<Services>>()?));
        let mut data = Data::default();
        data.insert(operation.clone());
        Some((operation, data))
    }
}
