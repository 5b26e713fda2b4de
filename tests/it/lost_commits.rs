//! A commit whose answer is lost on the way: it is done, and the client is told that nobody knows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{Fresh, World};

/// A way to a server of PostgreSQL, which is cut behind a `COMMIT` while it is `fragile`.
struct Way {
    url: String,
    fragile: Arc<AtomicBool>,
}

impl Way {
    async fn to(database: &Fresh) -> Self {
        let mut url: reqwest::Url = database.url.parse().unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        url.set_query(Some("sslmode=disable"));
        let fragile = Arc::new(AtomicBool::new(false));
        let cuts = fragile.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, cuts.clone()));
            }
        });
        Self { url: url.into(), fragile }
    }
}

/// Passes on what both say, until one of them leaves.
async fn pass(mut client: TcpStream, mut server: TcpStream, fragile: Arc<AtomicBool>) {
    let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let said = &asked[..read.unwrap_or_default()];
                if said.is_empty() || server.write_all(said).await.is_err() {
                    return;
                }
                if fragile.load(Ordering::SeqCst) && said.windows(6).any(|word| word == b"COMMIT") {
                    // It is committed when the server answers.
                    assert!(server.read(&mut answered).await.unwrap() > 0);
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let said = &answered[..read.unwrap_or_default()];
                if said.is_empty() || client.write_all(said).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_client_is_told_that_nobody_knows_what_came_of_a_commit() {
    let Some(database) = Fresh::on_postgres().await else { return };
    let (world, way) = (World::start().await, Way::to(&database).await);
    let node = world.another_node_with(|config| config.store.url = way.url.clone().into()).await;
    let manager = node.bearer(world.persona("manager").await.token());
    manager.asks("mutation { login { ready } }").await.data();
    let create = "mutation { createTask(input: {title: \"Late\", idempotencyKey: \"k\"}) { task { id } } }";

    way.fragile.store(true, Ordering::SeqCst);
    let answer = manager.asks(create).await;
    way.fragile.store(false, Ordering::SeqCst);

    let told = &answer.body["errors"][0]["extensions"];
    assert_eq!((&told["code"], &told["outcome"]), (&json!("INTERNAL"), &json!("UNKNOWN")), "{}", answer.body);
    let done = manager.asks("{ tasks { nodes { id title } } }").await.data()["tasks"]["nodes"].clone();
    assert_eq!(done[0]["title"], "Late", "{done}");
    let again = manager.asks(create).await.data();
    assert_eq!(again["createTask"]["task"]["id"], done[0]["id"]);
}
