//! How many long-lived things are open: a gauge goes up when one is, and down when it is dropped.

/// What carries an operation that may answer more than once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transport {
    WebSocket,
    EventStream,
}

/// Something that is open, and counted for as long.
#[derive(Debug)]
pub(super) struct Open(metrics::Gauge);

impl Open {
    pub(super) fn connection() -> Self {
        Self::counted(metrics::gauge!("connections_open"))
    }

    pub(super) fn socket() -> Self {
        Self::counted(metrics::gauge!("sockets_open"))
    }

    /// A subscription, or a query or mutation on its way, over something else than plain HTTP.
    pub(super) fn operation(transport: Transport) -> Self {
        let name = match transport {
            Transport::WebSocket => "websocket",
            Transport::EventStream => "event-stream",
        };
        Self::counted(metrics::gauge!("subscriptions_open", "transport" => name))
    }

    fn counted(gauge: metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
