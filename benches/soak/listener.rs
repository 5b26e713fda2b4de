//! Somebody who is subscribed to what happens to tasks, over a WebSocket that is opened again whenever it ends. What they
//! are told is judged like an answer: at some instant since it happened they must have been allowed to read the task.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use super::{
    operations::origin,
    oracle::Answer,
    people::Person,
    timeline::{Claim, Window},
    world::World,
};

const EVENTS: &str = "subscription { taskChanged { kind taskId at task { id title version notes } } }";
/// So often it is looked whether the run is over.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn listens(world: Arc<World>, person: Arc<Person>) {
    while !world.is_over() {
        if !person.token().is_empty()
            && let Some(mut socket) = connected(&world, &person).await
        {
            while !world.is_over() {
                match tokio::time::timeout(PAUSE, socket.next()).await {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        let message: Value = serde_json::from_str(&text).unwrap_or_default();
                        if !hears(&world, &person, message) {
                            break;
                        }
                    }
                    Ok(Some(Err(_)) | None) => break,
                    Ok(Some(Ok(_))) | Err(_) => {}
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connected(world: &World, person: &Person) -> Option<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(world.address).await.ok()?;
    let mut request = format!("ws://{}/graphql", world.address).into_client_request().ok()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = client_async(request, stream).await.ok()?;
    let init = json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {}", person.token())}});
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": {"query": EVENTS}});
    socket.send(Message::text(init.to_string())).await.ok()?;
    // Nothing may be asked before the acknowledgement.
    let acknowledged = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.ok()??.ok()?;
    acknowledged.to_text().ok()?.contains("connection_ack").then_some(())?;
    socket.send(Message::text(subscribe.to_string())).await.ok()?;
    Some(socket)
}

/// Judges a message; false when the subscription has ended.
fn hears(world: &World, person: &Person, mut message: Value) -> bool {
    let kind = message["type"].as_str().unwrap_or_default().to_owned();
    let told = message["payload"].take();
    if kind == "next" {
        let event = told["data"]["taskChanged"].clone();
        let answer = Answer { status: 200, window: since(&event["at"]), body: told };
        world.findings.count("events");
        let claims = event["taskId"].as_str().map(|id| claim(world, person, id, &event));
        world.judge(person, &answer, claims.as_slice());
    }
    matches!(kind.as_str(), "next" | "ping" | "pong")
}

/// That they may read the task which something happened to.
fn claim(world: &World, person: &Person, id: &str, event: &Value) -> Claim {
    let title = event["task"]["title"].as_str().map(str::to_owned).or_else(|| world.ledger.title(id));
    // Nobody knows who created a task that was never seen.
    let owned = title.is_none_or(|title| origin(&title).1 == person.subject);
    Claim { permission: "task:get".to_owned(), task: Some(id.to_owned()), owned }
}

/// From when something happened until now. Of an error nobody tells when it happened, nor how long it waited behind
/// events that had to be read from a database that is away.
fn since(at: &Value) -> Window {
    let now = Instant::now();
    let at = at.as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    let age = at.map_or(Duration::from_secs(30), |at| {
        Duration::try_from(OffsetDateTime::now_utc() - at).unwrap_or_default()
    });
    Window::between(now.checked_sub(age).unwrap_or(now), now)
}
