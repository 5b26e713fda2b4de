//! What long-lived work knows of the connection that it serves: that the server is about to stop, and a place among
//! `MAX_CONNECTIONS`, which it keeps when HTTP is done with the connection and a WebSocket goes on with it.
//!
//! `serve` gives one to every request.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::gauges::Open;

/// Tells all connections to stop, and knows when all are gone.
#[derive(Debug)]
pub(super) struct Stop(watch::Sender<bool>);

/// One connection; its place is free when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    stopping: watch::Receiver<bool>,
    _place: Arc<(OwnedSemaphorePermit, Open)>,
}

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(super) fn connection(&self, place: OwnedSemaphorePermit) -> Connection {
        Connection { stopping: self.0.subscribe(), _place: Arc::new((place, Open::connection())) }
    }

    /// Completes when no connection is left.
    pub(super) async fn all(&self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

impl Connection {
    /// Completes when the server is about to stop.
    pub(super) async fn stopping(&mut self) {
        // Without a sender there is no server any more.
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}
