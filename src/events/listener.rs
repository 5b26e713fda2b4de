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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::broadcast;

    use super::*;
    use crate::store::Person;

    fn signal(subject: &str) -> Signal {
        Signal::Permissions(Person { tenant: "default".into(), subject: subject.into() })
    }

    /// Subjects of the next batch, and whether something was lost.
    fn next(listener: &mut Listener, most: usize) -> Option<(Vec<String>, bool)> {
        let batch = listener.next(most).now_or_never()??;
        let subject = |signal: Signal| match signal {
            Signal::Permissions(person) => person.subject.to_string(),
            Signal::Task(event) => event.id.to_string(),
            Signal::Gap => "gap".into(),
        };
        Some((batch.signals.into_iter().map(subject).collect(), batch.missed))
    }

    #[test]
    fn what_came_together_is_one_batch_up_to_its_size() {
        let (sender, receiver) = broadcast::channel(8);
        let mut listener = Listener::new(receiver);
        for subject in ["a", "b", "c"] {
            sender.send(signal(subject)).unwrap();
        }

        assert_eq!(next(&mut listener, 2), Some((vec!["a".into(), "b".into()], false)));
        assert_eq!(next(&mut listener, 2), Some((vec!["c".into()], false)));
        assert_eq!(next(&mut listener, 2), None, "it waits");
    }

    #[test]
    fn what_was_lost_is_told_once_and_the_rest_still_comes() {
        let (sender, receiver) = broadcast::channel(2);
        let mut listener = Listener::new(receiver);
        for subject in ["a", "b", "c", "d"] {
            sender.send(signal(subject)).unwrap();
        }
        drop(sender);

        assert_eq!(next(&mut listener, 9), Some((vec!["c".into(), "d".into()], true)));
        assert_eq!(listener.next(9).now_or_never().map(|batch| batch.is_none()), Some(true));
    }
}
