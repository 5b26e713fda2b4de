//! The PDP's facts proxy: it passes a write on to the REST API, and answers when the PDP itself has seen what was
//! written. The hosted PDP has none.
//!
//! We ask for the policy `fail`: a wait that ends too early is status 424, which here means "written, and not yet
//! visible". Whether there is a proxy is asked once and kept; while nobody knows, writes go to the REST API.
//! Source: `permitio/PDP`, folder `horizon/facts`.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::{Facts, Family, Visibility, Written, count};
use crate::permit::{
    Config, PermitError, ProxyUse, SetupError,
    exchange::{Answer, Exchange},
};

/// Pause after a question that was not answered: without the PDP, no write should wait for it.
const PAUSE: Duration = Duration::from_secs(30);

/// The way through the PDP.
#[derive(Debug)]
pub(super) struct Proxy {
    exchange: Exchange,
    choice: ProxyUse,
    wait: Duration,
    /// One question at a time; only an answer is remembered.
    there: OnceCell<bool>,
    unanswered: Mutex<Option<Instant>>,
}

/// Whether facts are written through the PDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyState {
    /// The PDP has the proxy.
    There,
    /// It has not. With [`ProxyUse::On`], writes fail.
    Absent,
    /// [`ProxyUse::Off`]: nobody asked.
    Unused,
}

impl Facts {
    /// Whether facts are written through the PDP, asked now.
    ///
    /// # Errors
    /// The PDP did not say; writes go to the REST API, unless [`ProxyUse::On`] demands otherwise.
    pub async fn proxy_state(&self) -> Result<ProxyState, PermitError> {
        if self.0.proxy.choice == ProxyUse::Off {
            return Ok(ProxyState::Unused);
        }
        let there = self.0.proxy.ask(self).await?;
        Ok(if there { ProxyState::There } else { ProxyState::Absent })
    }
}

impl Proxy {
    pub(super) fn new(config: &Config) -> Result<Self, SetupError> {
        Ok(Self {
            exchange: Exchange::new(&config.pdp_url, config)?,
            choice: config.facts_proxy,
            wait: config.facts_wait,
            there: OnceCell::new(),
            unanswered: Mutex::new(None),
        })
    }

    /// Whether to write through the PDP now.
    pub(super) async fn is_usable(&self, facts: &Facts) -> bool {
        match self.choice {
            ProxyUse::On => true,
            ProxyUse::Off => false,
            ProxyUse::Auto => {
                let there = self.there.get_or_try_init(|| self.find_out(facts)).await;
                there.is_ok_and(|there| *there)
            }
        }
    }

    /// Whoever waited for another's question here does not repeat it.
    async fn find_out(&self, facts: &Facts) -> Result<bool, ()> {
        let last = *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(());
        }
        match self.ask(facts).await {
            Ok(there) => {
                tracing::info!(there, "asked the PDP for its facts proxy");
                Ok(there)
            }
            Err(error) => {
                tracing::debug!(cause = error.cause().code(), %error, "the PDP did not say whether it has a facts proxy");
                *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                Err(())
            }
        }
    }

    async fn ask(&self, facts: &Facts) -> Result<bool, PermitError> {
        let path = facts.path(Family::Facts, "users?per_page=1").await?;
        let request = self.exchange.request(Method::GET, &path);
        let result = self.exchange.send(request, facts.0.timeout).await.result;
        count("find-proxy", "pdp", &result);
        match result {
            Ok(_) => Ok(true),
            Err(PermitError::Rejected { status: StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED }) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes, and waits until the PDP has seen it, on top of the `timeout` that the REST API has.
    pub(super) async fn write(
        &self,
        call: &'static str,
        method: Method,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<Written<Answer>, PermitError> {
        let request = self.exchange.request(method, path).json(body);
        let request = request
            .header("x-wait-timeout", self.wait.as_secs_f64().to_string())
            .header("x-timeout-policy", "fail");
        let result = self.exchange.send(request, timeout + self.wait).await.result;
        count(call, "pdp", &result);
        match result {
            Ok(what) => Ok(Written { what, visibility: Visibility::Visible }),
            Err(PermitError::Rejected { status: status @ StatusCode::FAILED_DEPENDENCY }) => {
                Ok(Written { what: Answer { status, body: Vec::new() }, visibility: Visibility::NotYet })
            }
            Err(error) => Err(error),
        }
    }
}
