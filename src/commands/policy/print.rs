//! Plan and drift, one line each or as JSON.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::SOMETHING;
use crate::policy::{Change, Difference, Reach};

/// What is to be done within `reach`. That people's own things stay is said beside it.
pub(super) fn plan(found: &[Difference], reach: Reach, json: bool) -> anyhow::Result<ExitCode> {
    let is_due = |difference: &&Difference| reach == Reach::Everything || !difference.is_peoples;
    let changes: Vec<&Change> = found.iter().filter(is_due).map(|difference| &difference.change).collect();
    if json {
        let changes: Vec<Value> = changes.iter().map(|change| change.json()).collect();
        writeln!(io::stdout(), "{:#}", json!({"changes": changes}))?;
    } else {
        changes.iter().try_for_each(|change| line(change))?;
    }
    let kept = found.len() - changes.len();
    if kept > 0 {
        writeln!(
            io::stderr(),
            "note: {kept} more that taskgate did not make stay as they are, see drift --strict"
        )?;
    }
    Ok(code(changes.len()))
}

/// What is not as the policy says.
pub(super) fn drift(found: &[Difference], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let found: Vec<Value> = found
            .iter()
            .map(|Difference { change, is_peoples }| {
                let mut told = change.json();
                told.as_object_mut().expect("it is one").remove("change");
                told["drift"] = change.drift().word().into();
                told["text"] = change.finding().into();
                told["byPeople"] = (*is_peoples).into();
                told
            })
            .collect();
        writeln!(io::stdout(), "{:#}", json!({"drift": found}))?;
    } else {
        for Difference { change, .. } in found {
            let line = format!("{:<9}  {}", change.drift().word(), change.finding());
            writeln!(io::stdout(), "{}", printable(&line))?;
        }
    }
    Ok(code(found.len()))
}

/// A change as the plan shows it.
pub(super) fn line(change: &Change) -> io::Result<()> {
    writeln!(io::stdout(), "{}", printable(&change.to_string()))
}

pub(super) fn code(count: usize) -> ExitCode {
    if count == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOMETHING) }
}

/// Names come from elsewhere, and a terminal would obey what they say. Lines may be several.
pub(in crate::commands) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect()
}
