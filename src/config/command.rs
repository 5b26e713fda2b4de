//! What the program can be told to do, as clap reads it.

use clap::{Args as ClapArgs, Subcommand};
use secrecy::SecretString;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What to do.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Serve the API (the default).
    Serve,
    /// Print the schema in the schema definition language.
    Schema,
    /// Bring the database's schema up to date and stop.
    Migrate,
    /// Look at what is still to be told to Permit and Auth0, or have it told now.
    Sync {
        #[command(subcommand)]
        command: SyncCommand,
    },
    /// The log of decisions.
    Decisions {
        #[command(subcommand)]
        command: DecisionsCommand,
    },
    /// Look at Auth0, Permit and the database with the settings of `serve`, and say what to mend. Changes nothing.
    Doctor(DoctorArgs),
}

/// What to do about the outbox.
#[derive(Subcommand, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncCommand {
    /// List what is not done, with the reason of the last failure.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make everything that waits due now.
    Replay {
        /// Also what was given up.
        #[arg(long)]
        dead: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the log of decisions.
#[derive(Subcommand, Debug, Clone)]
pub enum DecisionsCommand {
    /// Print it as JSON lines, oldest first.
    Export {
        /// Only decisions made at this time or later, for example `2026-11-25T08:00:00Z`.
        #[arg(long, value_parser = instant)]
        since: Option<OffsetDateTime>,
        /// Only decisions of this tenant.
        #[arg(long)]
        tenant: Option<String>,
    },
}

fn instant(text: &str) -> Result<OffsetDateTime, &'static str> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| "this is not a time such as 2026-11-25T08:00:00Z")
}

#[derive(ClapArgs, Debug, Clone)]
pub struct DoctorArgs {
    /// An access token to look at too, or `-` to read one from standard input, where other processes do not see it.
    #[arg(long)]
    pub token: Option<SecretString>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
