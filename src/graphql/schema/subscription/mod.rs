//! What clients are told without asking again. The guard decides whether a subscription may begin; from then on two
//! pumps serve everybody who is subscribed on this node: [`pump`] decides each event, [`recheck`] asks again who may
//! still be told anything.

mod board;
mod change;
mod events;
mod narrowed;
mod pump;
mod reader;
mod recheck;
pub(in crate::graphql) mod single_field;
mod verdicts;

use std::sync::Arc;

use async_graphql::{Context, Result, Subscription};
use futures_util::Stream;
use tokio::task::JoinSet;

pub(in crate::graphql) use change::TaskChangeKind;
pub(in crate::graphql) use events::{Event, Events};

use self::{
    board::Board,
    change::{PermissionsChange, TaskChange},
    events::Begun,
    reader::{permission_changes, task_changes},
};
use super::task::TaskFilter;
use crate::graphql::{
    Config, Services,
    authorization::{
        decisions::Pool,
        directives::{Scope, requires, signed_in},
        guard::permitted,
    },
};

/// Being told.
pub(in crate::graphql) struct Subscription;

/// What clients are told as it happens. An operation has exactly one field.
#[Subscription(guard = permitted("Subscription"))]
impl Subscription {
    /// Tells of tasks that are created, changed or deleted, as far as the caller may read them at that moment; also of
    /// a change that takes a task out of the filter. Ends with an error when the caller may not read tasks any more.
    #[graphql(directive = requires::apply("task", "get", Scope::Tenant))]
    async fn task_changed(
        &self,
        ctx: &Context<'_>,
        filter: Option<TaskFilter>,
    ) -> Result<impl Stream<Item = Result<TaskChange>>> {
        let changes = task_changes(ctx, filter.unwrap_or_default().query(None)?)?;
        Begun::note(ctx);
        Ok(changes)
    }

    /// Tells the caller's permissions each time they change; not when the subscription begins.
    #[graphql(directive = signed_in::apply())]
    async fn viewer_permissions_changed(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<PermissionsChange>>> {
        let changes = permission_changes(ctx).await?;
        Begun::note(ctx);
        Ok(changes)
    }
}

/// What serves the subscribers of this node; it ends when this is dropped.
pub(in crate::graphql) struct Pumps {
    pub(in crate::graphql) board: Arc<Board>,
    pub(in crate::graphql) pool: Pool,
    _running: JoinSet<()>,
}

impl Pumps {
    /// Starts them, for which a runtime is needed.
    pub(in crate::graphql) fn start(services: &Arc<Services>, config: Config) -> Self {
        let board = Arc::new(Board::default());
        let (pool, asking) = Pool::new(services.pdp.clone());
        let desk = Arc::new(Desk { services: services.clone(), board: board.clone(), config });
        let mut running = JoinSet::new();
        running.spawn(asking);
        running.spawn(pump::run(desk.clone(), services.hub.listen()));
        running.spawn(recheck::run(desk, services.hub.listen()));
        Self { board, pool, _running: running }
    }
}

/// What the pumps work with.
struct Desk {
    services: Arc<Services>,
    board: Arc<Board>,
    config: Config,
}
