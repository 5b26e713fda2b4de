//! The REST API: users, tenants and role assignments, which Permit calls facts, and the policy that they stand on.
//!
//! Calls are idempotent in effect: what exists already or is gone already is a result, not an error, so callers may
//! repeat any of them after a failure. Absent fields are left out, never sent as `null`, which Permit would store.
//!
//! Permit's decisions follow a write with a delay of up to some seconds. A PDP of one's own has a proxy for facts
//! ([`proxy`]): what is written through it is seen by the PDP when the call ends, or the call says that it is not
//! ([`Visibility`]). Every write waits for its turn first, so that Permit need not refuse any ([`pace`]).
//!
//! The ids of the project and environment come from the API key, asked once and kept; a failure is not kept.
//! Source: <https://api.permit.io/v2/redoc>. Metrics: `permit_api_requests_total{call,via,outcome}` per call,
//! `permit_api_turn_seconds` = what a write waited for its turn.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::{
    Config, PermitError, SetupError,
    exchange::{Answer, Exchange},
    key,
};

mod pace;
pub mod policy;
mod proxy;
mod role;
mod tenant;
mod user;
mod wire;
mod written;

#[cfg(test)]
mod tests;

pub use proxy::ProxyState;
pub use role::{Assigned, AssignmentPage, Unassigned};
pub use user::{Put, RoleInTenant, User, UserProfile};
pub use written::{Visibility, Written};

use pace::Pace;
use proxy::Proxy;

/// The client of the REST API. Clones share connections, the environment's ids and the pace of writes: a fifth of a
/// minute's writes, and six, may come at once, and the others follow evenly. So at most 270 writes, 54 deletes and 36
/// changes of the policy fall into any minute at the default rates. Other processes with the same key have to be counted
/// in.
#[derive(Debug, Clone)]
pub struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    proxy: Proxy,
    pace: Pace,
    timeout: Duration,
    /// `{project}/{environment}`, encoded. One fetch at a time; only success is remembered.
    environment: OnceCell<String>,
    /// The last failure to ask for it: those who waited meanwhile share it, and do not wait once more each.
    failed: Mutex<Option<(Instant, PermitError)>>,
}

/// What the API key opens, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The project.
    pub project: String,
    /// The environment in it.
    pub environment: String,
}

/// The two families of paths below `/v2`.
#[derive(Debug, Clone, Copy)]
enum Family {
    /// Users, tenants, assignments.
    Facts,
    /// The policy: resources and roles.
    Schema,
}

impl Facts {
    /// Connects lazily.
    ///
    /// # Errors
    /// An address or the API key cannot be used at all.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self(Arc::new(Inner {
            exchange: Exchange::new(&config.api_url, config)?,
            proxy: Proxy::new(config)?,
            pace: Pace::new(config),
            timeout: config.api_timeout,
            environment: OnceCell::new(),
            failed: Mutex::default(),
        })))
    }

    /// What the API key opens, asked now.
    ///
    /// # Errors
    /// [`Flaw::NotAnEnvironmentKey`](super::Flaw::NotAnEnvironmentKey) for the key of a project or an organization;
    /// no usable answer.
    pub async fn scope(&self) -> Result<Scope, PermitError> {
        let request = self.0.exchange.request(Method::GET, "/v2/api-key/scope");
        wire::scope(&self.send("scope", request).await?)
    }

    async fn get(&self, call: &'static str, family: Family, path: &str) -> Result<Answer, PermitError> {
        self.call(call, Method::GET, family, path, None::<&()>).await
    }

    async fn write(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, PermitError> {
        self.call(call, method, Family::Facts, path, Some(body)).await
    }

    async fn delete(&self, call: &'static str, path: &str) -> Result<Answer, PermitError> {
        self.call(call, Method::DELETE, Family::Facts, path, None::<&()>).await
    }

    /// Through the PDP, if it can; straight to the REST API, if it cannot or is away. For the calls that the proxy
    /// waits for.
    async fn write_seen(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Written<Answer>, PermitError> {
        let path = self.path(Family::Facts, path).await?;
        let through_pdp = self.0.proxy.is_usable(self).await;
        self.0.pace.turn(&method, Family::Facts).await;
        if through_pdp {
            match self.0.proxy.write(call, method.clone(), &path, body, self.0.timeout).await {
                // Nothing was sent.
                Err(PermitError::Unreachable(error)) if error.is_connect() => {}
                result => return result.map_err(named),
            }
        }
        let request = self.0.exchange.request(method, &path).json(body);
        self.send(call, request).await.map(Written::unwatched).map_err(named)
    }

    /// `path` is relative to the environment and may carry a query.
    async fn call(
        &self,
        call: &'static str,
        method: Method,
        family: Family,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, PermitError> {
        let path = self.path(family, path).await?;
        if method != Method::GET {
            self.0.pace.turn(&method, family).await;
        }
        let mut request = self.0.exchange.request(method, &path);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(call, request).await.map_err(named)
    }

    /// The whole path of what is at `path` in the environment.
    async fn path(&self, family: Family, path: &str) -> Result<String, PermitError> {
        let asked = Instant::now();
        let environment = self.0.environment.get_or_try_init(|| self.environment(asked)).await?;
        let family = match family {
            Family::Facts => "facts",
            Family::Schema => "schema",
        };
        Ok(format!("/v2/{family}/{environment}/{path}"))
    }

    /// For somebody who began to wait at `asked`.
    async fn environment(&self, asked: Instant) -> Result<String, PermitError> {
        if let Some((at, error)) = &*self.failed()
            && *at > asked
        {
            return Err(error.clone());
        }
        match self.scope().await {
            Ok(Scope { project, environment }) => {
                Ok(format!("{}/{}", key::path_segment(&project), key::path_segment(&environment)))
            }
            Err(error) => {
                *self.failed() = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Instant, PermitError)>> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, call: &'static str, request: RequestBuilder) -> Result<Answer, PermitError> {
        let result = self.0.exchange.send(request, self.0.timeout).await.result;
        count(call, "api", &result);
        result
    }
}

/// Not for the environment itself, where "not found" means a wrong address and not an absent object.
fn named(error: PermitError) -> PermitError {
    match error {
        PermitError::Rejected { status: StatusCode::NOT_FOUND } => PermitError::NotFound,
        PermitError::Rejected { status: StatusCode::CONFLICT } => PermitError::Conflict,
        other => other,
    }
}

fn count(call: &'static str, via: &'static str, result: &Result<Answer, PermitError>) {
    metrics::counter!("permit_api_requests_total", "call" => call, "via" => via, "outcome" => outcome(result))
        .increment(1);
}

/// A cause, or one of the four ordinary ends of a call.
fn outcome(result: &Result<Answer, PermitError>) -> &'static str {
    match result {
        Ok(_) => "OK",
        Err(PermitError::Rejected { status: StatusCode::NOT_FOUND }) => "NOT_FOUND",
        Err(PermitError::Rejected { status: StatusCode::CONFLICT }) => "CONFLICT",
        Err(PermitError::Rejected { status: StatusCode::FAILED_DEPENDENCY }) => "NOT_YET_VISIBLE",
        Err(error) => error.cause().code(),
    }
}
