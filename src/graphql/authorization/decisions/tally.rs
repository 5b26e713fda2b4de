//! What the decisions of an operation took; the client sees it as `extensions.authz`, operators see how old they were.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde::Serialize;

/// Counts while the operation runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    decisions: AtomicU64,
    distinct_checks: AtomicU64,
    from_snapshot: AtomicU64,
    remote_calls: AtomicU64,
    waves: AtomicU64,
    pdp_micros: AtomicU64,
    max_age_micros: AtomicU64,
}

/// The receipt in a response's extensions.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct Receipt {
    /// `LIVE`: every verdict was asked for by this operation. `SNAPSHOT`: some are from a snapshot.
    mode: &'static str,
    /// Verdicts handed to fields.
    pub(super) decisions: u64,
    /// Different questions.
    pub(super) distinct_checks: u64,
    /// HTTP requests to the PDP, chunks and retries included.
    remote_calls: u64,
    /// Batches, each of one or more concurrent requests.
    waves: u64,
    /// Verdicts that needed no question of their own.
    cache_hits: u64,
    /// Time spent waiting for the PDP, in milliseconds.
    pdp_ms: f64,
    /// Age of the oldest verdict used, in milliseconds.
    max_age_ms: u64,
}

impl Tally {
    /// Different questions so far.
    pub(super) fn questions(&self) -> u64 {
        self.distinct_checks.load(Relaxed)
    }

    pub(super) fn count_asked(&self, checks: usize) {
        self.decisions.fetch_add(checks as u64, Relaxed);
    }

    pub(super) fn count_batch(&self, checks: usize, remote_calls: u32, started: Instant) {
        self.distinct_checks.fetch_add(checks as u64, Relaxed);
        self.remote_calls.fetch_add(remote_calls.into(), Relaxed);
        self.waves.fetch_add(1, Relaxed);
        self.pdp_micros.fetch_add(micros(started.elapsed()), Relaxed);
    }

    /// Verdicts out of a snapshot of this age, which took so many calls.
    pub(super) fn count_from_snapshot(&self, verdicts: usize, remote_calls: u32, age: Duration) {
        self.remote_calls.fetch_add(remote_calls.into(), Relaxed);
        if verdicts > 0 {
            self.from_snapshot.fetch_add(verdicts as u64, Relaxed);
            self.max_age_micros.fetch_max(micros(age), Relaxed);
            metrics::histogram!("decision_snapshot_age_seconds").record(age);
        }
    }

    pub(super) fn receipt(&self) -> Receipt {
        let decisions = self.decisions.load(Relaxed);
        let distinct_checks = self.questions();
        let from_snapshot = self.from_snapshot.load(Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one operation fit a double exactly")]
        let pdp_ms = self.pdp_micros.load(Relaxed) as f64 / 1_000.0;
        Receipt {
            mode: if from_snapshot > 0 { "SNAPSHOT" } else { "LIVE" },
            decisions,
            distinct_checks,
            remote_calls: self.remote_calls.load(Relaxed),
            waves: self.waves.load(Relaxed),
            cache_hits: decisions.saturating_sub(distinct_checks) + from_snapshot,
            pdp_ms,
            // Rounded up: a verdict that is not of this moment is never said to be.
            max_age_ms: self.max_age_micros.load(Relaxed).div_ceil(1_000),
        }
    }
}

/// Operations that needed no decision are counted too: it is of all of them that most need one batch.
impl Drop for Tally {
    fn drop(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "a count for a graph")]
        metrics::histogram!("decision_waves").record(self.waves.load(Relaxed) as f64);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
