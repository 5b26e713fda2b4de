//! What one subscriber still has to hear: a bounded queue, and a last word that goes before everything in it. Somebody
//! who may not hear more must not hear what was queued for them earlier.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

/// Puts letters in. Dropped without a last word, it ends the mailbox silently.
#[derive(Debug)]
pub struct Postbox<T, E> {
    letters: mpsc::Sender<T>,
    last: Mutex<Option<oneshot::Sender<E>>>,
}

/// Takes letters out.
#[derive(Debug)]
pub struct Mailbox<T, E> {
    letters: mpsc::Receiver<T>,
    last: oneshot::Receiver<E>,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    Kept,
    /// There are too many; this one was thrown away.
    Full,
    /// Nobody will read it.
    Closed,
}

/// What comes out of a mailbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Post<T, E> {
    Letter(T),
    /// Nothing comes after it.
    Last(E),
}

/// A mailbox for at most `capacity` letters.
pub fn mailbox<T, E>(capacity: usize) -> (Postbox<T, E>, Mailbox<T, E>) {
    let (letters, received) = mpsc::channel(capacity);
    let (last, ending) = oneshot::channel();
    (Postbox { letters, last: Mutex::new(Some(last)) }, Mailbox { letters: received, last: ending })
}

impl<T, E> Postbox<T, E> {
    /// Adds a letter, and never waits.
    pub fn post(&self, letter: T) -> Posted {
        match self.letters.try_send(letter) {
            Ok(()) => Posted::Kept,
            Err(mpsc::error::TrySendError::Full(_)) => Posted::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Posted::Closed,
        }
    }

    /// Says the last word, if none was said before.
    pub fn close(&self, last: E) {
        let sender = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An error means that nobody listens any more.
        let _ = sender.map(|sender| sender.send(last));
    }

    /// Whether somebody reads, and no last word was said.
    pub fn is_open(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some() && !self.letters.is_closed()
    }
}

impl<T, E> Mailbox<T, E> {
    /// The next letter, or the last word as soon as there is one. `None` when the postbox is gone. Must not be called
    /// after either.
    pub async fn next(&mut self) -> Option<Post<T, E>> {
        tokio::select! {
            biased;
            last = &mut self.last => last.ok().map(Post::Last),
            letter = self.letters.recv() => letter.map(Post::Letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_last_word_goes_before_everything_that_is_queued() {
        let (postbox, mut mailbox) = mailbox::<_, &str>(2);
        assert_eq!(
            [postbox.post(1), postbox.post(2), postbox.post(3)],
            [Posted::Kept, Posted::Kept, Posted::Full]
        );
        assert_eq!(mailbox.next().now_or_never(), Some(Some(Post::Letter(1))));

        assert!(postbox.is_open());
        postbox.close("over");
        postbox.close("a second last word");

        assert!(!postbox.is_open());
        assert_eq!(mailbox.next().now_or_never(), Some(Some(Post::Last("over"))));
    }

    #[test]
    fn a_postbox_knows_that_nobody_reads() {
        let (postbox, mailbox) = mailbox::<_, ()>(2);
        drop(mailbox);

        assert!(!postbox.is_open());
        assert_eq!(postbox.post(1), Posted::Closed);
    }
}
