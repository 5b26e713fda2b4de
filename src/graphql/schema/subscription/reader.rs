//! The side of one subscriber: enters the board, and reads the mailbox until the last word.

use std::sync::{Arc, Mutex};

use async_graphql::{Context, Error, Result};
use futures_util::{Stream, stream};

use super::{
    board::{Board, End, LETTERS, PermissionWatch, TaskLetter, TaskWatch},
    change::{PermissionsChange, TaskChange},
};
use crate::{
    events::{Mailbox, Post, mailbox},
    graphql::{
        authorization::{guard, object_rules::Ruling},
        execution::{
            context::{ContextExt as _, Operation},
            error::ApiError,
        },
        schema::permission::held,
    },
    store::TaskListQuery,
};

/// What happens to the tasks that `query` describes.
pub(super) fn task_changes(
    ctx: &Context<'_>,
    query: TaskListQuery,
) -> Result<impl Stream<Item = Result<TaskChange>> + use<>, ApiError> {
    let caller = ctx.signed_in()?;
    let needs = guard::needs(ctx, "Subscription")?;
    let (postbox, mailbox) = mailbox(LETTERS);
    let reader = Reader { mailbox, teller: Teller::of(ctx)? };
    part::<Board>(ctx)?.watch_tasks(TaskWatch { person: caller.person(), query, needs, postbox });
    Ok(reader.read(|letter| match letter {
        TaskLetter::Change { kind, event, task } => TaskChange::new(kind, &event, task),
        TaskLetter::Withheld(why) => Err(ApiError::Missed(why)),
    }))
}

/// The caller's permissions, whenever they are others than before.
pub(super) async fn permission_changes(
    ctx: &Context<'_>,
) -> Result<impl Stream<Item = Result<PermissionsChange>> + use<>, ApiError> {
    let caller = ctx.signed_in()?;
    let manifest = ctx.rules()?.permissions();
    let manifest =
        manifest.map(|(resource, action)| caller.check(resource.to_owned(), action.to_owned())).collect();
    let (postbox, mailbox) = mailbox(LETTERS);
    let reader = Reader { mailbox, teller: Teller::of(ctx)? };
    let known = Mutex::new(held(ctx).await?);
    let watch = PermissionWatch { person: caller.person(), manifest, known, postbox };
    part::<Board>(ctx)?.watch_permissions(watch);
    Ok(reader.read(Ok))
}

/// A part of the schema's or the operation's data that outlives the call.
fn part<T: Send + Sync + 'static>(ctx: &Context<'_>) -> Result<Arc<T>, ApiError> {
    ctx.data_opt::<Arc<T>>().cloned().ok_or(ApiError::Internal("a part of the context is missing"))
}

/// Somebody who reads a mailbox.
struct Reader<T> {
    mailbox: Mailbox<T, End>,
    teller: Teller,
}

impl<T: Send + 'static> Reader<T> {
    /// What is in the mailbox, as `tell` puts it; an error for the last word.
    fn read<C: Send>(
        self,
        tell: impl Fn(T) -> Result<C, ApiError> + Copy + Send + 'static,
    ) -> impl Stream<Item = Result<C>> + Send {
        stream::unfold(Some(self), move |reader| async move {
            let mut reader = reader?;
            match reader.mailbox.next().await? {
                Post::Letter(letter) => Some((tell(letter).map_err(Error::from), Some(reader))),
                Post::Last(end) => Some((Err(reader.teller.tell(end).await.into()), None)),
            }
        })
    }
}

/// Knows why a subscription ends, as clients are told it.
struct Teller {
    operation: Arc<Operation>,
}

impl Teller {
    fn of(ctx: &Context<'_>) -> Result<Self, ApiError> {
        Ok(Self { operation: part(ctx)? })
    }

    async fn tell(&self, end: End) -> ApiError {
        match end {
            End::Removed => ApiError::Removed,
            End::Missed(why) => ApiError::Missed(why),
            End::Denied(ruling) => self.denied(&ruling).await,
        }
    }

    async fn denied(&self, ruling: &Ruling) -> ApiError {
        // What was known about the caller when they subscribed may not be why they are denied now.
        let operation = self.operation.afresh(self.operation.bill.clone());
        if let Ok(caller) = operation.signed_in() {
            // Several subscriptions may end by one verdict, which the log keeps once.
            caller.trail.record(std::slice::from_ref(&ruling.check), &[Ok(ruling.verdict)]);
        }
        operation.denial(ruling, None).await
    }
}
