//! Requests of any size: refused by a status that says what is too large, soon, and at no cost in memory.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Process, World};

/// Idle connections that a server has to stand.
const IDLE: usize = 10_000;
/// Descriptors that the test needs for other things.
const OTHER_FILES: usize = 200;

/// The status line of the answer to what is written.
async fn status(world: &World, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    // Whoever is refused early may not be able to write all of it.
    let _ = stream.write_all(sent).await;
    let mut answer = vec![0; 15];
    let read = timeout(Duration::from_secs(20), stream.read_exact(&mut answer)).await;
    read.expect("it is answered").map(|_| String::from_utf8(answer).unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_head_of_any_size_is_refused() {
    let world = World::start().await;
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes()
    };
    let long = "a".repeat(40_000);
    for (sent, expected) in [
        (get("/health", ""), "HTTP/1.1 200 OK"),
        (get(&format!("/graphql?query={long}"), ""), "HTTP/1.1 431 Re"),
        (get("/health", &format!("X-Long: {long}\r\n")), "HTTP/1.1 431 Re"),
        (get("/health", &"X: y\r\n".repeat(500)), "HTTP/1.1 431 Re"),
        (get("/health", &format!("{long}: x\r\n")), "HTTP/1.1 431 Re"),
    ] {
        assert_eq!(status(&world, &sent).await, expected, "{:.60}", String::from_utf8_lossy(&sent));
    }
}

#[tokio::test]
async fn a_body_of_any_size_and_kind_is_refused() {
    let world = World::start().await;
    let head = |more: &str| format!("POST /graphql HTTP/1.1\r\nHost: x\r\n{more}\r\n").into_bytes();
    let endless = |more: &str| {
        [head(more), b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n1\r\n ".to_vec()].concat()
    };
    for (sent, expected) in [
        // A chunked body that never ends, and one that only says that it is large.
        (endless("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"), "HTTP/1.1 413 Pa"),
        (
            [
                head("Content-Type: application/json\r\nContent-Length: 99999999999\r\n"),
                vec![b' '; (1 << 20) + 1],
            ]
            .concat(),
            "HTTP/1.1 413 Pa",
        ),
        // Nothing is ever unpacked, so that nothing can become larger than it came.
        (
            head("Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n"),
            "HTTP/1.1 415 Un",
        ),
        (
            head("Content-Type: application/json\r\nContent-Encoding: br, gzip\r\nContent-Length: 9\r\n"),
            "HTTP/1.1 415 Un",
        ),
        (
            head("Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9999999\r\n"),
            "HTTP/1.1 415 Un",
        ),
    ] {
        assert_eq!(status(&world, &sent).await, expected, "{:.120}", String::from_utf8_lossy(&sent));
    }
}

#[tokio::test]
async fn the_introspection_of_every_ide_passes() {
    let world = World::start().await;
    for levels in [3, 7, 9, 10] {
        let of_type = "ofType { kind name ".repeat(levels) + &"}".repeat(levels);
        let document = format!(
            "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }}
            subscriptionType {{ name }} types {{ ...FullType }}
            directives {{ name description locations args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
            fragment FullType on __Type {{ kind name description fields(includeDeprecated: true) {{ name description
            args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }} isDeprecated deprecationReason }}
            inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
            enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
            possibleTypes {{ ...TypeRef }} }}
            fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue }}
            fragment TypeRef on __Type {{ kind name {of_type} }}"
        );
        let data = world.nobody().asks_with(&document, json!({})).await.data();
        assert_eq!(data["__schema"]["queryType"]["name"], "Query", "{levels}");
    }
}

/// How many files this process, and the programs that it starts, may have open.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

/// Takes as many connections as `ulimit -n` lets it, ten thousand at most: run it by name, with `--ignored`.
#[tokio::test]
#[ignore = "takes every connection that the machine gives"]
async fn idle_connections_keep_nobody_out_and_cost_little() {
    let world = World::start().await;
    let files = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/idle.db?mode=rwc", files.path().display());
    let more = [("--header-timeout-ms", "120000"), ("--max-connections", "10100")];
    let process = Process::start(&world.sandbox, &database, &more).await;
    let before = process.resident_bytes();
    let count = IDLE.min(open_files().saturating_sub(OTHER_FILES));
    let mut idle = Vec::with_capacity(count);
    for n in 0..count {
        let mut stream = TcpStream::connect(process.url.trim_start_matches("http://")).await.unwrap();
        // Some say nothing at all, others have half a request.
        if n % 2 == 0 {
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").await.unwrap();
        }
        idle.push(stream);
    }

    let health = timeout(Duration::from_secs(10), reqwest::get(format!("{}/health", process.url))).await;

    assert_eq!(health.expect("a new client is answered").unwrap().status(), 200);
    let each = (process.resident_bytes() - before) / count as u64;
    assert!(each < 40 * 1024, "{each} bytes for each of {count} connections");
}

#[tokio::test]
async fn an_answer_that_grows_too_large_is_cut_off_and_says_so_once() {
    let world = World::start().await;
    let manager = world.signed_in("manager").await;
    let create =
        "mutation($notes: String!) { createTask(input: {title: \"Long\", notes: $notes}) { task { id } } }";
    let notes = "€".repeat(10_000);
    for _ in 0..8 {
        manager.asks_with(create, json!({"notes": notes})).await.data();
    }
    let page = |aliases: usize| {
        let notes: Vec<String> = (0..aliases).map(|n| format!("n{n}: notes")).collect();
        format!("{{ tasks {{ nodes {{ {} }} }} }}", notes.join(" "))
    };

    let answer = manager.asks(&page(50)).await;

    assert_eq!(answer.codes(), ["QUERY_TOO_COMPLEX"]);
    let error = &answer.body["errors"][0];
    assert_eq!(error["extensions"]["what"], "bytes of the answer");
    assert_eq!(error["extensions"]["limit"], 10 * 1024 * 1024);
    assert!(error["extensions"]["actual"].as_u64() > error["extensions"]["limit"].as_u64(), "{error}");
    assert_eq!(error["path"].as_array().unwrap().len(), 4, "{error}");
    let told = answer.body.to_string().len();
    assert!((9 << 20..11 << 20).contains(&told), "{told}");
    assert_eq!(manager.asks(&page(20)).await.codes(), [""; 0], "and the next is as large as it may be");
}
