//! What a socket may cost, and how it ends when the client or the server is to blame: sizes, silence, slowness, stops.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::support::{Line, Process, World, eventually};

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A subscription that says nothing by itself.
const QUIET: &str = "subscription { viewerPermissionsChanged { permissions } }";
const OURS: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");
/// Largest message of a client.
const MAX_MESSAGE: usize = 65_536;

/// A ping of exactly so many bytes.
fn ping(bytes: usize) -> Value {
    let shell = json!({"type": "ping", "payload": {"filling": ""}}).to_string().len();
    json!({"type": "ping", "payload": {"filling": "x".repeat(bytes - shell)}})
}

fn text_frame(bytes: Vec<u8>, opcode: Data, is_final: bool) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(opcode), is_final))
}

#[tokio::test]
async fn a_message_may_have_64_kib_in_one_frame_or_in_many() {
    let world = World::start().await;
    let mut line = Line::initialised(&world.url, json!({})).await;
    line.says(&ping(MAX_MESSAGE)).await;
    assert_eq!(line.hears().await["type"], "pong");
    line.says(&ping(MAX_MESSAGE + 1)).await;
    assert_eq!(line.closes().await, (1009, "Message too big".into()));

    let mut line = Line::initialised(&world.url, json!({})).await;
    line.sends(text_frame(vec![b' '; MAX_MESSAGE], Data::Text, false)).await;
    line.sends(text_frame(vec![b' '; 1], Data::Continue, true)).await;
    assert_eq!(line.closes().await.0, 1009);

    let mut line = Line::initialised(&world.url, json!({})).await;
    // Whoever closes with something unread takes back what was sent, on some systems the reason too.
    line.0.send(Message::text("x".repeat(8 * 1024 * 1024))).await.expect("it is read away");
    assert_eq!(line.closes().await.0, 1009);
}

#[tokio::test]
async fn what_is_no_frame_or_no_text_closes_with_the_codes_of_websocket() {
    let world = World::start().await;
    let mut line = Line::initialised(&world.url, json!({})).await;
    line.sends(text_frame(vec![0xFF, 0xFE], Data::Text, true)).await;
    assert_eq!(line.closes().await, (1007, "Not UTF-8".into()));

    // Without a mask, with a reserved bit, an end without a beginning, a control frame in pieces.
    for bytes in [[0x81, 0x02, b'{', b'}'], [0xC1, 0x80, 0, 0], [0x80, 0x80, 0, 0], [0x09, 0x80, 0, 0]] {
        let mut line = Line::initialised(&world.url, json!({})).await;
        line.0.get_mut().write_all(&[&bytes[..], &[0; 2]].concat()).await.unwrap();
        assert_eq!(line.closes().await.0, 1002, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_client_that_closes_is_answered_with_its_own_code() {
    let world = World::start().await;
    let mut line = Line::initialised(&world.url, json!({})).await;
    line.0.close(None).await.unwrap();
    let end = timeout(PATIENCE, line.0.collect::<Vec<_>>()).await.expect("the server closes too");
    assert!(end.iter().all(Result::is_ok), "{end:?}");
}

#[tokio::test]
async fn a_silent_client_is_let_go_and_one_that_answers_pings_is_not() {
    let world = World::with(|config| config.http.ws_keep_alive = Duration::from_millis(200)).await;
    let mut silent = Line::initialised(&world.url, json!({})).await;
    // Pings are only answered by a client that reads frames.
    let mut heard = Vec::new();
    let frame = [&[0x88, 20, 0x11, 0x38][..], b"Keep-alive timeout"].concat();
    let closes = async {
        while !heard.ends_with(&frame) && silent.0.get_mut().read_buf(&mut heard).await.unwrap() > 0 {}
    };
    timeout(PATIENCE, closes).await.expect("it is closed");
    assert!(heard.ends_with(&frame), "{heard:?}");

    let mut alive = Line::initialised(&world.url, json!({})).await;
    for _ in 0..4 {
        let heard = timeout(PATIENCE, alive.0.next()).await.expect("a ping").unwrap().unwrap();
        assert!(matches!(heard, Message::Ping(_)), "{heard:?}");
    }
    alive.says(&json!({"type": "ping"})).await;
    assert_eq!(alive.hears().await["type"], "pong");
}

/// Whether a line of the metrics is there, asked for again until it is.
async fn measures(process: &Process, line: &str) {
    let asked = async {
        loop {
            let page = reqwest::get(format!("{}/metrics", process.url)).await.unwrap().text().await.unwrap();
            if page.lines().any(|found| found == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{line} is not measured"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_to_refetch_and_costs_nothing_more() {
    let world = World::start().await;
    let more = [("--send-timeout-ms", "300"), ("--max-subscriptions-per-socket", "1000")];
    let files = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/slow.db?mode=rwc", files.path().display());
    let process = Process::start(&world.sandbox, &database, &more).await;
    let socket = TcpSocket::new_v4().unwrap();
    // The network keeps little for those who do not read.
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = process.url.trim_start_matches("http://").parse().unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut line = Line::over(stream, &process.url, &[OURS]).await.unwrap();
    let token = world.persona("manager").await.token();
    line.says(&json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}))
        .await;
    assert_eq!(line.hears().await["type"], "connection_ack");
    measures(&process, "sockets_open 1").await;
    line.says(&json!({"type": "subscribe", "id": "quiet", "payload": {"query": QUIET}})).await;
    measures(&process, "subscriptions_open{transport=\"websocket\"} 1").await;

    let large = "{ __schema { types { name description fields { name description args { name } } } } }";
    for id in 0..400 {
        line.says(&json!({"type": "subscribe", "id": id.to_string(), "payload": {"query": large}})).await;
    }

    measures(&process, "sockets_closed_total{code=\"1013\"} 1").await;
    measures(&process, "subscriptions_open{transport=\"websocket\"} 0").await;
    assert_eq!(line.closes().await, (1013, "Slow consumer, refetch".into()));
    measures(&process, "sockets_open 0").await;
}

#[tokio::test]
async fn a_socket_takes_a_place_among_the_connections() {
    let world = World::with(|config| config.http.max_connections = 1).await;
    let mut line = Line::initialised(&world.url, json!({})).await;
    let health = tokio::spawn(world.client.get(format!("{}/health", world.url)).send());
    for _ in 0..50 {
        line.says(&json!({"type": "ping"})).await;
        assert_eq!(line.hears().await["type"], "pong");
    }
    assert!(!health.is_finished(), "there is one place");
    drop(line);
    assert_eq!(timeout(PATIENCE, health).await.unwrap().unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn when_the_server_stops_what_is_on_its_way_is_answered_and_sockets_are_closed_with_1001() {
    let mut world = World::with(|config| config.permit.answer_timeout = Duration::from_secs(10)).await;
    let pdp = world.sandbox.pdp.url();
    let idle = world.persona("viewer").await.connects().await;
    let busy = world.signed_in("manager").await.connects().await;
    let before = world.count(&pdp, "POST /allowed").await;
    let _quiet = busy.subscribes(QUIET).await;
    // Or its question would be taken for the mutation's.
    while world.count(&pdp, "POST /allowed").await == before {
        tokio::task::yield_now().await;
    }
    world.break_it(&pdp, json!({"kind": "delay", "ms": 400})).await;
    let before = world.count(&pdp, "POST /allowed").await;
    let create = "mutation { createTask(input: {title: \"Late\"}) { task { title } } }";
    let mut created = busy.subscribes(create).await;
    while world.count(&pdp, "POST /allowed").await == before {
        tokio::task::yield_now().await;
    }

    let stopped = world.stops();

    assert_eq!(created.next().await["data"]["createTask"]["task"]["title"], "Late");
    created.completes().await;
    for mut socket in [idle, busy] {
        assert_eq!(socket.closes().await, (1001, "Server is going away".into()));
    }
    timeout(PATIENCE, stopped).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn a_mutation_that_its_client_left_keeps_its_place_until_it_is_done() {
    let world = World::with(|config| {
        config.http.max_subscriptions_per_socket = 1;
        config.permit.answer_timeout = PATIENCE;
    })
    .await;
    let authorization = format!("Bearer {}", world.signed_in("manager").await.token());
    let mut line = Line::initialised(&world.url, json!({"authorization": authorization})).await;
    let pdp = world.sandbox.pdp.url();
    world.forgets_counts(&pdp).await;
    world.break_it(&pdp, json!({"kind": "delay", "ms": 2000})).await;
    let subscribe =
        |id: &str, query: &str| json!({"type": "subscribe", "id": id, "payload": {"query": query}});
    let create = "mutation { createTask(input: {title: \"Left\"}) { userErrors { code } } }";
    line.says(&subscribe("left", create)).await;
    eventually("the question", async || (world.count(&pdp, "POST /allowed").await > 0).then_some(())).await;

    line.says(&json!({"type": "complete", "id": "left"})).await;
    line.says(&subscribe("early", "{ __typename }")).await;

    let refused = line.hears().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "TOO_MANY_SUBSCRIPTIONS", "{refused}");
    let line = tokio::sync::Mutex::new(line);
    eventually("its place", async || {
        let mut line = line.lock().await;
        line.says(&subscribe("later", "{ __typename }")).await;
        (line.hears().await["type"] == "next").then_some(())
    })
    .await;
}
