//! The messages of graphql-transport-ws, from and to JSON. Whatever is none of them is refused with a sentence, which
//! becomes the reason of close code 4400.
//!
//! Source: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>

use async_graphql::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::super::{operation::AnswerBody, request};

/// Name of the protocol, as clients ask for it when they connect.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Free members of a message; the protocol says only that they are an object.
pub(super) type Payload = Map<String, Value>;

/// What a client says.
#[derive(Debug)]
pub(super) enum ClientMessage {
    ConnectionInit(Payload),
    Ping(Payload),
    Pong,
    Subscribe { id: String, request: Request },
    Complete { id: String },
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    ConnectionAck {
        #[serde(skip_serializing_if = "Map::is_empty")]
        payload: Payload,
    },
    Pong {
        #[serde(skip_serializing_if = "Map::is_empty")]
        payload: Payload,
    },
    Next {
        id: &'a str,
        payload: AnswerBody<'a>,
    },
    /// Instead of an execution; nothing else follows for this id.
    Error {
        id: &'a str,
        payload: Value,
    },
    Complete {
        id: &'a str,
    },
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: Option<Value>,
    id: Option<Value>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// Reads one text message.
pub(super) fn read(text: &str) -> Result<ClientMessage, &'static str> {
    let message: Message<'_> =
        serde_json::from_str(text).map_err(|_| "Invalid message: not a JSON object of the protocol")?;
    match message.kind.as_ref().and_then(Value::as_str) {
        Some("connection_init") => Ok(ClientMessage::ConnectionInit(object(message.payload)?)),
        Some("ping") => Ok(ClientMessage::Ping(object(message.payload)?)),
        Some("pong") => object(message.payload).map(|_| ClientMessage::Pong),
        Some("subscribe") => {
            let id = id(message.id)?;
            let payload = message.payload.ok_or("Invalid message: `payload` is missing")?;
            let request = request::from_payload(payload.get())?;
            Ok(ClientMessage::Subscribe { id, request })
        }
        Some("complete") => Ok(ClientMessage::Complete { id: id(message.id)? }),
        Some(_) => Err("Invalid message: unknown `type`"),
        None => Err("Invalid message: `type` is missing"),
    }
}

fn id(id: Option<Value>) -> Result<String, &'static str> {
    match id {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err("Invalid message: `id` must be a string that is not empty"),
    }
}

/// `null` is no payload.
fn object(payload: Option<&RawValue>) -> Result<Payload, &'static str> {
    let Some(payload) = payload else { return Ok(Payload::new()) };
    serde_json::from_str(payload.get()).map_err(|_| "Invalid message: `payload` must be an object")
}
