//! What the caller may still spend, for clients that spread their work. Each answer tells it too, in `extensions.cost`.

use async_graphql::{Context, Object, Result, SimpleObject};
use time::OffsetDateTime;

use crate::graphql::{
    authorization::{directives::signed_in, guard::permitted},
    execution::context::ContextExt as _,
};

/// The caller's bucket of points at this node, from which every operation is paid.
#[derive(SimpleObject)]
pub(super) struct RateLimit {
    /// Points in a full bucket.
    limit: u32,
    /// Points that are left, this operation paid.
    remaining: u32,
    /// Points that come back each second.
    restore_rate: u32,
    /// When the bucket is full again, if nothing more is asked.
    reset_at: OffsetDateTime,
}

#[derive(Default)]
pub(super) struct RateLimitQuery;

#[Object(guard = permitted("Query"))]
impl RateLimitQuery {
    /// What the caller may still spend; null where nothing is limited. Each node of the server counts by itself.
    #[graphql(directive = signed_in::apply())]
    async fn rate_limit(&self, ctx: &Context<'_>) -> Result<Option<RateLimit>> {
        Ok(ctx.operation()?.bill.balance.map(|balance| RateLimit {
            limit: balance.limit,
            remaining: balance.remaining,
            restore_rate: balance.points_per_second,
            reset_at: OffsetDateTime::now_utc() + balance.time_to_full(),
        }))
    }
}
