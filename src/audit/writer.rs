//! Writes the log, off the path of any request, and forgets what is too old.

use std::time::Duration;

use tokio::{
    sync::{mpsc::Receiver, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Entry, lost, now};
use crate::store::{DECISIONS_AT_ONCE, Store, StoreError};

/// How long the writer waits for others after the first: one statement for many requests.
const GATHER: Duration = Duration::from_millis(100);
/// Attempts to write a batch, and the pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Rows that are forgotten at once: each statement is short, and what has to be written comes in between.
const CHUNK: u64 = 1_000;
/// Longest pause between two looks for what is too old.
const LONGEST_SWEEP: Duration = Duration::from_mins(1);
/// Longest that the end of the process waits for the log.
const FLUSH: Duration = Duration::from_secs(5);

/// What keeps the log. Dropped, it ends at once, and what was not written is lost.
#[derive(Debug)]
pub struct Writer {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Writer {
    /// Writes what is waiting, for at most five seconds, and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if timeout(FLUSH, &mut self.task).await.is_err() {
            tracing::warn!("the end of the decision log was not written");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn start(store: Store, queue: Receiver<Entry>, retention: Duration) -> Writer {
    // So that a monitor sees them before there is anything to see.
    metrics::counter!("decision_log_written_total").increment(0);
    lost(0);
    let stop = watch::Sender::new(false);
    let keeper = Keeper { store, retention };
    Writer { task: tokio::spawn(keeper.run(queue, stop.subscribe())), stop }
}

/// There is no log any more: what was kept of an earlier one goes.
pub(super) fn erase(store: Store) -> Writer {
    let keeper = Keeper { store, retention: Duration::ZERO };
    let erasing = async move { while keeper.sweep().await.is_zero() {} };
    Writer { task: tokio::spawn(erasing), stop: watch::Sender::new(false) }
}

struct Keeper {
    store: Store,
    retention: Duration,
}

impl Keeper {
    async fn run(self, mut queue: Receiver<Entry>, mut stopped: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        let mut next_sweep = Instant::now();
        loop {
            let received = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                received = queue.recv_many(&mut batch, DECISIONS_AT_ONCE) => Some(received),
                () = sleep_until(next_sweep) => None,
            };
            match received {
                // Nobody is left to say anything.
                Some(0) => return,
                Some(received) => {
                    if received < DECISIONS_AT_ONCE {
                        // Cut short by the end of the process.
                        let _ = timeout(GATHER, stopped.wait_for(|stop| *stop)).await;
                        fill(&mut batch, &mut queue);
                    }
                    self.write(std::mem::take(&mut batch)).await;
                }
                None => next_sweep = Instant::now() + self.sweep().await,
            }
        }
        queue.close();
        while queue.recv_many(&mut batch, DECISIONS_AT_ONCE).await > 0 {
            self.write(std::mem::take(&mut batch)).await;
        }
    }

    async fn write(&self, batch: Vec<Entry>) {
        let mut rows = Vec::with_capacity(batch.len());
        for entry in batch {
            rows.push(entry.row().await);
        }
        let count = rows.len();
        for attempt in 1..=ATTEMPTS {
            match self.store.log_decisions(&rows).await {
                Ok(()) => {
                    metrics::counter!("decision_log_written_total").increment(count as u64);
                    return;
                }
                Err(error) => complain(&error, attempt),
            }
            if attempt < ATTEMPTS {
                sleep(PAUSE).await;
            }
        }
        lost(count);
    }

    /// Forgets some of what is too old; how long to wait before the next look.
    async fn sweep(&self) -> Duration {
        let age = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        match self.store.forget_decisions(now().saturating_sub(age), CHUNK).await {
            Ok(CHUNK) => Duration::ZERO,
            Ok(_) => self.sweep_every(),
            Err(error) => {
                tracing::warn!(%error, "old decisions cannot be forgotten");
                LONGEST_SWEEP
            }
        }
    }

    /// Nothing is kept a sixtieth longer than it should be, nor a minute.
    fn sweep_every(&self) -> Duration {
        (self.retention / 60).clamp(Duration::from_millis(10), LONGEST_SWEEP)
    }
}

/// Adds what waits already to a batch.
fn fill(batch: &mut Vec<Entry>, queue: &mut Receiver<Entry>) {
    while batch.len() < DECISIONS_AT_ONCE
        && let Ok(entry) = queue.try_recv()
    {
        batch.push(entry);
    }
}

fn complain(error: &StoreError, attempt: u32) {
    if attempt == ATTEMPTS {
        tracing::warn!(%error, "decisions could not be logged");
    }
}
