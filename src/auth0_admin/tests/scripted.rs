//! A tenant on loopback that records what it is asked and answers by script, faults included.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::auth0_admin::{Admin, Config};

pub(super) const TOKEN: &str = "POST /oauth/token";

/// One request as it arrived: `METHOD /target`, the `Authorization` header, the body.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// How to answer.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Status(u16),
    Json(Value),
    /// A status with one header.
    Header(u16, &'static str, String),
    /// Never.
    Hang,
    /// Headers and half a body, then the connection breaks.
    Truncated,
}

/// A token that is good for an hour.
pub(super) fn token(name: &str) -> Reply {
    Reply::Json(
        json!({"access_token": name, "scope": "delete:users", "expires_in": 3600, "token_type": "Bearer"}),
    )
}

/// Serves until dropped.
pub(super) struct Tenant {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    running: JoinHandle<()>,
}

impl Tenant {
    pub(super) async fn start(script: impl Fn(&Asked) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let router = Router::new().fallback(move |request: Request| {
            let (script, log) = (script.clone(), log.clone());
            async move {
                let asked = record(request).await;
                log.lock().unwrap().push(asked.clone());
                respond(script(&asked)).await
            }
        });
        let running = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked, running }
    }

    /// A tenant with good tokens that answers every removal like this.
    pub(super) async fn answering(reply: Reply) -> Self {
        Self::start(move |asked| if asked.line == TOKEN { token("t1") } else { reply.clone() }).await
    }

    /// A client that knows the way here, with a time-out that only a hang exceeds.
    pub(super) fn admin(&self) -> Admin {
        Admin::new(&self.config()).unwrap()
    }

    pub(super) fn config(&self) -> Config {
        config_for(self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    pub(super) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|asked| asked.starts_with(line)).count()
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(super) fn config_for(address: SocketAddr) -> Config {
    let issuer = format!("http://{address}/").parse().unwrap();
    Config::new(issuer, "client-1".into(), "hush".into())
}

/// An address where nobody listens: bound once, so that it is free, and closed again.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

async fn record(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let authorization = parts.headers.get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
    Asked {
        line: format!("{} {}", parts.method, parts.uri.path_and_query().unwrap()),
        authorization: authorization.to_owned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn respond(reply: Reply) -> Response {
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::Json(body) => axum::Json(body).into_response(),
        Reply::Header(code, name, value) => {
            let header = (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
            (status(code), [header]).into_response()
        }
        Reply::Hang => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            StatusCode::OK.into_response()
        }
        Reply::Truncated => {
            let parts = stream::iter([Ok(r#"{"access_token": "#), Err(std::io::Error::other("cut"))])
                // The first half must be on its way before the break, or no answer begins at all.
                .then(|part| async {
                    tokio::task::yield_now().await;
                    part
                });
            ([(header::CONTENT_LENGTH, "1000")], Body::from_stream(parts)).into_response()
        }
    }
}
