//! The pace of writes. Permit counts them over a sliding minute and refuses what is too much; an evenly paced client
//! loses nothing by it, while a refused one has to find out when it may come back.
//!
//! A write waits for its turn as long as it takes: whoever cannot wait gives the call up. The limits are per
//! environment, so the default rates leave a tenth for others.

use std::{num::NonZeroU32, time::Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::Method;

use super::Family;
use crate::permit::Config;

/// Turns for writes, for those among them that delete, and for those that change the policy.
#[derive(Debug)]
pub(super) struct Pace {
    writes: DefaultDirectRateLimiter,
    deletes: DefaultDirectRateLimiter,
    schema_writes: DefaultDirectRateLimiter,
}

impl Pace {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            writes: RateLimiter::direct(quota(config.writes_per_minute)),
            deletes: RateLimiter::direct(quota(config.deletes_per_minute)),
            schema_writes: RateLimiter::direct(quota(config.schema_writes_per_minute)),
        }
    }

    /// Waits until one more write with this method may go out. Permit counts only `POST` as a change of the policy, as
    /// far as it says; other methods are paced alike, in case it means them too.
    pub(super) async fn turn(&self, method: &Method, family: Family) {
        let start = Instant::now();
        if matches!(family, Family::Schema) {
            self.schema_writes.until_ready().await;
        }
        if *method == Method::DELETE {
            self.deletes.until_ready().await;
        }
        self.writes.until_ready().await;
        metrics::histogram!("permit_api_turn_seconds").record(start.elapsed());
    }
}

/// A fifth of the minute at once, so that nobody waits in quiet times; six more, so that even the slowest pace does
/// not stop a single login half-way.
fn quota(per_minute: NonZeroU32) -> Quota {
    let burst = NonZeroU32::MIN.saturating_add(per_minute.get() / 5 + 5);
    Quota::per_minute(per_minute).allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, time::Duration};

    use governor::clock::FakeRelativeClock;

    use super::*;

    /// The most writes that fall into one minute when somebody always has more to write.
    fn busiest_minute(per_minute: NonZeroU32) -> usize {
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota(per_minute), clock.clone());
        let step = Duration::from_millis(50);
        let mut minute = VecDeque::new();
        let mut busiest = 0;
        for now in (0..).map(|n| step * n).take_while(|now| *now < Duration::from_mins(5)) {
            minute.extend(std::iter::repeat_n(
                now,
                std::iter::repeat_with(|| limiter.check()).take_while(Result::is_ok).count(),
            ));
            while minute.front().is_some_and(|then| *then + Duration::from_mins(1) <= now) {
                minute.pop_front();
            }
            busiest = busiest.max(minute.len());
            clock.advance(step);
        }
        busiest
    }

    #[test]
    fn no_minute_has_more_writes_than_permit_admits() {
        let [writes, deletes, schema_writes] =
            [Config::WRITES_PER_MINUTE, Config::DELETES_PER_MINUTE, Config::SCHEMA_WRITES_PER_MINUTE]
                .map(busiest_minute);

        assert!((260..=271).contains(&writes), "{writes} of 300");
        assert!((50..=55).contains(&deletes), "{deletes} of 60");
        assert!((30..=37).contains(&schema_writes), "{schema_writes} of 40");
    }

    #[test]
    fn even_the_slowest_pace_lets_a_login_through() {
        let limiter = RateLimiter::direct(quota(NonZeroU32::MIN));

        assert!((0..6).all(|_| limiter.check().is_ok()));
        assert!(limiter.check().is_err());
    }
}
