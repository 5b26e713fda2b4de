//! Carries out what is in the outbox: leases items one after another, works on a few at the same time, and tries
//! again what failed, later and later.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::Sync;
use crate::{
    auth0_admin::AdminError,
    permit::{Cause, PermitError},
    store::{Job, Kind, StoreError, UNKNOWN_TENANT},
};

/// Items of one node that are carried out at the same time.
const CONCURRENT: usize = 8;
/// Pause between two looks at the outbox when nothing wakes us: other nodes and restarts leave items too.
const IDLE: Duration = Duration::from_millis(500);
/// Pauses between the attempts of one item.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Looks at the outbox between two rounds of counting and sweeping.
const ROUNDS_PER_REPORT: u32 = 20;

/// The worker of this node. Dropped, it ends at once; what it was doing is taken over when the lease runs out.
#[derive(Debug)]
pub struct Worker {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

/// How an attempt ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    /// There is more to do; what was done, as JSON.
    More {
        report: String,
    },
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("permit did not do it")]
    Permit(#[from] PermitError),
    #[error("auth0 did not do it")]
    Account(#[from] AdminError),
    /// And the setting does not allow to create it.
    #[error("permit does not know the tenant")]
    UnknownTenant,
    /// It took too long, and somebody else does it now.
    #[error("the lease was lost")]
    LeaseLost,
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl Failure {
    /// As in the outbox, in logs and in metrics.
    fn cause(&self) -> &'static str {
        match self {
            Self::Permit(error) => error.cause().code(),
            Self::Account(error) => error.cause(),
            Self::UnknownTenant => UNKNOWN_TENANT,
            Self::LeaseLost => "LEASE_LOST",
            Self::Store(_) => "DATABASE",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Permit(error) => error.retry_after(),
            Self::Account(error) => error.retry_after(),
            Self::UnknownTenant | Self::LeaseLost | Self::Store(_) => None,
        }
    }

    fn is_permits_limit(&self) -> bool {
        matches!(self, Self::Permit(error) if error.cause() == Cause::RateLimited)
    }
}

impl Worker {
    /// Finishes what is under way, within `grace`, and ends. What is left stays in the outbox.
    pub async fn stop(mut self, grace: Duration) {
        if let Some(stop) = self.stop.take() {
            // An error means that it ended already.
            let _ = stop.send(());
            if timeout(grace, &mut self.task).await.is_err() {
                tracing::warn!("what was being told to Permit or Auth0 is told again after the next start");
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn start(sync: Sync) -> Worker {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(run(sync, stopped));
    Worker { task, stop: Some(stop) }
}

async fn run(sync: Sync, mut stopped: oneshot::Receiver<()>) {
    let mut running = JoinSet::new();
    let quiet = std::sync::Arc::new(Quiet::default());
    let mut round = 0_u32;
    loop {
        if round.is_multiple_of(ROUNDS_PER_REPORT) {
            sync.report().await;
        }
        round = round.wrapping_add(1);
        while running.len() < CONCURRENT && !quiet.holds() {
            let Some(job) = sync.next_job().await else { break };
            let (sync, quiet) = (sync.clone(), quiet.clone());
            running.spawn(async move { sync.attempt(&job, &quiet).await });
        }
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = running.join_next() => {}
            () = sync.0.nudge.notified() => {}
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// Until when Permit asked to be left alone.
#[derive(Debug, Default)]
struct Quiet(Mutex<Option<Instant>>);

impl Quiet {
    fn holds(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| until > Instant::now())
    }

    fn keep(&self, pause: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
    }
}

impl Sync {
    async fn next_job(&self) -> Option<Job> {
        match self.0.store.lease(self.0.config.lease).await {
            Ok(job) => job,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                None
            }
        }
    }

    async fn attempt(&self, job: &Job, quiet: &Quiet) {
        let outcome = match job.kind {
            Kind::Sync => self.synchronise(job).await,
            Kind::Remove => self.remove_at_permit(job).await,
            Kind::Account => self.remove_account(job).await,
        };
        let told = match &outcome {
            Ok(Step::Done) => "OK",
            Ok(Step::More { .. }) => "MORE",
            Err(failure) => failure.cause(),
        };
        metrics::counter!("outbox_attempts_total", "outcome" => told).increment(1);
        let noted = match outcome {
            Ok(Step::Done) => Ok(()),
            Ok(Step::More { report }) => self.0.store.resume(job, &report).await,
            Err(failure) => self.put_off(job, &failure, quiet).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "an attempt could not be noted; it is repeated when its lease runs out");
        }
        self.0.ended.send_replace(());
    }

    async fn put_off(&self, job: &Job, failure: &Failure, quiet: &Quiet) -> Result<(), StoreError> {
        let cause = failure.cause();
        if job.age > self.0.config.give_up_after {
            tracing::error!(item = job.seq, cause, "given up; see `taskgate sync status`");
            return self.0.store.bury(job, cause).await;
        }
        let pause = failure.retry_after().unwrap_or_default().max(pause(job.attempts));
        if failure.is_permits_limit() {
            quiet.keep(failure.retry_after().unwrap_or(FIRST_PAUSE));
        }
        tracing::warn!(item = job.seq, cause, attempts = job.attempts + 1, ?pause, "put off");
        self.0.store.retry(job, cause, pause).await
    }

    /// Counts what is waiting, for the metrics, and forgets what was done long ago.
    async fn report(&self) {
        let noted = async {
            let backlog = self.0.store.backlog().await?;
            #[expect(clippy::cast_precision_loss, reason = "a count for a graph")]
            let gauge = |name, count: u64| metrics::gauge!(name).set(count as f64);
            gauge("outbox_pending", backlog.pending);
            gauge("outbox_dead", backlog.dead);
            metrics::gauge!("outbox_lag_seconds").set(backlog.lag.as_secs_f64());
            self.0.store.sweep().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the outbox cannot be counted");
        }
    }
}

/// Longer after each failure, and never the same twice, so that a crowd does not return at once.
fn pause(attempts: u32) -> Duration {
    let pauses =
        ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE).with_jitter();
    let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
    pauses.without_max_times().build().nth(attempts.min(64)).unwrap_or(LONGEST_PAUSE)
}
