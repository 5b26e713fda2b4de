//! May they: clients of Permit's decision point (PDP) and of its REST API. Knows their wire formats; knows
//! neither GraphQL nor Auth0.
//!
//! Invariant: **fail closed**. [`Pdp`] says [`Decision::Allow`] only when the PDP said exactly that about exactly
//! this check. No answer, a late, oversized or half answer, or a list of another length is a [`PermitError`],
//! never a decision, so that callers can tell "no" from "nobody knows".
//!
//! Nothing here is remembered between calls, except the ids of the environment that the API key opens.
//!
//! Protocol facts: <https://docs.permit.io/api/rest/overview>, the reference at
//! <https://api.permit.io/v2/redoc>, and the public sources of the PDP (`permitio/PDP`) and of the SDKs.

use std::{num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use url::Url;

mod check;
mod error;
mod exchange;
mod facts;
pub mod key;
mod pdp;
mod retry_after;
#[cfg(test)]
pub(crate) mod scripted;

pub use check::{Attributes, Check, Decision, DenyCode, Freshness};
pub use error::{Cause, Flaw, PermitError, SetupError};
pub use facts::policy;
pub use facts::{
    Assigned, AssignmentPage, Facts, ProxyState, Put, RoleInTenant, Scope, Unassigned, User, UserProfile,
    Visibility, Written,
};
pub use pdp::{Answers, MAX_CHECKS_PER_CALL, Pdp, TenantPermissions};

/// Where Permit is and how long we wait for it. Validated by whoever reads the settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where decisions come from (`PERMIT_PDP_URL`). `https`, or loopback in development. May carry a path.
    pub pdp_url: Url,
    /// Where users, tenants and role assignments are kept (`PERMIT_API_URL`, default [`Config::API_URL`]).
    pub api_url: Url,
    /// Key of one Permit environment (`PERMIT_API_KEY`): the bearer token of both. Never logged.
    pub api_key: SecretString,
    /// Longest wait for a connection (`PERMIT_CONNECT_TIMEOUT_MS`, default 1 s).
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer of the PDP, connecting and retrying included
    /// (`PERMIT_ANSWER_TIMEOUT_MS`, default 2 s). Longer is no decision.
    pub answer_timeout: Duration,
    /// The same for the REST API (`PERMIT_API_TIMEOUT_MS`, default 5 s).
    pub api_timeout: Duration,
    /// Whether facts are written through the PDP (`PERMIT_FACTS_PROXY`, default [`ProxyUse::Auto`]).
    pub facts_proxy: ProxyUse,
    /// How long the PDP may take to see a write that went through it (`PERMIT_FACTS_WAIT_MS`, default 5 s). Comes on
    /// top of the time-out of the REST API.
    pub facts_wait: Duration,
    /// Writes to the REST API in a minute (`PERMIT_WRITES_PER_MINUTE`, default 220). See [`Facts`] for the burst.
    pub writes_per_minute: NonZeroU32,
    /// Those among them that delete (`PERMIT_DELETES_PER_MINUTE`, default 40).
    pub deletes_per_minute: NonZeroU32,
    /// Those among them that change the policy (`PERMIT_SCHEMA_WRITES_PER_MINUTE`, default 25).
    pub schema_writes_per_minute: NonZeroU32,
}

/// Whether facts are written through the PDP, which then tells when it has seen them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyUse {
    /// If the PDP can do it, which is found out before the first write. The hosted one cannot.
    #[default]
    Auto,
    /// Without asking.
    On,
    /// Never.
    Off,
}

impl Config {
    /// Permit's REST API outside the European Union region.
    pub const API_URL: &str = "https://api.permit.io";
    /// Default of [`writes_per_minute`](Self::writes_per_minute): Permit admits 300 to each environment.
    pub const WRITES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(220).expect("it is not zero");
    /// Default of [`deletes_per_minute`](Self::deletes_per_minute): Permit admits 60.
    pub const DELETES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(40).expect("it is not zero");
    /// Default of [`schema_writes_per_minute`](Self::schema_writes_per_minute): Permit admits 40.
    pub const SCHEMA_WRITES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(25).expect("it is not zero");

    /// The default time-outs and rates.
    pub const fn new(pdp_url: Url, api_url: Url, api_key: SecretString) -> Self {
        Self {
            pdp_url,
            api_url,
            api_key,
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(2),
            api_timeout: Duration::from_secs(5),
            facts_proxy: ProxyUse::Auto,
            facts_wait: Duration::from_secs(5),
            writes_per_minute: Self::WRITES_PER_MINUTE,
            deletes_per_minute: Self::DELETES_PER_MINUTE,
            schema_writes_per_minute: Self::SCHEMA_WRITES_PER_MINUTE,
        }
    }
}
