//! `taskgate policy`: compares the policy file with Permit, and brings Permit in step.
//!
//! Needs nothing but the key of an environment. Exit code 0 when nothing is to do or to tell, 2 when something is, 1 when
//! it could not be found out: settings that cannot work are such a failure here, so that 2 means one thing only.

mod apply;
mod diff;
mod print;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};

pub(super) use print::printable;

use super::diagnosis;
use crate::{
    config::{Args, Config, PolicyCommand},
    graphql,
    permit::{Facts, PermitError, policy::State},
    policy::{self, Policy, Reach},
};

/// Exit code for "there is something to do".
const SOMETHING: u8 = 2;

/// Longest wait that Permit may ask for, and how often in a row.
const LONGEST_WAIT: Duration = Duration::from_mins(2);
const WAITS: usize = 5;
/// Wait if Permit does not say how long.
const USUAL_WAIT: Duration = Duration::from_secs(15);

pub(super) async fn run(args: &Args, command: PolicyCommand) -> anyhow::Result<ExitCode> {
    match carry_out(args, command).await {
        Ok(code) => Ok(code),
        Err(error) => {
            writeln!(io::stderr(), "taskgate policy: {error:#}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn carry_out(args: &Args, command: PolicyCommand) -> anyhow::Result<ExitCode> {
    let policy = load(command.file())?;
    let config = match Config::permit_api_from_args(args) {
        Ok(config) => config,
        Err(problems) => bail!("{problems}"),
    };
    let facts = Facts::new(&config).context("look at PERMIT_API_KEY and PERMIT_API_URL")?;
    match command {
        PolicyCommand::Plan(asked) => {
            let changes = policy::differences(&policy, &state(&facts).await?);
            print::plan(&changes, reach(asked.prune), asked.json)
        }
        PolicyCommand::Drift { strict, json, .. } => {
            let found = policy::drift(&policy, &state(&facts).await?, reach(strict));
            print::drift(&found, json)
        }
        PolicyCommand::Apply(asked) => apply::run(&facts, &policy, reach(asked.prune), asked.json).await,
        PolicyCommand::Diff { replay, json, .. } => diff::run(&facts, &policy, &replay, json).await,
    }
}

const fn reach(everything: bool) -> Reach {
    if everything { Reach::Everything } else { Reach::Ours }
}

/// The policy of a file, or the one that the program was built with, held against the schema.
pub(super) fn load(file: Option<&Path>) -> anyhow::Result<Policy> {
    let (name, text) = match file {
        None => ("the policy".to_owned(), policy::DEFAULT.to_owned()),
        Some(path) => (path.display().to_string(), read(path)?),
    };
    let policy = Policy::parse(&text).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect();
        anyhow::anyhow!("{name} cannot be read:{}", printable(&lines.concat()))
    })?;
    let required = graphql::required_permissions().map_err(|holes| {
        anyhow::anyhow!(
            "{} holes in the schema's protection: the server does not start either, and names them",
            holes.len()
        )
    })?;
    let coverage = policy.coverage(&required);
    if !coverage.missing.is_empty() {
        bail!("{name} has no row for {}, which the schema asks for", coverage.missing.join(", "));
    }
    if !coverage.idle.is_empty() {
        writeln!(io::stderr(), "note: {name} has rows that no field asks for: {}", coverage.idle.join(", "))?;
    }
    Ok(policy)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let limit = u64::try_from(policy::MAX_BYTES).unwrap_or(u64::MAX);
    let read = file.take(limit.saturating_add(1)).read_to_string(&mut text);
    let bytes = read.with_context(|| format!("{} cannot be read as text", path.display()))?;
    if bytes > policy::MAX_BYTES {
        bail!("{} is larger than {limit} bytes", path.display());
    }
    Ok(text)
}

/// What Permit holds now.
async fn state(facts: &Facts) -> anyhow::Result<State> {
    patiently(|| facts.scope()).await.map_err(|error| diagnosis::of_scope(&error))?;
    patiently(|| facts.policy()).await.context("Permit's policy cannot be read")
}

/// Waits as often as Permit asks for it, up to a bound.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, PermitError>) -> Result<T, PermitError> {
    for _ in 0..WAITS {
        let error = match call().await {
            Err(error @ PermitError::RateLimited { .. }) => error,
            other => return other,
        };
        let wait = error.retry_after().unwrap_or(USUAL_WAIT);
        if wait > LONGEST_WAIT {
            return Err(error);
        }
        tracing::info!(seconds = wait.as_secs(), "Permit asks for fewer requests: waiting");
        tokio::time::sleep(wait).await;
    }
    call().await
}
