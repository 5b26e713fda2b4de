//! Sockets under random frames, right ones and wrong ones in any order: each ends open and answering, or closed with a
//! code that the protocol has, and the server lives.

use futures_util::{SinkExt as _, StreamExt as _};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Duration, timeout},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{Line, World};

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a client can be closed with that sends whatever it likes.
const CODES: [u16; 9] = [1000, 1002, 1007, 1009, 4400, 4401, 4403, 4409, 4429];
const CASES: usize = 150;

#[derive(Debug, Clone)]
enum Sent {
    Message(Value),
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Frame { bytes: Vec<u8>, is_text: bool, is_final: bool },
    Raw(Vec<u8>),
}

fn document() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{ apiInfo { name } }".to_owned()),
        Just("{ viewer { subject } tasks { nodes { id } } }".to_owned()),
        Just("mutation { login { ready } }".to_owned()),
        Just("subscription { viewerPermissionsChanged { permissions } }".to_owned()),
        Just("subscription { taskChanged { kind } }".to_owned()),
        "[{}()a-z:$! ]{0,40}",
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..60);
    let payload = prop_oneof![
        Just(json!({})),
        Just(json!(null)),
        Just(json!({"authorization": "Bearer a.b.c"})),
        Just(json!(7)),
    ];
    let kind = prop_oneof![
        3 => Just("connection_init"), 4 => Just("ping"), 2 => Just("pong"), 1 => Just("connection_ack"),
    ];
    let free = (kind, payload).prop_map(|(kind, payload)| json!({"type": kind, "payload": payload}));
    let subscribe = (0..6, document()).prop_map(
        |(id, query)| json!({"type": "subscribe", "id": format!("{id}"), "payload": {"query": query}}),
    );
    let complete = (0..6).prop_map(|id| json!({"type": "complete", "id": format!("{id}")}));
    prop_oneof![
        12 => prop_oneof![free, subscribe, complete].prop_map(Sent::Message),
        1 => "\\PC{0,60}".prop_map(Sent::Text),
        1 => bytes().prop_map(Sent::Binary),
        2 => proptest::collection::vec(any::<u8>(), 0..125).prop_map(Sent::Ping),
        1 => (bytes(), any::<bool>(), any::<bool>())
            .prop_map(|(bytes, is_text, is_final)| Sent::Frame { bytes, is_text, is_final }),
        1 => bytes().prop_map(Sent::Raw),
    ]
}

async fn send(line: &mut Line, sent: Sent) {
    let message = match sent {
        Sent::Message(message) => Message::text(message.to_string()),
        Sent::Text(text) => Message::text(text),
        Sent::Binary(bytes) => Message::binary(bytes),
        Sent::Ping(bytes) => Message::Ping(bytes.into()),
        Sent::Frame { bytes, is_text, is_final } => {
            let opcode = OpCode::Data(if is_text { Data::Text } else { Data::Continue });
            Message::Frame(Frame::message(bytes, opcode, is_final))
        }
        Sent::Raw(bytes) => {
            // A server that has closed already will be heard to have.
            let _ = line.0.get_mut().write_all(&bytes).await;
            return;
        }
    };
    line.sends(message).await;
}

/// The code with which the socket is closed at the end, or none if it still answers.
async fn end(line: &mut Line) -> Option<u16> {
    let last = json!({"type": "ping", "payload": {"is": "the last"}});
    line.says(&last).await;
    // Half a frame keeps the server waiting for the rest, so the client has to close.
    let _ = line.0.send(Message::Close(None)).await;
    let _ = line.0.get_mut().shutdown().await;
    while let Some(Ok(message)) = line.0.next().await {
        match message {
            Message::Text(text) if text.contains("the last") => return None,
            Message::Text(text) => drop(serde_json::from_str::<Value>(&text).unwrap()),
            Message::Close(frame) => return frame.map(|frame| frame.code.into()).or(Some(1000)),
            _ => {}
        }
    }
    // Cut off in the middle of a frame, there is nobody to tell.
    Some(1000)
}

#[tokio::test]
async fn random_frames_end_in_a_state_that_the_protocol_has() {
    let world = World::start().await;
    let token = world.signed_in("manager").await.token();
    // The same cases in every run, so that a failure can be looked at.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut cases = TestRunner::new_with_rng(Config::default(), rng);
    let frames = proptest::collection::vec(sent(), 0..12);
    let mut ends = std::collections::BTreeMap::<_, u32>::new();
    for case in 0..CASES {
        let frames = frames.new_tree(&mut cases).unwrap().current();
        let mut line = if case % 3 == 0 {
            Line::open(&world.url).await
        } else {
            Line::initialised(&world.url, json!({"authorization": format!("Bearer {token}")})).await
        };
        for frame in frames.clone() {
            send(&mut line, frame).await;
        }
        let end = timeout(PATIENCE, end(&mut line)).await.expect("it ends");
        assert!(end.is_none_or(|code| CODES.contains(&code)), "{end:?} after {frames:?}");
        *ends.entry(end).or_default() += 1;
    }
    assert!(ends.len() > 4, "the cases reach several ends: {ends:?}");
    assert_eq!(world.nobody().asks("{ __typename }").await.status, 200);
}
