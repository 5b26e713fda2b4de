//! Faults that a test or an operator can switch on: `PUT /sandbox/faults` adds one, `DELETE` clears all.
//!
//! ```json
//! {"kind": "status", "status": 429, "retryAfter": 2, "path": "/allowed/bulk", "times": 3}
//! {"kind": "unanswered", "method": "PUT", "pathPrefix": "/v2/facts/", "after": 2}
//! ```

use std::{
    future,
    time::{Duration, SystemTime},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

/// One fault, where it strikes and how often.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fault {
    #[serde(flatten)]
    kind: Kind,
    /// Strikes only this method, in capitals; absent, every method.
    method: Option<String>,
    /// Strikes only this exact path; absent, every path.
    path: Option<String>,
    /// Strikes only paths that begin so, and only as they were sent, percent signs included.
    path_prefix: Option<String>,
    /// Lets this many requests through that it would have struck.
    after: Option<u32>,
    /// Strikes this many times and is gone; absent, until cleared.
    times: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Kind {
    /// Answers correctly, late.
    Delay { ms: u64 },
    /// Answers with this status and no useful body. Waits are in seconds: `retryAfter` as the standard header,
    /// `rateLimitReset` as Auth0's.
    Status { status: u16, retry_after: Option<u64>, rate_limit_reset: Option<u64> },
    /// Accepts the request, does nothing and never answers.
    Hang,
    /// Carries the request out and never answers: the sender cannot tell this from `hang`.
    Unanswered,
    /// Answers 200 with something that is not JSON.
    Malformed,
    /// Promises more bytes than it sends, then closes the connection.
    Truncated,
    /// Leaves out the last element of a bulk answer.
    WrongLength,
}

impl Fault {
    /// The first fault that strikes this request; one that has struck often enough is removed.
    pub(super) fn take(faults: &mut Vec<Self>, method: &Method, path: &str) -> Option<Self> {
        let index =
            faults.iter_mut().position(|fault| fault.strikes(method, path) && !fault.lets_through())?;
        let struck = faults[index].clone();
        if let Some(left) = &mut faults[index].times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                faults.remove(index);
            }
        }
        Some(struck)
    }

    fn strikes(&self, method: &Method, path: &str) -> bool {
        self.method.as_deref().is_none_or(|name| name == method.as_str())
            && self.path.as_deref().is_none_or(|at| at == path)
            && self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }

    /// Whether it waits for a later request yet; this one counts.
    fn lets_through(&mut self) -> bool {
        let Some(left) = self.after.as_mut().filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    pub(super) async fn disturb(self, request: Request, next: Next) -> Response {
        match self.kind {
            Kind::Delay { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                next.run(request).await
            }
            Kind::Status { status, retry_after, rate_limit_reset } => {
                let mut response = refusal(status, retry_after);
                response.headers_mut().extend(rate_limit_reset.map(rate_limit).into_iter().flatten());
                response
            }
            Kind::Hang => future::pending().await,
            Kind::Unanswered => {
                next.run(request).await;
                future::pending().await
            }
            Kind::Malformed => json(Body::from(r#"{"allow": [ nonsense"#)),
            Kind::Truncated => truncated(),
            Kind::WrongLength => shortened(next.run(request).await).await,
        }
    }
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(serde_json::json!({"error": "injected fault"}))).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Auth0's rate limit headers; the reset is a moment.
fn rate_limit(seconds: u64) -> [(HeaderName, HeaderValue); 3] {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let values = [("limit", 2), ("remaining", 0), ("reset", now.as_secs() + seconds)];
    values.map(|(name, value)| {
        let name = format!("x-ratelimit-{name}");
        (HeaderName::try_from(name).expect("letters and hyphens"), HeaderValue::from(value))
    })
}

fn truncated() -> Response {
    let half = stream::iter([Ok(Bytes::from_static(br#"{"allow": ["#))]);
    let broken = half.chain(stream::once(async {
        // The first half has to be on its way before the connection breaks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("injected fault"))
    }));
    let mut response = json(Body::from_stream(broken));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(4096));
    response
}

async fn shortened(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut answer) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    if let Some(list) = answer.get_mut("allow").and_then(serde_json::Value::as_array_mut) {
        list.pop();
    }
    json(Body::from(answer.to_string()))
}
