//! `taskgate doctor`: looks at everything that `serve` stands on, with the same settings and the same clients, and says
//! what to mend. It changes nothing, at Auth0, at Permit or in the database.
//!
//! One line for each thing that was looked at, in the order in which they depend on each other; what cannot be looked
//! at because of a failure before it is a warning, so that the failures are the list of what to do. No token, key or
//! personal data is among the words.

mod database;
mod issuer;
mod pdp;
mod policy;
mod report;
mod token;

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    process::ExitCode,
};

use secrecy::{ExposeSecret as _, SecretString};

use self::report::Report;
use crate::{
    auth::MAX_TOKEN_BYTES,
    config::{Args, Config, DoctorArgs},
};

/// Exit code 0 when nothing failed, else 1: settings that cannot work are a finding here, and not a failure to start.
pub(super) async fn run(args: &Args, options: DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match Config::from_args(args) {
        Ok(config) => {
            report.ok("settings", "complete");
            let token = options.token.map(pasted).transpose()?;
            examine(&config, token, &mut report).await;
        }
        Err(problems) => {
            for problem in problems.iter() {
                report.fail("settings", problem, "see `taskgate --help`; nothing else is looked at before");
            }
        }
    }
    let printed = if options.json { format!("{:#}\n", report.json()) } else { report.to_string() };
    io::stdout().write_all(printed.as_bytes())?;
    Ok(ExitCode::from(u8::from(!report.is_well())))
}

async fn examine(config: &Config, token: Option<SecretString>, report: &mut Report) {
    let bearer = issuer::examine(&config.auth, token.as_ref(), report).await;
    database::examine(&config.store, report).await;
    policy::examine(&config.permit, bearer.as_deref(), report).await;
    pdp::examine(&config.permit, config.graphql.object_rules, report).await;
}

/// The token itself, read from standard input if it is given as `-`; perhaps copied with the word before it.
fn pasted(token: SecretString) -> io::Result<SecretString> {
    let mut text = token.expose_secret().to_owned();
    if text == "-" {
        text.clear();
        let longest = u64::try_from(MAX_TOKEN_BYTES).unwrap_or(u64::MAX).saturating_add(64);
        io::stdin().lock().take(longest).read_line(&mut text)?;
    }
    let text = text.trim();
    Ok(text.strip_prefix("Bearer ").unwrap_or(text).trim().to_owned().into())
}
