//! Takes signals in batches.

use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

use crate::store::Signal;

/// Hears of everything that happens.
#[derive(Debug)]
pub struct Listener(Receiver<Signal>);

/// What came together since the last look.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which they were told.
    pub signals: Vec<Signal>,
    /// Signals before these were lost, because nobody looked for too long.
    pub missed: bool,
}

impl Listener {
    pub(super) fn new(receiver: Receiver<Signal>) -> Self {
        Self(receiver)
    }

    /// Waits for a signal, and takes it together with what has queued behind it, at most `most` of them. `None` when
    /// there will be no more. Nothing is lost when the wait is given up.
    pub async fn next(&mut self, most: usize) -> Option<Batch> {
        let mut batch = Batch::default();
        match self.0.recv().await {
            Ok(signal) => batch.signals.push(signal),
            Err(RecvError::Lagged(_)) => batch.missed = true,
            Err(RecvError::Closed) => return None,
        }
        while batch.signals.len() < most {
            match self.0.try_recv() {
                Ok(signal) => batch.signals.push(signal),
                Err(TryRecvError::Lagged(_)) => batch.missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Some(batch)
    }
}
