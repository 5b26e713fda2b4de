//! Test only: a server on loopback that records what it is asked and answers by script, faults included.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Config, ProxyUse};

pub(crate) const API_KEY: &str = "permit_key_hush";

/// One request as it arrived. `target` is the raw path with its query.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Asked {
    /// `METHOD /target`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// How to answer.
pub(crate) enum Reply {
    Json(u16, Value),
    Raw(u16, String),
    /// A status with one header and no body.
    Header(u16, &'static str, String),
    /// Never.
    Hang,
    /// Headers and half a body, then the connection breaks.
    Truncated(&'static str),
}

/// Serves until dropped.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (script, log) = (script.clone(), log.clone());
            async move {
                let asked = record(request).await;
                let reply = script(&asked);
                log.lock().unwrap().push(asked);
                respond(reply).await
            }
        });
        let running = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked, running }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Settings that lead here, with time-outs that only a hang exceeds.
    pub(crate) fn config(&self) -> Config {
        config_for(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Without the facts proxy: a script that does not mind it would be asked for it.
pub(crate) fn config_for(address: SocketAddr) -> Config {
    let url: url::Url = format!("http://{address}").parse().unwrap();
    Config { facts_proxy: ProxyUse::Off, ..Config::new(url.clone(), url, API_KEY.into()) }
}

/// An address where nobody listens: bound once, so that it is free, and closed again.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

async fn record(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Asked {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().unwrap().to_string(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

async fn respond(reply: Reply) -> Response {
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply {
        Reply::Json(code, body) => (status(code), axum::Json(body)).into_response(),
        Reply::Raw(code, body) => (status(code), body).into_response(),
        Reply::Header(code, name, value) => (status(code), [(name, value)]).into_response(),
        Reply::Hang => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            StatusCode::OK.into_response()
        }
        Reply::Truncated(half) => {
            let parts = stream::iter([Ok(half), Err(std::io::Error::other("cut"))])
                // The first half must be on its way before the break, or no answer begins at all.
                .then(|part| async {
                    tokio::task::yield_now().await;
                    part
                });
            ([(header::CONTENT_LENGTH, "1000")], Body::from_stream(parts)).into_response()
        }
    }
}
