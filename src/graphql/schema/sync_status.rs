//! How far Permit is in step with a user.

use async_graphql::{Enum, SimpleObject};
use time::OffsetDateTime;

use crate::{
    graphql::{
        execution::{context::SignedIn, error::ApiError},
        instant,
    },
    store::ItemState,
};

/// How far Permit is in step with a user.
#[derive(SimpleObject, Debug)]
pub(super) struct SyncStatus {
    /// How far it is.
    state: SyncState,
    /// How long the oldest thing that Permit was not told yet is waiting, in milliseconds; null when there is none.
    lag_ms: Option<i32>,
    /// When Permit was last told everything; null before the first time.
    last_synced_at: Option<OffsetDateTime>,
}

/// Whether Permit was told everything about a user.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
enum SyncState {
    /// There was never anything to tell: the caller neither called `login` nor was created by an administrator.
    Never,
    /// Something is still to be told; it is done by itself.
    Pending,
    /// Permit was told everything.
    InSync,
    /// Something could not be told for too long; an operator has to look.
    Failed,
}

pub(super) async fn status(caller: &SignedIn) -> Result<SyncStatus, ApiError> {
    let Some(row) = caller.row().await? else {
        return Ok(SyncStatus { state: SyncState::Never, lag_ms: None, last_synced_at: None });
    };
    let unfinished = caller.store.unfinished_of(&row.subject).await?;
    let state = if unfinished.iter().any(|item| item.state == ItemState::Pending) {
        SyncState::Pending
    } else if unfinished.is_empty() {
        SyncState::InSync
    } else {
        SyncState::Failed
    };
    let now = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    let oldest = unfinished.first().map(|item| (now - item.created_at).max(0) / 1_000);
    Ok(SyncStatus {
        state,
        lag_ms: oldest.map(|millis| i32::try_from(millis).unwrap_or(i32::MAX)),
        last_synced_at: row.synced_at.map(instant).transpose()?,
    })
}
