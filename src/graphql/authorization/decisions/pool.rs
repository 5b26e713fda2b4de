//! Questions of many subscriptions, asked together: whatever queued while the last call was out is the next. A crowd
//! that subscribes at once, or hears of one event, costs a few calls and not one each.
//!
//! Not for queries and mutations: with one call out at a time, a request would wait for those of others.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use crate::{
    permit::{Answers, Check, Freshness, MAX_CHECKS_PER_CALL, Pdp, PermitError},
    trace::TraceContext,
};

/// Operations that may wait for their turn; the others wait to be let in.
const QUEUE: usize = 1_024;
/// Checks after which nobody else is taken along.
const ENOUGH: usize = 8 * MAX_CHECKS_PER_CALL;

/// Where questions are put. Clones share the queue.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Pool {
    queue: mpsc::Sender<Job>,
    /// Of whoever asks.
    trace: Option<TraceContext>,
}

/// The questions of one operation, and who waits for the answers.
#[derive(Debug)]
struct Job {
    checks: Vec<Check>,
    trace: Option<TraceContext>,
    answers: oneshot::Sender<Answers>,
}

impl Pool {
    /// A pool, and what asks for it as long as it is polled and anybody holds the pool.
    pub(in crate::graphql) fn new(pdp: Pdp) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, jobs) = mpsc::channel(QUEUE);
        (Self { queue, trace: None }, run(pdp, jobs))
    }

    /// The same for an operation of a trace. A call that several take part in is a part of the first one's.
    pub(in crate::graphql) fn within(&self, trace: TraceContext) -> Self {
        Self { queue: self.queue.clone(), trace: Some(trace) }
    }

    /// As [`Pdp::decide`], decided now; calls that others took part in are counted for each of them.
    pub(super) async fn decide(&self, checks: &[Check]) -> Answers {
        let (answers, told) = oneshot::channel();
        // An error here or there means that nobody asks any more.
        let _ = self.queue.send(Job { checks: checks.to_vec(), trace: self.trace, answers }).await;
        told.await.unwrap_or_else(|_| {
            let undecided = PermitError::Incomplete { asked: checks.len(), got: 0 };
            Answers { decisions: vec![Err(undecided); checks.len()], remote_calls: 0 }
        })
    }
}

async fn run(pdp: Pdp, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut jobs = vec![first];
        let mut asked: usize = jobs.iter().map(|job| job.checks.len()).sum();
        while asked < ENOUGH
            && let Ok(job) = queue.try_recv()
        {
            asked += job.checks.len();
            jobs.push(job);
        }
        answer(&pdp, jobs).await;
    }
}

async fn answer(pdp: &Pdp, jobs: Vec<Job>) {
    let mut distinct = Vec::new();
    let mut places = HashMap::new();
    for check in jobs.iter().flat_map(|job| &job.checks) {
        places.entry(check).or_insert_with(|| {
            distinct.push(check.clone());
            distinct.len() - 1
        });
    }
    let traced = jobs.iter().find_map(|job| job.trace).map(|trace| pdp.within(trace));
    let told = traced.as_ref().unwrap_or(pdp).decide(&distinct, Freshness::Fresh).await;
    let decision = |check: &Check| places.get(check).map(|place| told.decisions[*place].clone());
    let answers: Vec<Answers> = jobs
        .iter()
        .map(|job| Answers {
            decisions: job.checks.iter().filter_map(decision).collect(),
            remote_calls: told.remote_calls,
        })
        .collect();
    for (job, answers) in jobs.into_iter().zip(answers) {
        // An error means that the operation was given up.
        let _ = job.answers.send(answers);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use serde_json::{Value, json};

    use super::*;
    use crate::permit::{
        Decision,
        scripted::{Asked, Reply, Server},
    };

    fn check(user: &str, action: &'static str) -> Check {
        Check::new(user, "default", "task", action)
    }

    /// Allows `get` and nothing else.
    fn readers(asked: &Asked) -> Reply {
        let answer = |check: &Value| json!({"allow": check["action"] == "get"});
        Reply::Json(
            200,
            json!({"allow": asked.body.as_array().unwrap().iter().map(answer).collect::<Vec<_>>()}),
        )
    }

    #[tokio::test]
    async fn what_waits_goes_together_and_everybody_gets_their_own_answers() {
        let server = Server::start(readers).await;
        let (pool, asking) = Pool::new(Pdp::new(&server.config()).unwrap());
        let questions: Vec<_> =
            ["ada", "bob", "ada"].iter().map(|user| [check(user, "delete"), check(user, "get")]).collect();

        // All of them wait before anything is asked.
        let answers = tokio::select! {
            biased;
            answers = join_all(questions.iter().map(|checks| pool.decide(checks))) => answers,
            () = asking => panic!("the pool is held"),
        };

        for Answers { decisions, remote_calls } in answers {
            let allowed: Vec<bool> = decisions
                .iter()
                .map(|decision| decision.as_ref().is_ok_and(|told| told.is_allow()))
                .collect();
            assert_eq!((allowed, remote_calls), (vec![false, true], 1));
        }
        assert_eq!(server.lines(), ["POST /allowed/bulk"]);
        assert_eq!(server.asked()[0].body.as_array().unwrap().len(), 4, "equal questions are one");
    }

    #[tokio::test]
    async fn without_anybody_who_asks_nothing_is_decided() {
        let (pool, asking) = Pool::new(Pdp::new(&Server::start(readers).await.config()).unwrap());
        drop(asking);

        let answers = pool.decide(&[check("ada", "get"), check("bob", "get")]).await;

        assert_eq!(answers.decisions.len(), 2);
        assert!(answers.decisions.iter().all(Result::<Decision, _>::is_err));
    }
}
