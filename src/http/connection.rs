//! What work knows of the connection that it serves: that the server is about to stop, who is at the other end, and a
//! place among `MAX_CONNECTIONS`, which it keeps when HTTP is done with the connection and a WebSocket goes on with it.
//!
//! `serve` gives one to every request.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::gauges::Open;

/// Where the server is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// It was told to stop, and goes on until everybody who sends requests knows.
    Leaving,
    /// What has no end of its own ends.
    Ending,
}

/// Tells all connections to stop, and knows when all are gone.
#[derive(Debug)]
pub(super) struct Stop(watch::Sender<Phase>);

/// What an operation occupies until it is done, whoever still waits for it: the connection that it came by and, on a
/// socket, its place there.
#[derive(Debug, Clone, Default)]
pub(super) struct Occupied {
    _connection: Option<Connection>,
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

/// One connection; its place is free when the last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    phase: watch::Receiver<Phase>,
    peer: IpAddr,
    _place: Arc<(OwnedSemaphorePermit, Open)>,
}

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    pub(super) fn connection(&self, peer: IpAddr, place: OwnedSemaphorePermit) -> Connection {
        Connection { phase: self.0.subscribe(), peer, _place: Arc::new((place, Open::connection())) }
    }

    /// From now on nobody should send requests to this server.
    pub(super) fn leave(&self) {
        self.0.send_replace(Phase::Leaving);
    }

    /// Ends what has no end of its own, and completes when no connection is left.
    pub(super) async fn all(&self) {
        self.0.send_replace(Phase::Ending);
        self.0.closed().await;
    }
}

impl Occupied {
    /// Only a router without a server has no connection.
    pub(super) fn connection(connection: Option<&Connection>) -> Self {
        Self { _connection: connection.cloned(), _place: None }
    }

    /// A place on a socket, which is free when the last clone is dropped.
    pub(super) fn place(connection: &Connection, place: OwnedSemaphorePermit) -> Self {
        Self { _connection: Some(connection.clone()), _place: Some(Arc::new(place)) }
    }
}

impl Connection {
    /// Who is at the other end.
    pub(super) const fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Whether the server was told to stop.
    pub(super) fn is_leaving(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }

    /// Completes when the server is about to stop.
    pub(super) async fn stopping(&mut self) {
        // Without a sender there is no server any more.
        let _ = self.phase.wait_for(|phase| *phase == Phase::Ending).await;
    }
}
