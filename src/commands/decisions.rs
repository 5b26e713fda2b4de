//! `taskgate decisions export`: the log of decisions as JSON lines, oldest first, for other programs. Reads a part at a
//! time, so that a log of any length takes little memory, and ends with what was logged when it began.

use std::{
    io::{self, BufWriter, ErrorKind, Write},
    process::ExitCode,
};

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{complain, existing};
use crate::{
    config::{Args, Config, DecisionsCommand},
    store::{DecisionExport, LoggedDecision, Store},
};

/// Lines that are read at once.
const PART: u64 = 1_000;

/// One line; its members and their order are a contract with whoever reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    at: String,
    tenant: &'a str,
    subject: &'a str,
    resource: &'a str,
    action: &'a str,
    key: Option<&'a str>,
    allowed: bool,
    reason: Option<&'a str>,
    request_id: &'a str,
    trace_id: Option<&'a str>,
}

pub(super) async fn run(args: Args, command: DecisionsCommand) -> anyhow::Result<ExitCode> {
    let config = match Config::store_from_args(&args) {
        Ok(config) => config,
        Err(problems) => return Ok(complain(&problems)),
    };
    let store = existing(&config).await?;
    let DecisionsCommand::Export { since, tenant } = command;
    let until = micros(OffsetDateTime::now_utc());
    let export = DecisionExport { tenant, since: since.map(micros), until };
    let mut output = BufWriter::new(io::stdout());
    match write(&store, &export, &mut output).await {
        // Whoever reads it has read enough.
        Err(error) if is_closed_pipe(&error) => {}
        result => result?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn write(store: &Store, export: &DecisionExport, output: &mut impl Write) -> anyhow::Result<()> {
    let mut last: Option<LoggedDecision> = None;
    loop {
        let rows = store.export_decisions(export, last.as_ref(), PART).await?;
        for row in &rows {
            serde_json::to_writer(&mut *output, &line(row)?)?;
            output.write_all(b"\n")?;
        }
        last = rows.into_iter().last();
        if last.is_none() {
            return Ok(output.flush()?);
        }
    }
}

fn line(row: &LoggedDecision) -> anyhow::Result<Line<'_>> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000)?;
    Ok(Line {
        at: at.format(&Rfc3339)?,
        tenant: &row.tenant_id,
        subject: &row.subject,
        resource: &row.resource,
        action: &row.action,
        key: row.key.as_deref(),
        allowed: row.allowed,
        reason: row.reason.as_deref(),
        request_id: &row.request_id,
        trace_id: row.trace_id.as_deref(),
    })
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let direct = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let written = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        direct.or(written) == Some(ErrorKind::BrokenPipe)
    })
}
