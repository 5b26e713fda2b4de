//! The REST API: users, tenants and role assignments, which Permit calls facts, and the names of roles.
//!
//! Calls are idempotent in effect: what exists already or is gone already is a result, not an error, so callers may
//! repeat any of them after a failure. Absent fields are left out, never sent as `null`, which Permit would store.
//! Permit's decisions follow a write with a delay of up to some seconds. Every write waits for its turn first, so that
//! Permit need not refuse any ([`pace`]).
//!
//! The ids of the project and environment come from the API key, asked once and kept; a failure is not kept.
//! Source: <https://api.permit.io/v2/redoc>. Metrics: `permit_api_requests_total{call,outcome}` per call,
//! `permit_api_turn_seconds` = what a write waited for its turn.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::{
    Config, PermitError, SetupError,
    exchange::{Answer, Exchange},
    key,
};

mod pace;
mod policy;
mod role;
mod tenant;
mod user;
mod wire;

#[cfg(test)]
mod tests;

pub use role::{Assigned, Unassigned};
pub use user::{Put, RoleInTenant, User, UserProfile};

use pace::Pace;

/// The client of the REST API. Clones share connections, the environment's ids and the pace of writes: a fifth of a
/// minute's writes, and six, may come at once, and the others follow evenly. So at most 270 writes and 54 deletes
/// fall into any minute at the default rates. Other processes with the same key have to be counted in.
#[derive(Debug, Clone)]
pub struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    pace: Pace,
    timeout: Duration,
    /// `{project}/{environment}`, encoded. One fetch at a time; only success is remembered.
    environment: OnceCell<String>,
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
    /// The address or the API key cannot be used at all.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self(Arc::new(Inner {
            exchange: Exchange::new(&config.api_url, config)?,
            pace: Pace::new(config),
            timeout: config.api_timeout,
            environment: OnceCell::new(),
        })))
    }

    /// What the API key opens, asked now.
    ///
    /// # Errors
    /// [`Flaw::NotAnEnvironmentKey`](super::Flaw::NotAnEnvironmentKey) for the key of a project or an organization;
    /// no usable answer.
    pub async fn scope(&self) -> Result<Scope, PermitError> {
        wire::scope(&self.send("scope", Method::GET, "/v2/api-key/scope", None::<&()>).await?)
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

    /// `path` is relative to the environment and may carry a query.
    async fn call(
        &self,
        call: &'static str,
        method: Method,
        family: Family,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, PermitError> {
        let environment = self.0.environment.get_or_try_init(|| self.environment()).await?;
        let family = match family {
            Family::Facts => "facts",
            Family::Schema => "schema",
        };
        if method != Method::GET {
            self.0.pace.turn(&method).await;
        }
        let answer = self.send(call, method, &format!("/v2/{family}/{environment}/{path}"), body).await;
        // Only here: for the environment itself, "not found" means a wrong address, not an absent object.
        answer.map_err(|error| match error {
            PermitError::Rejected { status: StatusCode::NOT_FOUND } => PermitError::NotFound,
            PermitError::Rejected { status: StatusCode::CONFLICT } => PermitError::Conflict,
            other => other,
        })
    }

    async fn environment(&self) -> Result<String, PermitError> {
        let Scope { project, environment } = self.scope().await?;
        Ok(format!("{}/{}", key::path_segment(&project), key::path_segment(&environment)))
    }

    async fn send(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, PermitError> {
        let mut request = self.0.exchange.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let result = self.0.exchange.send(request, self.0.timeout).await.result;
        metrics::counter!("permit_api_requests_total", "call" => call, "outcome" => outcome(&result))
            .increment(1);
        result
    }
}

/// A cause, or one of the three ordinary ends of a call.
fn outcome(result: &Result<Answer, PermitError>) -> &'static str {
    match result {
        Ok(_) => "OK",
        Err(PermitError::Rejected { status: StatusCode::NOT_FOUND }) => "NOT_FOUND",
        Err(PermitError::Rejected { status: StatusCode::CONFLICT }) => "CONFLICT",
        Err(error) => error.cause().code(),
    }
}
