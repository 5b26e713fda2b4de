//! Any object by its global id (Relay's object identification). The permission is that of the type behind the id:
//! the verdict is the same as that of `task(id:)` or `user(id:)`, except that a refusal is simply `null`.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Error, ErrorExtensions as _, ID, Interface, Object, Result};
use uuid::Uuid;

use super::{
    id::{GlobalId, NO_ID, NodeKind},
    task::Task,
    user::User,
};
use crate::graphql::{
    authorization::{
        directives::signed_in,
        guard::permitted,
        object_rules::{Demand, Object, Ruling},
    },
    execution::{
        context::{ContextExt as _, Operation, SignedIn},
        error::ApiError,
    },
};

/// Most ids that `nodes` takes.
const MAX_IDS: usize = 100;

/// An object with a global id.
#[derive(Interface, Debug, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique and stable."))]
pub(in crate::graphql) enum Node {
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
        load(ctx, vec![read(&id, "id")?]).await?.pop().flatten().transpose()
    }

    /// The objects with these ids, in order; null for those that do not exist or that the caller may not read.
    /// At most 100.
    #[graphql(directive = signed_in::apply())]
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Element>> {
        if ids.len() > MAX_IDS {
            return Err(ApiError::bad_input("ids", format!("At most {MAX_IDS} ids at once.")).into());
        }
        let ids = ids.iter().map(|id| read(id, "ids")).collect::<Result<_, _>>()?;
        Ok(load(ctx, ids).await?)
    }
}

fn read(id: &ID, field: &str) -> Result<GlobalId, ApiError> {
    GlobalId::decode(id).ok_or_else(|| ApiError::bad_input(field, NO_ID))
}

/// The node behind an id; absent for what is not there, and for all but the first of those that share an error.
type Element = Option<Result<Node>>;

/// The nodes with these ids, in order. What cannot be decided or looked up costs the elements of its kind alone.
async fn load(ctx: &Context<'_>, ids: Vec<GlobalId>) -> Result<Vec<Element>, ApiError> {
    let operation = ctx.operation()?;
    let caller = operation.signed_in()?;
    let of_kind = |kind| ids.iter().filter(move |id| id.kind == kind).map(|id| id.uuid).collect::<Vec<_>>();
    let (tasks, users) = (of_kind(NodeKind::Task), of_kind(NodeKind::User));
    let counts = HashMap::from([(NodeKind::Task, tasks.len()), (NodeKind::User, users.len())]);
    // Side by side, so that both ask in one batch.
    let (tasks, users) =
        tokio::join!(find_tasks(operation, caller, tasks), find_users(operation, caller, users));
    let mut found = HashMap::from([(NodeKind::Task, tasks), (NodeKind::User, users)])
        .into_iter()
        .map(|(kind, nodes)| (kind, nodes.map_err(|error| Some(shared(error, counts[&kind])))))
        .collect::<HashMap<_, _>>();
    let element = |id: GlobalId| match found.get_mut(&id.kind)? {
        Ok(nodes) => nodes.get(&id.uuid).cloned().map(Ok),
        Err(error) => error.take().map(Err),
    };
    Ok(ids.into_iter().map(element).collect())
}

/// One error for `count` elements, as everywhere.
fn shared(error: ApiError, count: usize) -> Error {
    let error = Error::from(error);
    if count > 1 { error.extend_with(|_, e| e.set("count", count)) } else { error }
}

async fn may(operation: &Operation, resource: &'static str) -> Result<bool, ApiError> {
    let rulings = operation.decide(&[Demand::new(resource, "get", None)]).await?;
    Ok(rulings.iter().all(Ruling::allows))
}

/// The tasks among `ids` that the caller may read: all of them, or those that object rules allow one by one.
async fn find_tasks(
    operation: &Operation,
    caller: &SignedIn,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Node>, ApiError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let all = may(operation, "task").await?;
    if !all && !operation.object_rules {
        return Ok(HashMap::new());
    }
    let ids = if all { ids } else { readable(operation, ids).await? };
    let tasks = caller.store.find_tasks(ids).await?.into_iter();
    Ok(tasks.map(|task| (task.id, Node::Task(Task(Arc::new(task))))).collect())
}

/// Those of the tasks that object rules allow. What is not there is asked about like what is hidden.
async fn readable(operation: &Operation, ids: Vec<Uuid>) -> Result<Vec<Uuid>, ApiError> {
    let demand = |id: &Uuid| Demand::new("task", "get", Some(Object::Id(*id)));
    let rulings = operation.decide(&ids.iter().map(demand).collect::<Vec<_>>()).await?;
    Ok(ids.into_iter().zip(rulings).filter_map(|(id, ruling)| ruling.allows().then_some(id)).collect())
}

async fn find_users(
    operation: &Operation,
    caller: &SignedIn,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Node>, ApiError> {
    if ids.is_empty() || !may(operation, "user").await? {
        return Ok(HashMap::new());
    }
    let users = caller.store.find_users(ids).await?;
    Ok(users.into_iter().map(|user| (user.id, Node::User(User(user)))).collect())
}
