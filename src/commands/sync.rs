//! `taskgate sync status` and `taskgate sync replay`: what is still to be told to Permit and Auth0, and telling it
//! now. Works beside running servers, which carry it out.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use serde_json::json;

use super::{complain, existing};
use crate::{
    config::{Args, Config, SyncCommand},
    store::{Backlog, ItemState, Kind, Store, Unfinished},
};

/// Items that are listed; the rest is only counted.
const LISTED: u64 = 1_000;

pub(super) async fn run(args: Args, command: SyncCommand) -> anyhow::Result<ExitCode> {
    let config = match Config::store_from_args(&args) {
        Ok(config) => config,
        Err(problems) => return Ok(complain(&problems)),
    };
    let store = existing(&config).await?;
    match command {
        SyncCommand::Status { json } => status(&store, json).await?,
        SyncCommand::Replay { dead, json } => replay(&store, dead, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(store: &Store, json: bool) -> anyhow::Result<()> {
    let (backlog, items) = (store.backlog().await?, store.unfinished(LISTED).await?);
    let text = if json { as_json(backlog, &items) } else { as_table(backlog, &items) };
    Ok(writeln!(io::stdout(), "{text}")?)
}

async fn replay(store: &Store, dead: bool, json: bool) -> anyhow::Result<()> {
    let count = store.replay(dead).await?;
    let text = if json {
        json!({"replayed": count}).to_string()
    } else {
        format!("{count} items are due now; a running server carries them out")
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}

fn as_json(backlog: Backlog, items: &[Unfinished]) -> String {
    let listed: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "seq": item.seq,
                "kind": kind(item.kind),
                "state": state(item.state),
                "tenant": item.tenant,
                "subject": item.subject,
                "attempts": item.attempts,
                "cause": item.cause,
                "ageSeconds": item.age.as_secs(),
                "dueInSeconds": item.due_in.as_secs(),
            })
        })
        .collect();
    json!({
        "pending": backlog.pending,
        "dead": backlog.dead,
        "lagSeconds": backlog.lag.as_secs(),
        "items": listed,
    })
    .to_string()
}

fn as_table(backlog: Backlog, items: &[Unfinished]) -> String {
    let mut rows = vec![
        ["SEQ", "KIND", "STATE", "TRIES", "CAUSE", "AGE", "DUE IN", "TENANT", "SUBJECT"].map(str::to_owned),
    ];
    rows.extend(items.iter().map(|item| {
        [
            item.seq.to_string(),
            kind(item.kind).to_owned(),
            state(item.state).to_owned(),
            item.attempts.to_string(),
            item.cause.clone().unwrap_or_else(|| "-".to_owned()),
            seconds(item.age),
            seconds(item.due_in),
            printable(&item.tenant),
            printable(&item.subject),
        ]
    }));
    let lag = seconds(backlog.lag);
    let head = format!("{} pending, {} dead, the oldest waits for {lag}", backlog.pending, backlog.dead);
    if items.is_empty() { head } else { format!("{head}\n\n{}", aligned(&rows)) }
}

/// Columns of equal width, but for the last one.
fn aligned(rows: &[[String; 9]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Both come from tokens, and a terminal would obey what they say.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn seconds(length: Duration) -> String {
    format!("{}s", length.as_secs())
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Sync => "SYNC",
        Kind::Remove => "REMOVE",
        Kind::Account => "ACCOUNT",
    }
}

const fn state(state: ItemState) -> &'static str {
    match state {
        ItemState::Pending => "PENDING",
        ItemState::Done => "DONE",
        ItemState::Dead => "DEAD",
    }
}
