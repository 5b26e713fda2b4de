//! Any object by its global id (Relay's object identification). The permission is that of the type behind the id:
//! the verdict is the same as that of `task(id:)` or `user(id:)`, except that a refusal is simply `null`.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Object, Result};
use uuid::Uuid;

use super::{
    context::{ContextExt as _, Operation},
    decisions::Undecided,
    directives::signed_in,
    error::ApiError,
    guard::permitted,
    id::{GlobalId, NodeKind},
    task::Task,
    user::User,
};

/// Most ids that `nodes` takes.
const MAX_IDS: usize = 100;

/// An object with a global id.
#[derive(Interface, Debug, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique and stable."))]
pub(super) enum Node {
    Task(Task),
    User(User),
}

#[derive(Default)]
pub(super) struct NodeQuery;

#[Object(guard = permitted("Query"))]
impl NodeQuery {
    /// The object with this id; null when it does not exist or the caller may not read it.
    #[graphql(directive = signed_in::apply())]
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        Ok(load(ctx.operation()?, vec![read(&id, "id")?]).await?.pop().flatten())
    }

    /// The objects with these ids, in order; null for those that do not exist or that the caller may not read.
    /// At most 100.
    #[graphql(directive = signed_in::apply())]
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_IDS {
            return Err(ApiError::bad_input("ids", format!("At most {MAX_IDS} ids at once.")).into());
        }
        let ids = ids.iter().map(|id| read(id, "ids")).collect::<Result<_, _>>()?;
        Ok(load(ctx.operation()?, ids).await?)
    }
}

fn read(id: &ID, field: &str) -> Result<GlobalId, ApiError> {
    GlobalId::decode(id).ok_or_else(|| ApiError::bad_input(field, "This is not an id of this API."))
}

async fn load(operation: &Operation, ids: Vec<GlobalId>) -> Result<Vec<Option<Node>>, ApiError> {
    let caller = operation.signed_in()?;
    let mut wanted: HashMap<NodeKind, Vec<Uuid>> = HashMap::new();
    for id in &ids {
        wanted.entry(id.kind).or_default().push(id.uuid);
    }
    let kinds: Vec<NodeKind> = wanted.keys().copied().collect();
    let checks = kinds.iter().map(|kind| caller.check(kind.noun(), "get")).collect();
    let verdicts = operation.decisions.ask(checks).await;
    let mut found: HashMap<Uuid, Node> = HashMap::new();
    for (kind, verdict) in kinds.into_iter().zip(verdicts) {
        if !verdict.map_err(|undecided: Undecided| ApiError::Undecided(undecided))?.allows() {
            continue;
        }
        let uuids = wanted.remove(&kind).unwrap_or_default();
        match kind {
            NodeKind::Task => {
                let tasks = caller.store.find_tasks(uuids).await?;
                found.extend(tasks.into_iter().map(|task| (task.id, Node::Task(Task(task)))));
            }
            NodeKind::User => {
                let users = caller.store.find_users(uuids).await?;
                found.extend(users.into_iter().map(|user| (user.id, Node::User(User(user)))));
            }
        }
    }
    Ok(ids.iter().map(|id| found.get(&id.uuid).cloned().filter(|node| node.kind() == id.kind)).collect())
}

impl Node {
    fn kind(&self) -> NodeKind {
        match self {
            Self::Task(_) => NodeKind::Task,
            Self::User(_) => NodeKind::User,
        }
    }
}
