//! The decisions of one operation: every check that is pending at the same time goes to the PDP as one bulk call.
//!
//! The loader yields twice inside the operation's own task before it asks, which is enough for every sibling field
//! to add its check, and costs no timer. Equal checks of an operation are one question. No answer is never an
//! allow: it is an error of its own.

mod pool;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use dataloader::{BatchFn, cached::Loader};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Shared, WeakShared, join_all},
    stream::FuturesUnordered,
};
use serde::Serialize;
use uuid::Uuid;

pub(super) use pool::Pool;

use crate::permit::{Answers, Check, Decision, DenyCode, Freshness, Pdp, PermitError};

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
    /// The operation asks so many different questions, more than [`MAX_CHECKS`].
    TooMany {
        asked: u64,
    },
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

/// Who is asked.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The PDP, for this operation alone.
    Pdp(Pdp, Freshness),
    /// The PDP, together with other operations.
    Pool(Pool),
}

impl Source {
    async fn decide(&self, checks: &[Check]) -> Answers {
        match self {
            Self::Pdp(pdp, freshness) => pdp.decide(checks, *freshness).await,
            Self::Pool(pool) => pool.decide(checks).await,
        }
    }
}

struct PdpBatch {
    source: Source,
    tally: Arc<Tally>,
}

impl BatchFn<Check, Answer> for PdpBatch {
    async fn load(&mut self, checks: &[Check]) -> HashMap<Check, Answer> {
        let asked = self.tally.distinct_checks.load(Relaxed).saturating_add(checks.len() as u64);
        if asked > MAX_CHECKS {
            // A part of the batch would answer some fields and not others, by chance.
            let refused = || Err(Undecided::TooMany { asked });
            return checks.iter().map(|check| (check.clone(), refused())).collect();
        }
        let started = Instant::now();
        let told = self.source.decide(checks).await;
        self.tally.count(checks.len(), told.remote_calls, started);
        let verdicts = told.decisions.into_iter().map(|decision| {
            decision.map(|decision| Verdict { decision, id: Uuid::now_v7() }).map_err(Undecided::Permit)
        });
        checks.iter().cloned().zip(verdicts).collect()
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
    source: Source,
    loader: Loader<Check, Answer, PdpBatch>,
    /// One question to the loader for each different check, however many fields wait for it: rows that share a check
    /// would otherwise queue for the loader one by one. Held weakly: a question that nobody waits for any more must
    /// let go of the loader, or the other questions of the batch that it leads would wait for ever.
    asked: Mutex<Asked>,
    tally: Arc<Tally>,
}

type Pending = BoxFuture<'static, Answer>;
type Asked = HashMap<Check, WeakShared<Pending>>;

impl Decisions {
    pub(super) fn new(source: Source) -> Self {
        let tally = Arc::new(Tally::default());
        let batch = PdpBatch { source: source.clone(), tally: tally.clone() };
        // The client splits what a single request cannot carry; the loader must not split before it.
        let loader = Loader::new(batch).with_yield_count(2).with_max_batch_size(usize::MAX);
        Self { source, loader, asked: Mutex::default(), tally }
    }

    /// Decisions of the same source, of which none is made yet.
    pub(super) fn afresh(&self) -> Self {
        Self::new(self.source.clone())
    }

    /// The verdicts on `checks`, in order, in one wave with whatever else is pending.
    pub(super) async fn ask(&self, checks: Vec<Check>) -> Vec<Answer> {
        self.tally.decisions.fetch_add(checks.len() as u64, Relaxed);
        let questions: Vec<Shared<Pending>> = {
            let mut asked = self.asked();
            checks.into_iter().map(|check| self.question(&mut asked, check)).collect()
        };
        join_all(questions).await
    }

    fn question(&self, asked: &mut Asked, check: Check) -> Shared<Pending> {
        if let Some(question) = asked.get(&check).and_then(WeakShared::upgrade) {
            return question;
        }
        // Polled only when it was woken: each waiter's own poll would count as one of the loader's yields, and the
        // batch would leave before later fields had joined it.
        let mut asking = FuturesUnordered::from_iter([ask_loader(self.loader.clone(), check.clone())]);
        let question = async move { asking.next().await.unwrap_or_else(unanswered) }.boxed().shared();
        // Nobody has polled it, so it is not complete and can be held weakly.
        asked.extend(question.downgrade().map(|weak| (check, weak)));
        question
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets every answer: what follows is asked afresh.
    pub(super) async fn forget(&self) {
        self.asked().clear();
        self.loader.clear_all().await;
    }

    pub(super) fn receipt(&self) -> Receipt {
        self.tally.receipt()
    }
}

/// Nothing is lost by asking again: an error means that the question which led the batch was given up.
async fn ask_loader(loader: Loader<Check, Answer, PdpBatch>, check: Check) -> Answer {
    for _ in 0..3 {
        if let Ok(answer) = loader.try_load(check.clone()).await {
            return answer;
        }
    }
    unanswered()
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

#[cfg(test)]
mod tests;
