//! What asking together saves: a page with a permission for every button of every row, and an event that many hear of.
//! Beside each stands a design that asks about each thing by itself, as guards without batches do: all questions at once,
//! over the same client of the PDP.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _, future::join_all};
use serde_json::{Value, json};
use taskgate::permit::{Check, Freshness};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::{pdp::Pdp, world::World};

const ROWS: usize = 100;
const ACTIONS: [&str; 4] = ["update", "check", "assign", "delete"];
/// Subscribers: people, and subscriptions of each.
const PEOPLE: usize = 50;
const EACH: usize = 10;
/// Of each measurement; the median is shown.
const ROUNDS: usize = 9;

const PAGE: &str =
    "{ tasks(first: 100) { nodes { id viewerPermissions { canUpdate { allowed } canCheck { allowed }
    canAssign { allowed } canDelete { allowed } } } } }";

/// One way to decide something.
pub(crate) struct Batched {
    pub(crate) what: &'static str,
    pub(crate) how: &'static str,
    pub(crate) calls: u64,
    pub(crate) time: Duration,
}

pub(crate) type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn pages(world: &World, pdp: &Pdp) -> Vec<Batched> {
    let page = "100 tasks, 4 permissions each, and the list";
    let mut rows = vec![
        median(pdp, page, "together", || world.asks(world.api, PAGE)).await,
        median(pdp, page, "one by one", || one_by_one(world, 1 + ROWS * ACTIONS.len())).await,
    ];
    pdp.decides_by_object(true);
    let by_object = "the same, allowed on single tasks only";
    rows.push(median(pdp, by_object, "together", || world.asks(world.by_object, PAGE)).await);
    // The type level first, then every task.
    rows.push(median(pdp, by_object, "one by one", || one_by_one(world, 1 + 2 * ROWS * ACTIONS.len())).await);
    pdp.decides_by_object(false);
    rows
}

/// An event that many hear of.
pub(crate) async fn fan_out(world: &World, pdp: &Pdp) -> Vec<Batched> {
    let event = "one event to 500 subscribers";
    let mut sockets = join_all((0..PEOPLE).map(|_| subscriber(world))).await;
    vec![
        told(world, pdp, &mut sockets, event).await,
        median(pdp, event, "one by one", || one_by_one(world, PEOPLE * EACH)).await,
    ]
}

async fn median<F: Future>(
    pdp: &Pdp,
    what: &'static str,
    how: &'static str,
    decide: impl Fn() -> F,
) -> Batched {
    decide().await;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (calls, start) = (pdp.calls(), Instant::now());
        decide().await;
        rounds.push((pdp.calls() - calls, start.elapsed()));
    }
    rounds.sort_by_key(|round| round.1);
    let (calls, time) = rounds[ROUNDS / 2];
    Batched { what, how, calls, time }
}

/// Every question by itself, all of them at once.
async fn one_by_one(world: &World, questions: usize) {
    let ask = |number: usize| async move {
        let check = Check::new(format!("auth0|{number}"), "default", "task", "get");
        world.pdp.decide(&[check], Freshness::AnyAge).await.decisions
    };
    for decision in join_all((0..questions).map(ask)).await.into_iter().flatten() {
        decision.expect("a decision");
    }
}

/// Somebody with a token of their own, and their subscriptions over one socket.
async fn subscriber(world: &World) -> Socket {
    let stream = TcpStream::connect(world.api).await.expect("the server listens");
    subscribed(stream, world.api, &world.another_token().await, EACH).await
}

/// A socket over `stream` with this many subscriptions, which have begun.
pub(crate) async fn subscribed(stream: TcpStream, server: SocketAddr, token: &str, count: usize) -> Socket {
    let mut request = format!("ws://{server}/graphql").into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = client_async(request, stream).await.expect("a socket");
    let init = json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}});
    say(&mut socket, &init).await;
    assert_eq!(hear(&mut socket).await["type"], "connection_ack");
    for id in 0..count {
        let payload = json!({"query": "subscription { taskChanged { kind task { id title } } }"});
        say(&mut socket, &json!({"type": "subscribe", "id": id.to_string(), "payload": payload})).await;
    }
    // Answered in order, so the subscriptions have begun by then.
    say(&mut socket, &json!({"type": "ping"})).await;
    assert_eq!(hear(&mut socket).await["type"], "pong");
    socket
}

/// From the write to the last subscriber who has heard of it. The mutation's own question is not counted.
async fn told(world: &World, pdp: &Pdp, sockets: &mut [Socket], what: &'static str) -> Batched {
    let create = "mutation { createTask(input: {title: \"For everybody\"}) { userErrors { code } } }";
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..=ROUNDS {
        let (calls, start) = (pdp.calls(), Instant::now());
        let heard = join_all(sockets.iter_mut().map(|socket| async move {
            for _ in 0..EACH {
                let message = hear(socket).await;
                assert_eq!(message["payload"]["data"]["taskChanged"]["kind"], "CREATED", "{message}");
            }
        }));
        tokio::join!(world.asks(world.api, create), heard);
        rounds.push((pdp.calls() - calls - 1, start.elapsed()));
    }
    rounds.remove(0);
    rounds.sort_by_key(|round| round.1);
    let (calls, time) = rounds[ROUNDS / 2];
    Batched { what, how: "together", calls, time }
}

async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.expect("an open socket");
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.expect("something is heard").expect("a frame") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}
