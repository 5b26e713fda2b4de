//! The decisions of one operation: every check that is pending at the same time goes to the PDP as one bulk call.
//!
//! The loader yields twice inside the operation's own task before it asks, which is enough for every sibling field
//! to add its check, and costs no timer. Equal checks of an operation are one question. No answer is never an
//! allow: it is an error of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use dataloader::{BatchFn, cached::Loader};
use serde::Serialize;
use uuid::Uuid;

use crate::permit::{Check, Decision, DenyCode, Freshness, Pdp, PermitError};

/// Different questions that one operation may ask.
pub(super) const MAX_CHECKS: u64 = 2_000;

/// The answer to one check, and the name under which the log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) decision: Decision,
    pub(super) id: Uuid,
}

/// Why a check has no answer.
#[derive(Debug, Clone)]
pub(super) enum Undecided {
    Permit(PermitError),
    /// The operation asks more than [`MAX_CHECKS`] questions.
    TooMany,
}

type Answer = Result<Verdict, Undecided>;

/// What the decisions of an operation took; the client sees it as `extensions.authz`.
#[derive(Debug, Default)]
struct Tally {
    decisions: AtomicU64,
    distinct_checks: AtomicU64,
    remote_calls: AtomicU64,
    waves: AtomicU64,
    pdp_micros: AtomicU64,
}

/// The receipt in a response's extensions.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    /// `LIVE`: every verdict was asked for by this operation.
    mode: &'static str,
    /// Verdicts handed to fields.
    decisions: u64,
    /// Different questions.
    distinct_checks: u64,
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

struct PdpBatch {
    pdp: Pdp,
    freshness: Freshness,
    tally: Arc<Tally>,
}

impl BatchFn<Check, Answer> for PdpBatch {
    async fn load(&mut self, checks: &[Check]) -> HashMap<Check, Answer> {
        let room = MAX_CHECKS.saturating_sub(self.tally.distinct_checks.load(Relaxed));
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(checks.len());
        let (asked, refused) = checks.split_at(room);
        let mut answers: HashMap<Check, Answer> =
            refused.iter().map(|check| (check.clone(), Err(Undecided::TooMany))).collect();
        if asked.is_empty() {
            return answers;
        }
        let started = Instant::now();
        let told = self.pdp.decide(asked, self.freshness).await;
        self.tally.count(asked.len(), told.remote_calls, started);
        answers.extend(asked.iter().cloned().zip(told.decisions.into_iter().map(|decision| {
            decision.map(|decision| Verdict { decision, id: Uuid::now_v7() }).map_err(Undecided::Permit)
        })));
        answers
    }
}

impl Tally {
    fn count(&self, checks: usize, remote_calls: u32, started: Instant) {
        self.distinct_checks.fetch_add(checks as u64, Relaxed);
        self.remote_calls.fetch_add(remote_calls.into(), Relaxed);
        self.waves.fetch_add(1, Relaxed);
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.pdp_micros.fetch_add(micros, Relaxed);
    }

    fn receipt(&self) -> Receipt {
        let decisions = self.decisions.load(Relaxed);
        let distinct_checks = self.distinct_checks.load(Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "microseconds of one operation fit a double exactly")]
        let pdp_ms = self.pdp_micros.load(Relaxed) as f64 / 1_000.0;
        Receipt {
            mode: "LIVE",
            decisions,
            distinct_checks,
            remote_calls: self.remote_calls.load(Relaxed),
            waves: self.waves.load(Relaxed),
            cache_hits: decisions.saturating_sub(distinct_checks),
            pdp_ms,
            max_age_ms: 0,
        }
    }
}

/// The decisions of one operation.
pub(super) struct Decisions {
    loader: Loader<Check, Answer, PdpBatch>,
    tally: Arc<Tally>,
}

impl Decisions {
    pub(super) fn new(pdp: Pdp, freshness: Freshness) -> Self {
        let tally = Arc::new(Tally::default());
        let batch = PdpBatch { pdp, freshness, tally: tally.clone() };
        // The client splits what a single request cannot carry; the loader must not split before it.
        let loader = Loader::new(batch).with_yield_count(2).with_max_batch_size(usize::MAX);
        Self { loader, tally }
    }

    /// The verdicts on `checks`, in order, in one wave with whatever else is pending.
    pub(super) async fn ask(&self, checks: Vec<Check>) -> Vec<Answer> {
        self.tally.decisions.fetch_add(checks.len() as u64, Relaxed);
        // Nothing is lost by asking again: an error means that the field which led the batch was cancelled.
        for _ in 0..3 {
            if let Ok(answers) = self.loader.try_load_many(checks.clone()).await {
                return checks
                    .iter()
                    .map(|check| answers.get(check).cloned().unwrap_or_else(unanswered))
                    .collect();
            }
        }
        checks.iter().map(|_| unanswered()).collect()
    }

    /// Forgets every answer: what follows is asked afresh.
    pub(super) async fn forget(&self) {
        self.loader.clear_all().await;
    }

    pub(super) fn receipt(&self) -> Receipt {
        self.tally.receipt()
    }
}

fn unanswered() -> Answer {
    Err(Undecided::Permit(PermitError::Incomplete { asked: 1, got: 0 }))
}

impl Verdict {
    pub(super) fn allows(self) -> bool {
        self.decision.is_allow()
    }

    /// What the PDP itself said about a denial, as one of the known codes.
    pub(super) fn deny_code(self) -> Option<DenyCode> {
        match self.decision {
            Decision::Allow => None,
            Decision::Deny { code } => code,
        }
    }
}
