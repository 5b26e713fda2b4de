//! The published limit of `/userinfo` on a free tenant: ten calls of a user at once, then five a minute.
//!
//! Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use axum::http::{HeaderName, HeaderValue};

use super::tokens;

/// Calls that may be made at once.
const BURST: u32 = 10;
/// After this long there is one more.
const REFILL: Duration = Duration::from_secs(12);

/// When each user will have all calls again.
#[derive(Debug, Default)]
pub(super) struct Allowances(HashMap<String, Instant>);

/// What is left to a user after a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) admitted: bool,
    remaining: u32,
    /// Until there is one more.
    wait: Duration,
}

impl Allowances {
    /// Counts a call. One that is not admitted costs nothing.
    pub(super) fn call(&mut self, subject: &str) -> Allowance {
        let now = Instant::now();
        self.0.retain(|_, full_at| *full_at > now);
        let before = self.0.get(subject).map_or(Duration::ZERO, |full_at| full_at.duration_since(now));
        let admitted = before + REFILL <= REFILL * BURST;
        let owed = if admitted { before + REFILL } else { before };
        self.0.insert(subject.to_owned(), now + owed);
        let remaining = (1..BURST).rev().find(|more| owed + REFILL * *more <= REFILL * BURST).unwrap_or(0);
        Allowance { admitted, remaining, wait: owed.saturating_sub(REFILL * (BURST - 1 - remaining)) }
    }
}

impl Allowance {
    /// Auth0's headers; the reset is a moment.
    pub(super) fn headers(self) -> [(HeaderName, HeaderValue); 3] {
        let reset = tokens::unix_now() + self.wait.as_secs() + 1;
        [("limit", u64::from(BURST)), ("remaining", self.remaining.into()), ("reset", reset)].map(
            |(name, value)| {
                let name = format!("x-ratelimit-{name}");
                (HeaderName::try_from(name).expect("letters and hyphens"), HeaderValue::from(value))
            },
        )
    }
}
