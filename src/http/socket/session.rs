//! One client of graphql-transport-ws, from its first message to the close code: a loop over whatever happens next.
//!
//! Invariants: nothing is executed before the acknowledgement, nothing is sent after the token's end, and nothing is
//! taken up while something still waits to be sent. Verifying a token holds up the client's next message and nothing
//! else.

use std::{future::pending, net::IpAddr, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::json;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{
    super::{
        AppState,
        connection::{Connection, Occupied},
        execution::{Arrival, Execution, reached},
        gauges::Open,
        operation::{AnswerBody, Operation, is_executed},
        outcome,
        rejection::Rejection,
        request::Asked,
        sender::Sender,
    },
    close::Close,
    identity::{Identity, one_of, token_of},
    operations::{Event, Operations},
    protocol::{ClientMessage, Payload, ServerMessage, read, rejected},
    wire::{End, Traffic, Wire},
};
use crate::{auth::AccessToken, trace::TraceContext};

/// What is counted on one socket.
const IN_FLIGHT: &str = "operations in flight on one socket";
const FULL: &str = "Too many operations are in flight on this socket; complete one of them first.";

/// What the handshake told.
pub(super) struct Opening {
    pub(super) state: Arc<AppState>,
    pub(super) connection: Connection,
    /// Where the client is.
    pub(super) address: IpAddr,
    /// The request id of the handshake, which those of the operations begin with.
    pub(super) name: Arc<str>,
    /// Where the handshake is in a trace, of which its operations are parts too.
    pub(super) trace: TraceContext,
    /// From its `Authorization` header.
    pub(super) token: Option<AccessToken>,
}

pub(super) struct Session {
    opening: Opening,
    wire: Wire,
    /// Absent before the acknowledgement.
    identity: Option<Identity>,
    /// The first one, or a renewal.
    verifying: Option<BoxFuture<'static, Result<Identity, Rejection>>>,
    deadline: Option<Instant>,
    operations: Operations,
    started: u64,
    pulse: Interval,
    /// Whether something came in since the last ping.
    is_alive: bool,
    is_leaving: bool,
    _counted: Open,
}

/// What happens next.
enum Happening {
    Stop,
    DeadlinePassed,
    Verified(Result<Identity, Rejection>),
    Traffic(Result<Traffic, End>),
    Answered(String, Event),
    Pulse,
}

impl Session {
    pub(super) fn new(opening: Opening, wire: Wire) -> Self {
        let config = &opening.state.config;
        let mut pulse = interval_at(Instant::now() + config.ws_keep_alive, config.ws_keep_alive);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            deadline: Some(Instant::now() + config.ws_init_timeout),
            operations: Operations::new(config.max_subscriptions_per_socket),
            opening,
            wire,
            identity: None,
            verifying: None,
            started: 0,
            pulse,
            is_alive: true,
            is_leaving: false,
            _counted: Open::socket(),
        }
    }

    /// Serves the client to the end.
    pub(super) async fn run(mut self) {
        let end = loop {
            let happening = self.next().await;
            if let Err(end) = self.handle(happening) {
                break end;
            }
        };
        let code = if let End::Closed(close) = &end { close.code } else { 1000 };
        metrics::counter!("sockets_closed_total", "code" => code.to_string()).increment(1);
        tracing::debug!(code, "socket ends");
        let Self { wire, operations, .. } = self;
        // Nobody hears their answers any more; only what a mutation does is done to its end.
        drop(operations);
        wire.end(end).await;
    }

    async fn next(&mut self) -> Happening {
        let is_clear = self.wire.is_clear();
        let listens = self.verifying.is_none() && !self.is_leaving;
        tokio::select! {
            biased;
            () = self.opening.connection.stopping(), if !self.is_leaving => Happening::Stop,
            () = reached(self.deadline) => Happening::DeadlinePassed,
            verified = verified(&mut self.verifying) => Happening::Verified(verified),
            // In no particular order, so that neither a busy client nor a busy subscription has the socket to itself.
            happening = async { tokio::select! {
                traffic = self.wire.traffic(listens) => Happening::Traffic(traffic),
                (id, event) = self.operations.next(), if is_clear => Happening::Answered(id, event),
            } } => happening,
            // Last: a sign of life that has arrived must count before the next is asked for.
            _ = self.pulse.tick(), if is_clear => Happening::Pulse,
        }
    }

    fn handle(&mut self, happening: Happening) -> Result<(), End> {
        match happening {
            Happening::Stop => {
                self.is_leaving = true;
                self.operations.stop_subscriptions();
            }
            Happening::DeadlinePassed if self.identity.is_some() => return Err(Close::EXPIRED.into()),
            Happening::DeadlinePassed => return Err(Close::NOT_INITIALISED.into()),
            Happening::Verified(verified) => self.verified(verified)?,
            Happening::Traffic(traffic) => self.passed(traffic?)?,
            Happening::Answered(id, event) => self.told(&id, event)?,
            Happening::Pulse if !self.is_alive => return Err(Close::SILENT.into()),
            Happening::Pulse => {
                self.is_alive = false;
                self.wire.send(Message::Ping(Bytes::new()))?;
            }
        }
        // Queries and mutations that were on their way have been answered.
        let has_left = self.is_leaving && self.operations.len() == 0 && self.wire.is_clear();
        if has_left { Err(Close::GOING_AWAY.into()) } else { Ok(()) }
    }

    fn passed(&mut self, traffic: Traffic) -> Result<(), End> {
        self.is_alive |= !matches!(traffic, Traffic::Sent);
        let Traffic::Heard(text) = traffic else { return Ok(()) };
        match read(&text).map_err(Close::invalid)? {
            ClientMessage::ConnectionInit(payload) => self.initialise(&payload),
            ClientMessage::Ping(payload) => self.pinged(payload),
            ClientMessage::Pong => Ok(()),
            ClientMessage::Subscribe { id, asked } => self.subscribe(&id, asked),
            ClientMessage::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
        }
    }

    fn initialise(&mut self, payload: &Payload) -> Result<(), End> {
        if self.identity.is_some() {
            return Err(Close::INITIALISED_TWICE.into());
        }
        let token = token_of(payload).and_then(|token| one_of(self.opening.token.take(), token));
        let token = token.map_err(|error| Close::from(&Rejection::from(error)))?;
        // The client has done its part in time; how long a verification may take is limited elsewhere.
        self.deadline = None;
        self.verify(token);
        Ok(())
    }

    fn verify(&mut self, token: Option<AccessToken>) {
        let (state, address) = (self.opening.state.clone(), self.opening.address);
        self.verifying = Some(Identity::verify(state, address, token).boxed());
    }

    /// A ping may carry a new token. Anything else that it carries is sent back.
    fn pinged(&mut self, payload: Payload) -> Result<(), End> {
        let token = token_of(&payload).map_err(|error| Close::from(&Rejection::from(error)))?;
        match token {
            // There is nobody yet whose token could be renewed.
            Some(_) if self.identity.is_none() => self.send(&ServerMessage::Pong { payload: Payload::new() }),
            Some(token) => {
                self.verify(Some(token));
                Ok(())
            }
            None => self.send(&ServerMessage::Pong { payload }),
        }
    }

    fn verified(&mut self, verified: Result<Identity, Rejection>) -> Result<(), End> {
        let identity = match verified {
            Ok(identity) => identity,
            // The token before is as good as it was, and the client may try again.
            Err(rejection) if self.identity.is_some() && rejection.is_of_the_moment() => {
                return self.send(&ServerMessage::Pong { payload: rejected(&rejection, &self.opening.name) });
            }
            Err(rejection) => return Err(Close::from(&rejection).into()),
        };
        let payload = identity.expiry();
        self.deadline = identity.deadline;
        match self.identity.replace(identity.clone()) {
            None => self.send(&ServerMessage::ConnectionAck { payload }),
            Some(before) if before.is_same_as(&identity) => self.send(&ServerMessage::Pong { payload }),
            Some(_) => Err(Close::OTHER_SUBJECT.into()),
        }
    }

    fn subscribe(&mut self, id: &str, asked: Asked) -> Result<(), End> {
        let Some(identity) = &self.identity else { return Err(Close::UNAUTHORIZED.into()) };
        if self.operations.contains(id) {
            return Err(Close::taken(id).into());
        }
        self.started += 1;
        let request_id = format!("{}.{}", self.opening.name, self.started);
        match self.accept(&identity.sender, asked, &request_id) {
            Ok(execution) => {
                self.operations.start(id.to_owned(), execution);
                Ok(())
            }
            Err(rejection) => {
                outcome::refused(&rejection);
                self.refuse(id, &rejection, &request_id)
            }
        }
    }

    /// Reads an operation and has it paid.
    fn accept(&self, sender: &Sender, asked: Asked, request_id: &str) -> Result<Execution, Rejection> {
        let Opening { state, connection, trace, .. } = &self.opening;
        sender.arrives()?;
        let limit = state.config.max_subscriptions_per_socket;
        let place = self.operations.place();
        let place = place.ok_or_else(|| Rejection::too_many_subscriptions(FULL, IN_FLIGHT, limit))?;
        let operation = Operation::find(state, sender, asked)?;
        let occupied = Occupied::place(connection, place);
        let arrival = Arrival { request_id: request_id.to_owned(), trace: *trace, occupied };
        Execution::paid(state, sender.clone(), operation, arrival)
    }

    fn told(&mut self, id: &str, event: Event) -> Result<(), End> {
        match event {
            Event::Answer(answer) if is_executed(&answer) => {
                self.send(&ServerMessage::Next { id, payload: AnswerBody::from(&answer) })
            }
            Event::Answer(answer) => {
                self.operations.stop(id);
                self.send(&ServerMessage::Error { id, payload: json!(answer.errors) })
            }
            Event::Refused { rejection, .. } if rejection.is_about_the_sender() => {
                Err(Close::from(&rejection).into())
            }
            Event::Refused { rejection, request_id } => {
                self.operations.stop(id);
                self.refuse(id, &rejection, &request_id)
            }
            Event::Complete => {
                self.operations.stop(id);
                self.send(&ServerMessage::Complete { id })
            }
        }
    }

    fn refuse(&mut self, id: &str, rejection: &Rejection, request_id: &str) -> Result<(), End> {
        let payload = json!([rejection.error(request_id)]);
        self.send(&ServerMessage::Error { id, payload })
    }

    fn send(&mut self, message: &ServerMessage<'_>) -> Result<(), End> {
        // Everything in a message can be written as JSON.
        let text = serde_json::to_string(message).map_err(|_| Close::from(&Rejection::internal()))?;
        self.wire.send(Message::Text(text.into()))
    }
}

async fn verified(
    verifying: &mut Option<BoxFuture<'static, Result<Identity, Rejection>>>,
) -> Result<Identity, Rejection> {
    let Some(running) = verifying else { return pending().await };
    let result = running.await;
    *verifying = None;
    result
}
