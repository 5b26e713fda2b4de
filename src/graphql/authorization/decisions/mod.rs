//! The decisions of one operation: every check that is pending at the same time goes to the PDP as one bulk call.
//!
//! The loader yields twice inside the operation's own task before it asks, which is enough for every sibling field
//! to add its check, and costs no timer. Equal checks of an operation are one question. What fields further down will
//! ask, as far as the document tells, goes along with the first batch, so that a page is one call and not one for each
//! of its levels. No answer is never an allow: it is an error of its own.

mod pool;
mod snapshot;
mod tally;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use dataloader::{BatchFn, cached::Loader};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Shared, WeakShared, join, join_all},
    stream::FuturesUnordered,
};
use uuid::Uuid;

pub(in crate::graphql) use self::{
    pool::Pool,
    snapshot::{CallerSnapshot, Snapshots},
    tally::Receipt,
};

use self::tally::Tally;
use super::trail::Trail;
use crate::permit::{Answers, Check, Decision, DenyCode, Freshness, Pdp, PermitError};

/// Different questions that one operation may ask.
pub(in crate::graphql) const MAX_CHECKS: u64 = 2_000;

/// The answer to one check, and the name under which the log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) struct Verdict {
    pub(in crate::graphql) decision: Decision,
    pub(in crate::graphql) id: Uuid,
}

/// Why a check has no answer.
#[derive(Debug, Clone)]
pub(in crate::graphql) enum Undecided {
    Permit(PermitError),
    /// The operation asks so many different questions, more than [`MAX_CHECKS`].
    TooMany {
        asked: u64,
    },
}

type Answer = Result<Verdict, Undecided>;

/// Who is asked.
#[derive(Clone)]
pub(in crate::graphql) enum Source {
    /// The PDP, for this operation alone.
    Pdp(Pdp, Freshness),
    /// The snapshot of the caller, and the PDP about the rest.
    Snapshot(CallerSnapshot),
    /// The PDP, together with other operations.
    Pool(Pool),
}

impl Source {
    async fn decide(&self, checks: &[Check]) -> Answers {
        match self {
            Self::Pdp(pdp, freshness) => pdp.decide(checks, *freshness).await,
            Self::Snapshot(snapshot) => snapshot.pdp().decide(checks, Freshness::AnyAge).await,
            Self::Pool(pool) => pool.decide(checks).await,
        }
    }
}

struct PdpBatch {
    source: Source,
    tally: Arc<Tally>,
    trail: Option<Arc<Trail>>,
}

impl BatchFn<Check, Answer> for PdpBatch {
    async fn load(&mut self, checks: &[Check]) -> HashMap<Check, Answer> {
        let asked = self.tally.questions().saturating_add(checks.len() as u64);
        if asked > MAX_CHECKS {
            // A part of the batch would answer some fields and not others, by chance.
            let refused: HashMap<Check, Answer> =
                checks.iter().map(|check| (check.clone(), Err(Undecided::TooMany { asked }))).collect();
            refused.values().for_each(count);
            return refused;
        }
        let started = Instant::now();
        let mut answers = self.allowed_by_snapshot(checks).await;
        let open: Vec<Check> = checks.iter().filter(|check| !answers.contains_key(check)).cloned().collect();
        let told = self.source.decide(&open).await;
        self.tally.count_batch(checks.len(), told.remote_calls, started);
        let verdicts = told.decisions.into_iter().map(|decision| {
            decision.map(|decision| Verdict { decision, id: Uuid::now_v7() }).map_err(Undecided::Permit)
        });
        let verdicts: Vec<Answer> = verdicts.collect();
        if let Some(trail) = &self.trail {
            trail.record(&open, &verdicts);
        }
        answers.extend(open.into_iter().zip(verdicts));
        answers.values().for_each(count);
        answers
    }
}

impl PdpBatch {
    /// What the caller's snapshot allows.
    async fn allowed_by_snapshot(&self, checks: &[Check]) -> HashMap<Check, Answer> {
        let Source::Snapshot(caller) = &self.source else { return HashMap::new() };
        let Some((snapshot, remote_calls)) = caller.find(checks).await else { return HashMap::new() };
        let allowed: HashMap<Check, Answer> = checks
            .iter()
            .filter(|check| caller.allows(&snapshot, check))
            .map(|check| (check.clone(), Ok(Verdict { decision: Decision::Allow, id: Uuid::now_v7() })))
            .collect();
        self.tally.count_from_snapshot(allowed.len(), remote_calls, snapshot.age());
        allowed
    }
}

/// The decisions of one operation.
pub(in crate::graphql) struct Decisions {
    source: Source,
    loader: Loader<Check, Answer, PdpBatch>,
    questions: Arc<Mutex<Questions>>,
    tally: Arc<Tally>,
}

/// What an operation asked so far, and what it will ask.
#[derive(Default)]
struct Questions {
    answered: HashMap<Check, Answer>,
    /// One question to the loader for each different check, however many fields wait for it: rows that share a check
    /// would otherwise queue for the loader one by one. Held weakly: a question that nobody waits for any more must
    /// let go of the loader, or the other questions of the batch that it leads would wait for ever.
    asked: HashMap<Check, WeakShared<Pending>>,
    /// Goes along with the first question.
    foreseen: Vec<Check>,
}

type Pending = BoxFuture<'static, Answer>;

impl Decisions {
    /// Every verdict leaves its trace on `trail`; without a caller there is neither.
    pub(in crate::graphql) fn new(source: Source, trail: Option<Arc<Trail>>) -> Self {
        let tally = Arc::new(Tally::default());
        let batch = PdpBatch { source: source.clone(), tally: tally.clone(), trail };
        // The client splits what a single request cannot carry; the loader must not split before it.
        let loader = Loader::new(batch).with_yield_count(2).with_max_batch_size(usize::MAX);
        Self { source, loader, questions: Arc::default(), tally }
    }

    /// The same, which will ask `checks` too unless it asks nothing at all.
    pub(in crate::graphql) fn foreseeing(self, checks: Vec<Check>) -> Self {
        self.questions().foreseen = checks;
        self
    }

    /// Decisions of the same source, of which none is made yet.
    pub(in crate::graphql) fn afresh(&self, trail: Option<Arc<Trail>>) -> Self {
        Self::new(self.source.clone(), trail)
    }

    /// The verdicts on `checks`, in order, in one wave with whatever else is pending.
    pub(in crate::graphql) async fn ask(&self, checks: &[Check]) -> Vec<Answer> {
        self.tally.count_asked(checks.len());
        let (own, foreseen): (Vec<Shared<Pending>>, Vec<Shared<Pending>>) = {
            let mut questions = self.questions();
            if let Some(answers) = questions.answers(checks) {
                return answers;
            }
            let foreseen = std::mem::take(&mut questions.foreseen);
            let mut asked =
                |checks: &[Check]| checks.iter().map(|check| self.question(&mut questions, check)).collect();
            (asked(checks), asked(&foreseen))
        };
        join(join_all(own), join_all(foreseen)).await.0
    }

    fn question(&self, questions: &mut Questions, check: &Check) -> Shared<Pending> {
        if let Some(question) = questions.asked.get(check).and_then(WeakShared::upgrade) {
            return question;
        }
        // Polled only when it was woken: each waiter's own poll would count as one of the loader's yields, and the
        // batch would leave before later fields had joined it.
        let mut asking = FuturesUnordered::from_iter([ask_loader(self.loader.clone(), check.clone())]);
        let (all, asked) = (self.questions.clone(), check.clone());
        let question = async move {
            let answer = asking.next().await.unwrap_or_else(unanswered);
            lock(&all).answered.insert(asked, answer.clone());
            answer
        };
        let question = question.boxed().shared();
        // Nobody has polled it, so it is not complete and can be held weakly.
        questions.asked.extend(question.downgrade().map(|weak| (check.clone(), weak)));
        question
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        lock(&self.questions)
    }

    /// Forgets every answer: what follows is asked afresh.
    pub(in crate::graphql) async fn forget(&self) {
        *self.questions() = Questions::default();
        self.loader.clear_all().await;
    }

    /// A verdict was handed out once more.
    pub(in crate::graphql) fn count_repeated(&self) {
        self.tally.count_asked(1);
    }

    pub(in crate::graphql) fn receipt(&self) -> Receipt {
        self.tally.receipt()
    }
}

fn lock(questions: &Mutex<Questions>) -> MutexGuard<'_, Questions> {
    questions.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Questions {
    /// The answers to `checks`, in order, if all of them are known.
    fn answers(&self, checks: &[Check]) -> Option<Vec<Answer>> {
        checks.iter().map(|check| self.answered.get(check).cloned()).collect()
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

/// For the metrics. Why the PDP denied is known only if it says so.
fn count(answer: &Answer) {
    let (outcome, cause) = match answer {
        Ok(verdict) if verdict.allows() => ("allow", "OK"),
        Ok(verdict) => ("deny", verdict.deny_code().map_or("UNKNOWN", DenyCode::code)),
        Err(Undecided::Permit(error)) => ("undecided", error.cause().code()),
        Err(Undecided::TooMany { .. }) => ("undecided", "TOO_MANY_CHECKS"),
    };
    metrics::counter!("decisions_total", "outcome" => outcome, "cause" => cause).increment(1);
}

fn unanswered() -> Answer {
    Err(Undecided::Permit(PermitError::Incomplete { asked: 1, got: 0 }))
}

impl Verdict {
    pub(in crate::graphql) fn allows(self) -> bool {
        self.decision.is_allow()
    }

    /// What the PDP itself said about a denial, as one of the known codes.
    pub(in crate::graphql) fn deny_code(self) -> Option<DenyCode> {
        match self.decision {
            Decision::Allow => None,
            Decision::Deny { code } => code,
        }
    }
}

#[cfg(test)]
mod tests;
