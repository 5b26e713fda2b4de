//! Buckets of one kind, by key.

use std::{
    borrow::{Borrow, ToOwned},
    hash::Hash,
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::sync::Cache;

use super::{Balance, Rate};

/// Buckets that are remembered, some twenty megabytes.
const MAX_BUCKETS: u64 = 50_000;

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// Not the library's own map of keys, which has no bound.
pub(super) struct Buckets<Key> {
    rate: Rate,
    quota: Quota,
    clock: DefaultClock,
    known: Cache<Key, Arc<Bucket>>,
}

impl<Key: Hash + Eq + Send + Sync + 'static> Buckets<Key> {
    /// `None`: no limit.
    pub(super) fn new(rate: Rate) -> Option<Self> {
        let points = NonZeroU32::new(rate.points)?;
        let per_second = NonZeroU32::new(rate.points_per_second).unwrap_or(NonZeroU32::MIN);
        let rate = Rate { points_per_second: per_second.get(), ..rate };
        let filled = time(rate.points, rate);
        let known = Cache::builder().max_capacity(MAX_BUCKETS).time_to_idle(filled).build();
        let quota = Quota::per_second(per_second).allow_burst(points);
        Some(Self { rate, quota, clock: DefaultClock::default(), known })
    }

    /// What is left; or how long it takes until there is enough.
    pub(super) fn charge<Q>(&self, key: &Q, points: u32) -> Result<Balance, Duration>
    where
        Key: Borrow<Q>,
        Q: ToOwned<Owned = Key> + Hash + Eq + ?Sized,
    {
        let bucket = self.known.get_with_by_ref(key, || {
            Arc::new(RateLimiter::direct(self.quota).with_middleware::<StateInformationMiddleware>())
        });
        let charged = bucket.check_n(NonZeroU32::new(points).unwrap_or(NonZeroU32::MIN));
        let left = charged.map_err(|_| time(points, self.rate))?;
        let left = left.map_err(|not_until| not_until.wait_time_from(self.clock.now()))?;
        let (limit, points_per_second) = (self.rate.points, self.rate.points_per_second);
        Ok(Balance { limit, remaining: left.remaining_burst_capacity(), points_per_second })
    }
}

/// How long it takes until `points` have come.
fn time(points: u32, rate: Rate) -> Duration {
    Duration::from_secs_f64(f64::from(points) / f64::from(rate.points_per_second))
}
