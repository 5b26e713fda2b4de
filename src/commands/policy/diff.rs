//! `taskgate policy diff --replay`: which logged decisions would flip under the policy of a file.
//!
//! The log has one JSON object a line, as `taskgate decisions export` writes it. It is read line by line and only counted,
//! so that its length does not matter.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{patiently, print, state};
use crate::{
    permit::{AssignmentPage, Facts},
    policy::{
        Policy, Reach, outcome,
        replay::{Flip, Holders, Log, Question, Replay},
    },
};

/// Longest line of a log. A decision has a hundredth of it.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Pages of a hundred assignments that are read of one tenant.
const MAX_PAGES: usize = 10_000;

pub(super) async fn run(facts: &Facts, policy: &Policy, log: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let log = read(log)?;
    let today = state(facts).await?;
    let proposed = outcome(policy, &today, Reach::Ours);
    let mut holders = Holders::new();
    for tenant in log.tenants() {
        let held = holders.entry(tenant.to_owned()).or_default();
        for (subject, role) in assignments(facts, tenant).await? {
            held.entry(subject).or_default().insert(role);
        }
    }
    let replay = log.replay(policy, &holders, &today, &proposed);
    let text = if json { format!("{:#}", as_json(&replay)) } else { as_text(&replay) };
    writeln!(io::stdout(), "{text}")?;
    Ok(print::code(replay.flips.len()))
}

fn read(path: &Path) -> anyhow::Result<Log> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut lines = BufReader::new(file);
    let mut log = Log::default();
    for number in 1_u64.. {
        let mut line = String::new();
        let at = || format!("{}, line {number}", path.display());
        let bytes = (&mut lines).take(MAX_LINE_BYTES).read_line(&mut line).with_context(at)?;
        if bytes == 0 {
            break;
        }
        if !line.ends_with('\n') && !lines.fill_buf().with_context(at)?.is_empty() {
            bail!("{}: longer than {MAX_LINE_BYTES} bytes", at());
        }
        if !line.trim().is_empty() {
            log.add(&line).map_err(|error| anyhow::anyhow!("{}: not a logged decision: {error}", at()))?;
        }
    }
    Ok(log)
}

async fn assignments(facts: &Facts, tenant: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for page in 1..=MAX_PAGES {
        let AssignmentPage { held, is_last } = patiently(|| facts.role_assignments(tenant, page))
            .await
            .context("who holds which role cannot be read")?;
        all.extend(held);
        if is_last {
            return Ok(all);
        }
    }
    bail!("more role assignments than can be read in one tenant")
}

fn as_text(replay: &Replay) -> String {
    let flipped: u64 = replay.flips.iter().map(|flip| flip.count).sum();
    let undecidable: u64 = replay.undecidable.iter().map(|(_, count)| count).sum();
    let Replay { total, unchanged, .. } = replay;
    let head =
        format!("{flipped} of {total} decisions flip, {unchanged} stay, {undecidable} are undecidable");
    let flips = replay.flips.iter().map(|Flip { question, count, already }| {
        let turn = if question.allowed { "allow -> deny" } else { "deny -> allow" };
        let already = if *already { " (today already)" } else { "" };
        line(turn, question, *count) + already
    });
    let rest = replay.undecidable.iter().map(|(question, count)| line("undecidable", question, *count));
    let lines: Vec<String> = std::iter::once(head).chain(flips).chain(rest).collect();
    print::printable(&lines.join("\n"))
}

fn line(
    what: &str,
    Question { tenant, subject, permission, on_object, .. }: &Question,
    count: u64,
) -> String {
    let object = if *on_object { " on an object" } else { "" };
    format!("{what:<13}  {count:>6}  {subject} in {tenant}: {permission}{object}")
}

fn as_json(replay: &Replay) -> Value {
    let told = |question: &Question, count: u64| {
        let mut told = json!(question);
        told["count"] = count.into();
        told
    };
    let flips = replay.flips.iter().map(|Flip { question, count, already }| {
        let mut told = told(question, *count);
        told["wouldBeAllowed"] = (!question.allowed).into();
        told["already"] = (*already).into();
        told
    });
    json!({
        "total": replay.total,
        "unchanged": replay.unchanged,
        "flips": flips.collect::<Vec<_>>(),
        "undecidable": replay.undecidable.iter().map(|(question, count)| told(question, *count)).collect::<Vec<_>>(),
    })
}
