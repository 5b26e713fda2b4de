//! The decision point: one check with `POST /allowed`, more with `POST /allowed/bulk`, in calls of at most
//! [`MAX_CHECKS_PER_CALL`] that run side by side. A failed call fails its own checks and no others.
//!
//! Every decision comes with the position of its check: the answer to a bulk call has no names in it, so one of
//! another length is worthless and refused as a whole. Source: `permitio/PDP`, folder `pdp-server`.
//!
//! Metrics: `pdp_requests_total{endpoint,outcome}` and `pdp_request_seconds{endpoint}` per call (a retried connect
//! is the same call), `pdp_batch_checks` = checks per call.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use reqwest::{Method, RequestBuilder, StatusCode, header::CACHE_CONTROL};

use tracing::Instrument as _;

use super::{Check, Config, Decision, DenyCode, Freshness, PermitError, SetupError, exchange::Exchange, key};
use crate::trace::TraceContext;

mod wire;

#[cfg(test)]
mod tests;

/// Longest bulk call. Bounds the PDP's work on one request and what is lost when one fails.
pub const MAX_CHECKS_PER_CALL: usize = 500;

/// Calls of one `decide` in flight at a time.
const MAX_CONCURRENT_CALLS: usize = 8;

/// Longest wait for a health answer, which the PDP gives after up to 3 s by itself.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Somebody whom Permit does not know.
const NOBODY: &str = "taskgate-nobody";

/// The client of the PDP. Clones share connections.
#[derive(Debug, Clone)]
pub struct Pdp {
    inner: Arc<Inner>,
    /// Of whoever asks. Calls without one are each a trace of its own.
    trace: Option<TraceContext>,
}

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    answer_timeout: Duration,
}

/// What became of a list of checks.
#[derive(Debug)]
pub struct Answers {
    /// One per check, in the order of the checks.
    pub decisions: Vec<Result<Decision, PermitError>>,
    /// HTTP requests sent, retries included.
    pub remote_calls: u32,
}

/// What a user holds in one tenant by roles there, as Permit spells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantPermissions {
    /// Role names.
    pub roles: Vec<String>,
    /// `resource:action`.
    pub permissions: Vec<String>,
}

impl Pdp {
    /// Connects lazily: an absent PDP is found out by the first call.
    ///
    /// # Errors
    /// The address or the API key cannot be used at all.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let exchange = Exchange::new(&config.pdp_url, config)?;
        let inner = Arc::new(Inner { exchange, answer_timeout: config.answer_timeout });
        Ok(Self { inner, trace: None })
    }

    /// The same client, whose calls are parts of `trace`: each carries it in its header `traceparent`.
    #[must_use]
    pub fn within(&self, trace: TraceContext) -> Self {
        Self { inner: self.inner.clone(), trace: Some(trace) }
    }

    /// Decides all `checks`. Never fails as a whole; no checks, no call.
    pub async fn decide(&self, checks: &[Check], freshness: Freshness) -> Answers {
        // Collected first: a lazy stream over borrowed chunks is not provably `Send`.
        let calls: Vec<_> = checks
            .chunks(MAX_CHECKS_PER_CALL)
            .map(|chunk| self.decide_in_one_call(chunk, freshness))
            .collect();
        let mut calls = stream::iter(calls).buffered(MAX_CONCURRENT_CALLS);
        let mut answers = Answers { decisions: Vec::with_capacity(checks.len()), remote_calls: 0 };
        while let Some(part) = calls.next().await {
            answers.decisions.extend(part.decisions);
            answers.remote_calls += part.remote_calls;
        }
        answers
    }

    /// The roles and permissions of `user` in `tenant`, decided now; empty for a user whom Permit does not know.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn user_permissions(&self, user: &str, tenant: &str) -> Result<TenantPermissions, PermitError> {
        let tenant = key::encode(tenant);
        let question = wire::PermissionsQuery::new(user, &tenant);
        let request = self.post("/user-permissions", Freshness::Fresh).json(&question);
        let (result, _) =
            self.call("user-permissions", request, self.inner.answer_timeout, wire::permissions).await;
        let mut entries: HashMap<String, TenantPermissions> = result?;
        Ok(entries.remove(&format!("{}:{tenant}", wire::TENANT_TYPE)).unwrap_or_default())
    }

    /// Whether the PDP can decide: its health page answers success within 3 s.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<(), PermitError> {
        let request = self.inner.exchange.request(Method::GET, "/healthy");
        self.call("healthy", request, HEALTH_TIMEOUT, |_| Ok(())).await.0
    }

    /// Whether the PDP evaluates attribute rules, which the hosted one does not.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn has_attribute_rules(&self) -> Result<bool, PermitError> {
        let mut check = Check::new(NOBODY, "default", "task", "get");
        check.key = Some(NOBODY.into());
        check.attributes = [("owner", NOBODY)].into_iter().collect();
        match self.decide(&[check], Freshness::Fresh).await.decisions.pop() {
            Some(
                Ok(Decision::Deny { code: Some(DenyCode::UnsupportedByPdp) })
                | Err(PermitError::Rejected { status: StatusCode::NOT_IMPLEMENTED }),
            ) => Ok(false),
            Some(answer) => answer.map(|_| true),
            None => Err(PermitError::Incomplete { asked: 1, got: 0 }),
        }
    }

    /// The version of the PDP's API. The hosted one may not tell.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn version(&self) -> Result<u64, PermitError> {
        let request = self.inner.exchange.request(Method::GET, "/version");
        self.call("version", request, self.inner.answer_timeout, wire::version).await.0
    }

    async fn decide_in_one_call(&self, checks: &[Check], freshness: Freshness) -> Answers {
        metrics::histogram!("pdp_batch_checks")
            .record(f64::from(u32::try_from(checks.len()).unwrap_or(u32::MAX)));
        let timeout = self.inner.answer_timeout;
        let (result, remote_calls) = if let [check] = checks {
            let request = self.post("/allowed", freshness).json(&wire::Query::from(check));
            self.call("allowed", request, timeout, wire::decision).await
        } else {
            let request = self.post("/allowed/bulk", freshness).json(&wire::Queries(checks));
            self.call("allowed-bulk", request, timeout, |body| wire::decisions(body, checks.len())).await
        };
        let decisions = match result {
            Ok(decisions) => decisions.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); checks.len()],
        };
        Answers { decisions, remote_calls }
    }

    fn post(&self, path: &str, freshness: Freshness) -> RequestBuilder {
        let request = self.inner.exchange.request(Method::POST, path);
        match freshness {
            Freshness::AnyAge => request,
            Freshness::Fresh => request.header(CACHE_CONTROL, "no-cache"),
        }
    }

    /// Sends, reads with `parse` and counts. A body that does not parse is a failure in the metrics too.
    async fn call<T>(
        &self,
        endpoint: &'static str,
        request: RequestBuilder,
        timeout: Duration,
        parse: impl FnOnce(&[u8]) -> Result<T, PermitError>,
    ) -> (Result<T, PermitError>, u32) {
        let start = Instant::now();
        let span = tracing::info_span!("pdp", otel.kind = "client", endpoint);
        let trace = self.trace.unwrap_or_else(TraceContext::begin);
        let request = request.header(TraceContext::HEADER, trace.of_call(&span));
        let outcome = self.inner.exchange.send(request, timeout).instrument(span).await;
        let result = outcome.result.and_then(|answer| parse(&answer.body));
        let code = result.as_ref().err().map_or("OK", |error| error.cause().code());
        metrics::counter!("pdp_requests_total", "endpoint" => endpoint, "outcome" => code).increment(1);
        metrics::histogram!("pdp_request_seconds", "endpoint" => endpoint).record(start.elapsed());
        (result, outcome.requests)
    }
}
