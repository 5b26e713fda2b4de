//! What happens to every request, whatever its path.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method,
        header::{
            ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, VARY,
            WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::Response,
};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{RequestId, negotiation::MediaType, rejection::Rejection};

/// Carries the request's name in both directions.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 128;
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 600;

/// Names the request, traces it, and puts the headers on the answer that protect a browser.
pub(super) async fn around(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let path = request.uri().path();
    let span =
        tracing::info_span!("request", request.id = &*id, http.method = %request.method(), http.path = path);
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(VARY, HeaderValue::from_static("accept, authorization"));
    // Answers depend on who asks; assets say for themselves that they may be kept.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A client's own id if it can stand in a log line, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let sane = |text: &&str| {
        (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    match headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane) {
        Some(id) => id.into(),
        None => Uuid::now_v7().to_string().into(),
    }
}

/// Browsers of other origins: only those in the list, never with cookies.
pub(super) fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, X_REQUEST_ID])
        .expose_headers([X_REQUEST_ID, RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(std::time::Duration::from_secs(PREFLIGHT_SECONDS))
}

/// What a client sees of a panic, which is a fault of ours: nothing but that it happened.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    Rejection::internal().into_response(MediaType::Json, &Uuid::now_v7().to_string())
}
