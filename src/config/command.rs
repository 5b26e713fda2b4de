//! What the program can be told to do, as clap reads it.

use clap::{Args as ClapArgs, Subcommand};
use secrecy::SecretString;

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

#[derive(ClapArgs, Debug, Clone)]
pub struct DoctorArgs {
    /// An access token to look at too, or `-` to read one from standard input, where other processes do not see it.
    #[arg(long)]
    pub token: Option<SecretString>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
