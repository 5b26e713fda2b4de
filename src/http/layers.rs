//! What happens to every request, whatever its path.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method,
        header::{
            ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, ORIGIN, REFERRER_POLICY, RETRY_AFTER, VARY,
            WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::{self, Next},
    response::Response,
};
use futures_util::FutureExt as _;
use tower::ServiceExt as _;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tracing::{Instrument as _, field::Empty};
use uuid::Uuid;

use super::{RequestId, negotiation::MediaType, rejection::Rejection};
use crate::trace::TraceContext;

/// Carries the request's name in both directions.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 128;
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 600;

/// `routes` with everything around them, outermost first: [`around`], CORS, and the end of panics.
pub(super) fn layered(routes: Router, cors_origins: &[String]) -> Router {
    let routes = routes.layer(middleware::from_fn(survived));
    routes
        .clone()
        .layer(cors(cors_origins))
        .layer(middleware::from_fn_with_state(routes, without_cors))
        .layer(middleware::from_fn(around))
}

/// Names the request, traces it, and puts the headers on the answer that protect a browser.
async fn around(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let path = request.uri().path();
    let span = tracing::info_span!(
        "request", otel.kind = "server", request.id = &*id, trace.id = Empty, http.method = %request.method(),
        http.path = path
    );
    let trace = TraceContext::of_work(&span, sent_trace(request.headers()));
    span.record("trace.id", trace.id());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(trace);
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

/// The trace that a request says it is part of. Two headers say nothing.
fn sent_trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut sent = headers.get_all(TraceContext::HEADER).iter();
    let trace = TraceContext::parse(sent.next()?.to_str().ok()?);
    trace.filter(|_| sent.next().is_none())
}

/// Browsers of other origins: only those in the list, never with cookies.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        // Client libraries add headers of their own. Who may call is decided by the origin, and by a token that no
        // browser sends by itself.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([X_REQUEST_ID, RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(std::time::Duration::from_secs(PREFLIGHT_SECONDS))
}

/// Leaves OPTIONS to the routes where it is no preflight: the CORS layer would answer every one with 200.
async fn without_cors(State(routes): State<Router>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let preflight = headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if preflight || request.method() != Method::OPTIONS {
        return next.run(request).await;
    }
    match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What a client sees of a panic, which is a fault of ours: nothing but that it happened.
async fn survived(Extension(RequestId(id)): Extension<RequestId>, request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request handler panicked");
        Rejection::internal().into_response(MediaType::Json, &id)
    })
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::StatusCode, routing::get};
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    use super::*;

    #[test]
    fn two_traces_are_none() {
        let value: HeaderValue = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(TraceContext::HEADER, value.clone());
        assert!(sent_trace(&headers).is_some());
        headers.append(TraceContext::HEADER, value);
        assert!(sent_trace(&headers).is_none());
    }

    #[tokio::test]
    async fn the_answer_to_a_panic_is_named_and_protected_like_any_other() {
        async fn panics() -> Response {
            panic!("a fault of ours")
        }
        let router = layered(Router::new().route("/", get(panics)), &["https://app.example".to_owned()]);
        let request = Request::get("/").header(X_REQUEST_ID, "mine-1").header(ORIGIN, "https://app.example");

        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[X_REQUEST_ID], "mine-1");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL");
        assert_eq!(answer["errors"][0]["extensions"]["requestId"], "mine-1");
    }
}
