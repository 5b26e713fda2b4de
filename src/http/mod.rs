//! The API over HTTP: routes, limits, and what every answer carries.
//!
//! Layers, outermost first: the request gets its name and its trace span, the answer its headers; CORS answers
//! preflights; panics become a 500. Everything that can fail answers in the shape of GraphQL errors.
//!
//! Begin with [`graphql`]: [`sender`] says who asks, [`operation`] what, [`execution`] what becomes of it; [`socket`] and
//! [`event_stream`] are the other ways in.

mod address;
mod connection;
mod console;
mod documents;
mod event_stream;
mod execution;
mod gauges;
mod graphql;
mod health;
mod layers;
mod negotiation;
mod operation;
mod outcome;
mod parser;
mod patience;
mod permissions;
mod rejection;
mod request;
mod sender;
mod serve;
mod socket;
mod subscribers;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{Extensions, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;
use url::Url;

pub use documents::{DocumentsConfig, Ladder};
pub use serve::serve;

use self::{
    console::Console, documents::Documents, health::Outlook, negotiation::MediaType, parser::Parser,
    rejection::Rejection, subscribers::Subscribers,
};
use crate::{
    auth::Authenticator,
    graphql::{Api, TrustedDocuments},
    rate_limit::RateLimits,
    trace::TraceContext,
};

/// How the API is served.
#[derive(Debug, Clone)]
pub struct Config {
    /// `CORS_ORIGINS`: origins of browsers that may call the API. Default none.
    pub cors_origins: Vec<String>,
    /// `TRUSTED_PROXIES`: whose word counts about the address of a client. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// `MAX_BODY_BYTES`: largest request body. Default 1 MiB.
    pub max_body_bytes: usize,
    /// `HEADER_TIMEOUT_MS`: longest that a client may take for its headers. Default 10 s.
    pub header_timeout: Duration,
    /// `BODY_TIMEOUT_MS`: longest that a client may take for its body. Default 10 s.
    pub body_timeout: Duration,
    /// `SEND_TIMEOUT_MS`: longest that a client may take to read what it was sent. Default 10 s.
    pub send_timeout: Duration,
    /// `OPERATION_TIMEOUT_MS`: longest that a query or a mutation may take. Default 30 s.
    pub operation_timeout: Duration,
    /// `WS_INIT_TIMEOUT_MS`: longest that a socket may stay open before its `connection_init`. Default 3 s.
    pub ws_init_timeout: Duration,
    /// `WS_KEEP_ALIVE_MS`: pause between two signs of life on a socket or in an event stream. Default 20 s.
    pub ws_keep_alive: Duration,
    /// `MAX_SUBSCRIPTIONS_PER_SOCKET`: operations in flight on one socket. Default 32.
    pub max_subscriptions_per_socket: usize,
    /// `MAX_SUBSCRIPTIONS_PER_SUBJECT`: open subscriptions of somebody over all their connections. Default 100.
    pub max_subscriptions_per_subject: usize,
    /// `MAX_CONNECTIONS`: connections served at the same time, sockets included. Default 10,000.
    pub max_connections: usize,
    /// `SHUTDOWN_DELAY_MS`: how long requests are still taken after the signal to stop, while `/ready` says no.
    /// Default 0.
    pub shutdown_delay: Duration,
    /// `SHUTDOWN_GRACE_MS`: how long running requests may go on after that. Default 10 s.
    pub shutdown_grace: Duration,
    pub documents: DocumentsConfig,
    /// `CONSOLE`: whether GraphiQL is served at `/`. Default off; on in the sandbox.
    pub console: bool,
    /// `CONSOLE_TOKEN_URL`: where the console's persona menu gets tokens; without it there is no menu.
    pub console_token_url: Option<Url>,
}

/// Where the request with these extensions is in a trace.
fn trace_of(extensions: &Extensions) -> TraceContext {
    extensions.get().copied().unwrap_or_else(TraceContext::begin)
}

/// Name of a request, in logs, errors and the `x-request-id` header.
#[derive(Debug, Clone)]
struct RequestId(Arc<str>);

struct AppState {
    api: Api,
    authenticator: Authenticator,
    documents: Documents,
    parser: Parser,
    subscribers: Subscribers,
    outlook: Outlook,
    rate_limits: Arc<RateLimits>,
    metrics: PrometheusHandle,
    console: Option<Console>,
    config: Config,
}

/// Every route of the server.
pub fn router(
    config: &Config,
    api: Api,
    authenticator: Authenticator,
    rate_limits: Arc<RateLimits>,
    trusted: TrustedDocuments,
    metrics: PrometheusHandle,
) -> Router {
    let console = config.console.then(|| Console::new(config.console_token_url.as_ref()));
    let pages = console.as_ref().map_or_else(Router::new, console::routes);
    let state = Arc::new(AppState {
        documents: Documents::new(&config.documents, trusted),
        parser: Parser::new(),
        subscribers: Subscribers::new(config.max_subscriptions_per_subject),
        outlook: Outlook::new(),
        config: config.clone(),
        api,
        authenticator,
        rate_limits,
        metrics,
        console,
    });
    let routes = Router::new()
        .route("/graphql", any(endpoint))
        .route("/schema.graphql", get(schema))
        .route("/permissions.json", get(manifest))
        .route("/permissions", post(permissions::serve).fallback(only_post))
        .route("/health", get(health::live))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics_page))
        .merge(pages)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(state);
    layers::layered(routes, &config.cors_origins)
}

/// One address for all transports: a WebSocket when one is asked for, else HTTP.
async fn endpoint(
    State(state): State<Arc<AppState>>,
    Extension(RequestId(id)): Extension<RequestId>,
    request: Request,
) -> Response {
    if socket::is_asked_for(request.headers()) {
        let opened = socket::open(state, id.clone(), request).await;
        opened.unwrap_or_else(|rejection| rejection.into_response(MediaType::Json, &id))
    } else {
        graphql::serve(state, &id, request).await
    }
}

async fn schema(
    State(state): State<Arc<AppState>>,
    Extension(RequestId(id)): Extension<RequestId>,
) -> Response {
    match state.api.sdl() {
        Some(sdl) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], sdl.to_owned()).into_response(),
        None => Rejection::not_found().into_response(MediaType::Json, &id),
    }
}

async fn manifest(State(state): State<Arc<AppState>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], state.api.permissions().to_owned()).into_response()
}

async fn metrics_page(State(state): State<Arc<AppState>>) -> Response {
    health::measure(&state).await;
    let page = state.metrics.render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

async fn not_found(Extension(RequestId(id)): Extension<RequestId>) -> Response {
    Rejection::not_found().into_response(MediaType::Json, &id)
}

async fn only_post(Extension(RequestId(id)): Extension<RequestId>) -> Response {
    Rejection::method_not_allowed("POST").into_response(MediaType::Json, &id)
}

async fn method_not_allowed(Extension(RequestId(id)): Extension<RequestId>) -> Response {
    Rejection::method_not_allowed("GET, HEAD").into_response(MediaType::Json, &id)
}
