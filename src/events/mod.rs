//! From what is committed to whoever keeps a connection open: the hub of this node.
//!
//! Signals come from the [`Feed`] of the store, which tells what this node committed; whoever learns of the commits of
//! other nodes publishes them there as well. A [`Listener`] takes whatever has come together, so that one question can
//! decide it for everybody, and hands it on through [mailboxes](mailbox). Everything is bounded and nobody who writes
//! waits for anybody who reads: who cannot keep up is told so, and never silently misses something.

mod listener;
mod mailbox;

pub use listener::{Batch, Listener};
pub use mailbox::{Mailbox, Post, Postbox, Posted, mailbox};

use crate::store::Feed;

/// Where open connections hear of what happens. Clones are the same hub.
#[derive(Debug, Clone)]
pub struct Hub(Feed);

impl Hub {
    pub fn new(feed: Feed) -> Self {
        Self(feed)
    }

    /// Hears of everything from now on.
    pub fn listen(&self) -> Listener {
        Listener::new(self.0.listen())
    }
}
