//! What was decided, and why: the decision log. Knows the database, neither Permit nor GraphQL.
//!
//! No request waits for the log or fails with it. A verdict is put into a queue of fixed length ([`Log::record`]); a
//! task of its own ([`Writer`]) writes what has come together, and forgets what is older than the retention. What does
//! not fit into the queue, or cannot be written in three attempts, is lost and counted.
//!
//! Metrics: `decision_log_written_total`, `decision_log_dropped_total`.

mod entry;
mod grounds;
mod writer;

use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;

pub use entry::{Entry, Origin};
pub use grounds::{Cause, Grounds};
pub use writer::Writer;

use crate::store::Store;

/// Verdicts that may wait to be written, some two megabytes: several seconds of a busy server.
const QUEUE: usize = 10_000;

/// How the log is kept.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// `DECISION_LOG_RETENTION_MS`: how long a verdict is kept. Default 7 days; 0: there is no log.
    pub retention: Duration,
}

/// Where verdicts are put. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log(Option<mpsc::Sender<Entry>>);

impl Log {
    /// Begins to keep the log; that ends when the writer is dropped or stopped.
    pub fn start(store: Store, config: Config) -> (Self, Writer) {
        if config.retention.is_zero() {
            return (Self(None), writer::erase(store));
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(Some(sender)), writer::start(store, receiver, config.retention))
    }

    /// Hands `entries` over, all or none. Neither waits nor fails.
    pub fn record(&self, entries: Vec<Entry>) {
        let Some(queue) = &self.0 else { return };
        match queue.try_reserve_many(entries.len()) {
            Ok(places) => places.zip(entries).for_each(|(place, entry)| place.send(entry)),
            Err(_) => lost(entries.len()),
        }
    }
}

/// Now, as entries have it.
pub fn now() -> i64 {
    let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
    i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)
}

fn lost(entries: usize) {
    metrics::counter!("decision_log_dropped_total").increment(entries as u64);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use uuid::Uuid;

    use super::*;

    fn entries(count: usize) -> Vec<Entry> {
        let origin = Arc::new(Origin { request_id: "r".into(), trace_id: None });
        let entry = |_| Entry {
            id: Uuid::now_v7(),
            at: now(),
            tenant: "default".into(),
            subject: "auth0|ada".into(),
            resource: "task".into(),
            action: "get".into(),
            key: None,
            denied: Some(Cause::Known("NO_PERMISSION")),
            origin: origin.clone(),
            asked_by: None,
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_lost_at_once_and_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let (sender, mut queue) = mpsc::channel(5);
        let log = Log(Some(sender));
        metrics::with_local_recorder(&recorder, || {
            for count in [3, 3, 2, 1, 7] {
                log.record(entries(count));
            }
        });
        assert!(recorder.handle().render().contains("decision_log_dropped_total 11"));
        let mut waiting = Vec::new();
        while let Ok(entry) = queue.try_recv() {
            waiting.push(entry);
        }
        assert_eq!(waiting.len(), 5);
    }

    #[tokio::test]
    async fn a_nul_is_written_as_what_can_be_stored() {
        let mut entry = entries(1).remove(0);
        entry.action = "a\0b".into();
        let row = entry.row().await;
        assert_eq!((row.action.as_str(), row.reason.as_deref()), ("a\u{fffd}b", Some("NO_PERMISSION")));
    }
}
