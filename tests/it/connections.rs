//! Connections of clients that are slow, silent or only pretend: let go in time, so that others find a place.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::World;

/// What every HTTP/2 connection begins with, and an empty SETTINGS frame (RFC 9113, section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const H2_PING: u8 = 6;
const H2_ACK: u8 = 1;

async fn impatient() -> World {
    World::with(|config| {
        config.http.header_timeout = Duration::from_millis(100);
        config.http.body_timeout = Duration::from_millis(100);
    })
    .await
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap()
}

/// Everything that comes before the server closes the connection.
async fn answer_to(world: &World, sent: &[u8]) -> String {
    let mut stream = connect(world).await;
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await.expect("it is closed").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let world = impatient().await;
    assert_eq!(answer_to(&world, b"POST /graphql HTTP/1.1\r\nHost: x\r\n").await, "", "headers never end");
    let head =
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    assert!(answer_to(&world, head).await.starts_with("HTTP/1.1 408"), "the body never ends");
}

#[tokio::test]
async fn silent_clients_are_let_go() {
    let world = impatient().await;
    for sent in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"\r\n\r\n", b"GET /health HTTP/1.1\r\n"]
    {
        assert_eq!(answer_to(&world, sent).await, "", "{}", String::from_utf8_lossy(sent));
    }
    let after_an_answer = answer_to(&world, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(after_an_answer.starts_with("HTTP/1.1 200"), "{after_an_answer}");
}

#[tokio::test]
async fn an_http2_client_that_answers_pings_and_asks_nothing_is_let_go() {
    let world = impatient().await;
    let mut stream = connect(&world).await;
    stream.write_all(H2_PREFACE).await.unwrap();

    let pretending = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            if stream.read_exact(&mut payload).await.is_err() {
                return;
            }
            if head[3] == H2_PING && head[4] != H2_ACK {
                head[4] = H2_ACK;
                let pong = [&head[..], &payload].concat();
                // It may have been closed meanwhile.
                let _ = stream.write_all(&pong).await;
            }
        }
    };

    timeout(Duration::from_secs(3), pretending).await.expect("it is closed");
}

#[tokio::test]
async fn clients_that_do_not_read_are_let_go() {
    let world = World::with(|config| {
        config.http.send_timeout = Duration::from_millis(100);
        config.http.max_connections = 1;
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    // The network keeps little for those who do not read.
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(world.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let large = "GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n".repeat(400);
    stream.write_all(large.as_bytes()).await.unwrap();

    let health = world.client.get(format!("{}/health", world.url)).send();

    assert_eq!(
        timeout(Duration::from_secs(20), health).await.expect("there is a place").unwrap().status(),
        200
    );
    drop(stream);
}
