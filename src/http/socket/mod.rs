//! `/graphql` as a WebSocket that speaks graphql-transport-ws: queries, mutations and subscriptions, many at a time.
//!
//! This file is the handshake (RFC 6455, section 4.2), `session` the conversation, `wire` the frames. HTTP/1.1 only:
//! the extended CONNECT of HTTP/2 (RFC 8441) would save a connection, which no client of today asks for.
//!
//! A browser lets any page open a socket to anywhere, and tells only the `Origin`. Ours is safe from that as long as
//! the token never travels by itself, as a cookie would; all the same, a page of an origin that may not call the API
//! may not open a socket either.

mod close;
mod identity;
mod operations;
mod protocol;
mod session;
mod wire;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{
            CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
            SEC_WEBSOCKET_VERSION, UPGRADE,
        },
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::Instrument as _;

use self::{
    close::Close,
    protocol::SUBPROTOCOL,
    session::{Opening, Session},
    wire::Wire,
};
use super::{
    AppState,
    connection::Connection,
    rejection::Rejection,
    sender::{Sender, address_of},
    trace_of,
};

/// The one version of the protocol.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Whether a request wants to become a WebSocket.
pub(super) fn is_asked_for(headers: &HeaderMap) -> bool {
    tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
}

/// Makes a WebSocket of the connection and serves it.
pub(super) async fn open(
    state: Arc<AppState>,
    name: Arc<str>,
    mut request: Request,
) -> Result<Response, Rejection> {
    let accept = accept_key(&request)?;
    check_origin(request.headers(), &state.config.cors_origins)?;
    let address = address_of(&state, request.headers(), request.extensions());
    let token = Sender::of(&state, request.headers(), request.extensions()).await?.token;
    let connection = request.extensions().get::<Connection>().cloned().ok_or_else(Rejection::internal)?;
    let offered = tokens(request.headers(), &SEC_WEBSOCKET_PROTOCOL);
    let (protocol, is_spoken) = choose(offered);
    let mut response = (
        StatusCode::SWITCHING_PROTOCOLS,
        [(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, HeaderValue::from_static("websocket"))],
        [(SEC_WEBSOCKET_ACCEPT, accept)],
        Body::empty(),
    )
        .into_response();
    response.headers_mut().extend(protocol.map(|protocol| (SEC_WEBSOCKET_PROTOCOL, protocol)));
    let span = tracing::info_span!("socket", request.id = &*name);
    let trace = trace_of(request.extensions());
    let opening = Opening { state, connection, address, name, trace, token };
    let upgrade = hyper::upgrade::on(&mut request);
    let served = async move {
        let Ok(upgraded) = upgrade.await else { return };
        let wire = Wire::new(upgraded).await;
        if is_spoken {
            Session::new(opening, wire).run().await;
        } else {
            wire.end(Close::SUBPROTOCOL.into()).await;
        }
    };
    tokio::spawn(served.instrument(span));
    Ok(response)
}

/// The server's half of the handshake.
fn accept_key(request: &Request) -> Result<HeaderValue, Rejection> {
    let headers = request.headers();
    if *request.method() != Method::GET {
        return Err(Rejection::method_not_allowed("GET"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let message = "Only version 13 of the WebSocket protocol is supported.";
        return Err(Rejection::new(StatusCode::UPGRADE_REQUIRED, "BAD_REQUEST", message)
            .header(SEC_WEBSOCKET_VERSION, VERSION));
    }
    let key =
        headers.get(SEC_WEBSOCKET_KEY).filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
    let upgrades = tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    match key {
        Some(key) if upgrades && request.version() == Version::HTTP_11 => {
            HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| Rejection::internal())
        }
        _ => Err(Rejection::bad_request("This is not the handshake of a WebSocket.")),
    }
}

/// Refuses pages of origins that are neither our own nor allowed to call the API. Whoever is no browser sends no origin.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Rejection> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let is_known = origin.to_str().is_ok_and(|origin| {
        // Which scheme we are reached by, a proxy in front of us may know, and we do not.
        let own = headers.get(HOST).and_then(|host| host.to_str().ok());
        let is_own = origin
            .split_once("://")
            .is_some_and(|(_, host)| own.is_some_and(|own| own.eq_ignore_ascii_case(host)));
        is_own || allowed.iter().any(|allowed| allowed == origin)
    });
    if is_known && origins.next().is_none() {
        return Ok(());
    }
    let message = "Pages of this origin may not open a socket; CORS_ORIGINS lists those that may.";
    Err(Rejection::new(StatusCode::FORBIDDEN, "ORIGIN_NOT_ALLOWED", message))
}

/// The subprotocol to answer with, and whether we speak it. One that we do not speak is answered all the same: a
/// browser that gets none hides the close code that tells why.
fn choose<'a>(mut offered: impl Iterator<Item = &'a str>) -> (Option<HeaderValue>, bool) {
    let first = offered.next();
    if first == Some(SUBPROTOCOL) || offered.any(|protocol| protocol == SUBPROTOCOL) {
        return (Some(HeaderValue::from_static(SUBPROTOCOL)), true);
    }
    (first.and_then(|first| HeaderValue::from_str(first).ok()), false)
}

/// The members of a header that is a list.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}
