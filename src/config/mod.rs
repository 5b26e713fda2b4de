//! Every setting, typed, documented and validated once. Flags and environment variables have the same names; the
//! flag wins. All problems are reported together.
//!
//! Beside it, only libraries read the environment: the log its `RUST_LOG`, the HTTP client its `HTTPS_PROXY`, and the
//! driver of PostgreSQL its `PG*` variables for what `DATABASE_URL` leaves out.

mod args;
mod check;
mod command;

use std::net::SocketAddr;

use url::Url;

pub use args::Args;
pub use check::Problems;
pub use command::{Command, DecisionsCommand, DoctorArgs, PolicyCommand, SchemaArgs, SyncCommand};

use crate::{audit, auth, auth0_admin, graphql, http, permit, rate_limit, store, sync, telemetry::Traces};

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub auth: auth::Config,
    /// Absent: accounts at Auth0 are not ours to remove.
    pub auth0_admin: Option<auth0_admin::Config>,
    pub permit: permit::Config,
    pub store: store::Config,
    pub graphql: graphql::Config,
    pub http: http::Config,
    pub rate_limit: rate_limit::Config,
    pub sync: sync::Config,
    pub audit: audit::Config,
}

impl Config {
    /// Checks the settings of the database alone, for commands that need nothing else.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub fn store_from_args(args: &Args) -> Result<store::Config, Problems> {
        check::database(args)
    }

    /// Checks the settings of Permit's REST API alone.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub fn permit_api_from_args(args: &Args) -> Result<permit::Config, Problems> {
        check::permit_api(args)
    }

    /// Where a server sends its traces; `None` for every other command.
    pub fn traces_from_args(args: &Args) -> Option<Traces> {
        matches!(args.command, None | Some(Command::Serve)).then(|| check::traces(args)).flatten()
    }

    /// Checks `args`.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub fn from_args(args: &Args) -> Result<Self, Problems> {
        check::config(args)
    }
}

/// Whether `url` stays on this machine, where `http` is allowed.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
