//! The messages of graphql-transport-ws, from and to JSON. Whatever is none of them is refused with a sentence, which
//! becomes the reason of close code 4400.
//!
//! Source: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use super::super::{
    operation::AnswerBody,
    rejection::Rejection,
    request::{self, Asked},
};

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
    Subscribe { id: String, asked: Asked },
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
    let is_object = text.trim_start().starts_with('{');
    // A list of the members' values would be read as an object otherwise.
    let message = is_object.then(|| serde_json::from_str::<Message<'_>>(text).ok()).flatten();
    let message = message.ok_or("Invalid message: not a JSON object of the protocol")?;
    match message.kind.as_ref().and_then(Value::as_str) {
        Some("connection_init") => Ok(ClientMessage::ConnectionInit(object(message.payload)?)),
        Some("ping") => Ok(ClientMessage::Ping(object(message.payload)?)),
        Some("pong") => object(message.payload).map(|_| ClientMessage::Pong),
        Some("subscribe") => {
            let id = id(message.id)?;
            let payload = message.payload.ok_or("Invalid message: `payload` is missing")?;
            let asked = request::from_payload(payload.get())?;
            Ok(ClientMessage::Subscribe { id, asked })
        }
        Some("complete") => Ok(ClientMessage::Complete { id: id(message.id)? }),
        Some(_) => Err("Invalid message: unknown `type`"),
        None => Err("Invalid message: `type` is missing"),
    }
}

/// The answer to a renewal that could not be looked at.
pub(super) fn rejected(rejection: &Rejection, request_id: &str) -> Payload {
    Payload::from_iter([("errors".to_owned(), json!([rejection.error(request_id)]))])
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fuzz::fuzz;

    #[test]
    fn fuzz_messages() {
        let seeds = [
            r#"{"type":"connection_init","payload":{"authorization":"Bearer a.b.c","headers":{"Authorization":"x"}}}"#,
            r#"{"id":"1","type":"subscribe","payload":{"query":"{ a }","variables":{"a":[1,{"b":null}]},"operationName":"A","extensions":{}}}"#,
            r#"{"id":"1","type":"subscribe","payload":{"documentId":"sha256:ab","extensions":{"persistedQuery":{"version":1,"sha256Hash":"ab"}}}}"#,
            r#"{"type":"ping","payload":{}}"#,
            r#"{"id":"1","type":"complete"}"#,
        ];
        fuzz("messages", &seeds, |bytes| {
            if let Err(problem) = read(&String::from_utf8_lossy(bytes)) {
                assert!(problem.len() <= 123, "{problem}");
            }
        });
    }

    /// Members as they might come, wrong ones among them.
    fn member() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(|number| json!(number)),
            "[a-z]{0,3}".prop_map(|text| json!(text)),
            Just(json!("{ __typename }")),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| json!(items)),
                proptest::collection::btree_map(
                    prop_oneof![Just("query".to_owned()), Just("variables".to_owned()), "[a-z]{1,9}"],
                    inner,
                    0..4
                )
                .prop_map(|members| json!(members)),
            ]
        })
    }

    fn kind() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("connection_init"),
            Just("ping"),
            Just("pong"),
            Just("subscribe"),
            Just("complete"),
            Just("connection_ack"),
            Just("next"),
            Just(""),
        ]
    }

    /// The protocol once more, in the plainest words.
    fn is_message(kind: &str, id: &Value, payload: &Value) -> bool {
        let has_id = id.as_str().is_some_and(|id| !id.is_empty());
        let is_optional = |member: &Value| member.is_null() || member.is_object();
        match kind {
            "connection_init" | "ping" | "pong" => is_optional(payload),
            "complete" => has_id,
            "subscribe" => {
                let name = &payload["operationName"];
                has_id
                    && payload["query"].is_string()
                    && (name.is_null() || name.is_string())
                    && is_optional(&payload["variables"])
                    && is_optional(&payload["extensions"])
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn exactly_the_messages_of_the_protocol_are_read(kind in kind(), id in member(), payload in member()) {
            let text = json!({"type": kind, "id": id, "payload": payload, "more": 1}).to_string();
            prop_assert_eq!(read(&text).is_ok(), is_message(kind, &id, &payload), "{}", text);
        }

        #[test]
        fn any_text_is_read_or_refused_in_few_words(text in "\\PC{0,200}|[\\[\\]{}\":,a-z0-9 ]{0,200}") {
            if let Err(problem) = read(&text) {
                prop_assert!(problem.len() <= 123);
            }
        }
    }
}
