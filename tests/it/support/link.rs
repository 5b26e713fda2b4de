//! A network between a server and its database, which can go silent: what is sent is taken, and nothing comes back.

use std::future::pending;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// One connection goes silent, and all others work.
pub(crate) struct Link {
    /// The database through this network, as in `DATABASE_URL`.
    pub(crate) url: String,
    /// What the connection says that goes silent next; empty: none does.
    fatal: watch::Sender<&'static str>,
    carrying: JoinHandle<()>,
}

impl Link {
    /// A network in front of the PostgreSQL database at `url`.
    pub(crate) async fn to(url: &str) -> Self {
        let mut url: reqwest::Url = url.parse().unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        // Nothing can be read of what goes through TLS.
        url.set_query(Some("sslmode=disable"));
        let fatal = watch::Sender::new("");
        let carrying = tokio::spawn(carry_all(listener, server, fatal.clone()));
        Self { url: url.into(), fatal, carrying }
    }

    /// The next connection over which `words` are sent goes silent, before they arrive. Ends when one has.
    pub(crate) async fn goes_silent_at(&self, words: &'static str) {
        self.fatal.send_replace(words);
        self.fatal.subscribe().wait_for(|words| words.is_empty()).await.unwrap();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn carry_all(listener: TcpListener, server: String, fatal: watch::Sender<&'static str>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(&server).await.unwrap();
        connections.spawn(carry(client, server, fatal.clone()));
    }
}

async fn carry(client: TcpStream, server: TcpStream, fatal: watch::Sender<&'static str>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        is_silent = send(&mut from_client, &mut to_server, &fatal) => if is_silent {
            // Both ends stay open.
            pending::<()>().await;
        },
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// Sends until one end closes, or the fatal words were said; whether they were.
async fn send(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    fatal: &watch::Sender<&'static str>,
) -> bool {
    let mut bytes = [0; 8_192];
    loop {
        let Ok(length) = from.read(&mut bytes).await else { return false };
        let sent = &bytes[..length];
        let were_said = fatal.send_if_modified(|words| {
            let are_said =
                !words.is_empty() && sent.windows(words.len()).any(|part| part == words.as_bytes());
            if are_said {
                *words = "";
            }
            are_said
        });
        if were_said || length == 0 || to.write_all(sent).await.is_err() {
            return were_said;
        }
    }
}
