//! Every setting, typed, documented and validated once. Flags and environment variables have the same names; the
//! flag wins. All problems are reported together.
//!
//! Nothing else in the program reads the environment.

mod args;
mod check;

use std::{net::SocketAddr, time::Duration};

use url::Url;

pub use args::{Args, Command, DoctorArgs};
pub use check::Problems;

use crate::{auth, graphql, http, permit, store};

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub auth: auth::Config,
    pub permit: permit::Config,
    pub store: store::Config,
    pub graphql: graphql::Config,
    pub http: http::Config,
    /// Longest that a login waits for its roles to reach the PDP.
    pub login_deadline: Duration,
}

impl Config {
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
