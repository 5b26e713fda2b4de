//! From flags to settings. Every problem is collected, so that an operator mends them in one go.

mod auth0;
mod database;
mod permit;
mod rate_limit;
mod server;
mod telemetry;

use std::{fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

use url::Url;

use super::{Args, Config, is_loopback};
use crate::{audit, store, telemetry::Traces};

pub(super) use self::permit::permit_api;

/// Everything that is missing or wrong. No value is repeated: it may be a secret.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    fn note(&mut self, setting: &str, problem: &str) {
        self.0.push(format!("{setting} {problem}"));
    }

    /// One sentence each, which begins with the setting.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "taskgate cannot start with these settings:")?;
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "See `taskgate --help`. To try it without any account: taskgate --sandbox")
    }
}

impl std::error::Error for Problems {}

pub(super) fn config(args: &Args) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let listen = args.server.listen_addr.parse::<SocketAddr>().ok();
    if listen.is_none() {
        problems.note("LISTEN_ADDR", "is not an address and a port, such as 127.0.0.1:4000");
    }
    let auth = auth0::auth(args, &mut problems);
    let auth0_admin = auth0::auth0_admin(args, auth.as_ref(), &mut problems);
    let permit = permit::permit(args, &mut problems);
    let store = database::store(args, &mut problems);
    let http = server::http(args, &mut problems);
    let rate_limit = rate_limit::rate_limit(args, &mut problems);
    let sync = permit::sync(args, &mut problems);
    let graphql = server::graphql(args, &mut problems);
    // Begun already, as far as they could be.
    let _ = telemetry::traces(args, &mut problems);
    match (listen, auth, permit, store) {
        (Some(listen), Some(auth), Some(permit), Some(store)) if problems.0.is_empty() => Ok(Config {
            listen,
            auth,
            auth0_admin,
            permit,
            store,
            graphql,
            http,
            rate_limit,
            sync,
            audit: audit::Config { retention: Duration::from_millis(args.server.decision_log_retention_ms) },
        }),
        _ => Err(problems),
    }
}

pub(super) fn database(args: &Args) -> Result<store::Config, Problems> {
    let mut problems = Problems::default();
    database::store(args, &mut problems).filter(|_| problems.0.is_empty()).ok_or(problems)
}

/// What is wrong with it is told with everything else that is.
pub(super) fn traces(args: &Args) -> Option<Traces> {
    telemetry::traces(args, &mut Problems::default())
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn required(setting: &str, value: Option<&str>, problems: &mut Problems) -> Option<String> {
    let value = filled(value).map(str::to_owned);
    if value.is_none() {
        problems.note(setting, "is missing");
    }
    value
}

/// Something to go on with when it is zero, which is noted, so that every problem is found.
fn positive(setting: &str, millis: u64, problems: &mut Problems) -> Duration {
    if millis == 0 {
        problems.note(setting, "must be more than 0");
    }
    Duration::from_millis(millis)
}

/// Something to go on with when it is zero, which is noted, so that every problem is found.
fn rate(setting: &str, per_minute: u32, problems: &mut Problems) -> NonZeroU32 {
    NonZeroU32::new(per_minute).unwrap_or_else(|| {
        problems.note(setting, "must be at least 1");
        NonZeroU32::MIN
    })
}

/// A URL that secrets may be sent to.
fn url(setting: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => Some(url),
        Ok(_) => {
            problems.note(setting, "must be https, or http on loopback");
            None
        }
        Err(_) => {
            problems.note(setting, "is not a URL");
            None
        }
    }
}

#[cfg(test)]
mod tests;
