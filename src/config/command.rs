//! What the program can be told to do, as clap reads it.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use secrecy::SecretString;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What to do.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Serve the API (the default).
    Serve,
    /// Print the schema in the schema definition language, or what its fields need.
    Schema(SchemaArgs),
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
    /// Compare the policy file with Permit, or bring Permit in step. Exit code 2: there is something to do.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
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

/// What to print of the schema.
#[derive(ClapArgs, Debug, Clone)]
pub struct SchemaArgs {
    /// Instead, what each field needs, as JSON: the same as `/permissions.json`.
    #[arg(long, conflicts_with_all = ["typescript", "documents"])]
    pub permissions: bool,
    /// Instead, the same as a TypeScript module.
    #[arg(long, conflicts_with = "documents")]
    pub typescript: bool,
    /// Instead, what each operation in the `.graphql` and `.gql` files of a folder needs, or of a manifest of trusted
    /// documents, and which roles can run it. Exit code 1 if one is not valid, or if no role could ever run it.
    #[arg(long, value_name = "PATH")]
    pub documents: Option<PathBuf>,
    /// The policy file for `--documents`; without it, the one that the program was built with.
    #[arg(long, value_name = "FILE", requires = "documents")]
    pub file: Option<PathBuf>,
    /// What `--documents` found, as JSON.
    #[arg(long, requires = "documents")]
    pub json: bool,
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

/// What to do about the policy. All of them take the policy that the program was built with, or that of a file.
#[derive(Subcommand, Debug, Clone)]
pub enum PolicyCommand {
    /// Print what would be created (+), changed (~) and deleted (-). Exit code 2 if it is anything.
    Plan(PolicyChanges),
    /// Do it. May be interrupted and run again.
    Apply(PolicyChanges),
    /// Name what Permit has otherwise than the policy says. Exit code 2 if it is anything.
    Drift {
        #[command(flatten)]
        file: PolicyFile,
        /// Also what people have added themselves.
        #[arg(long)]
        strict: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print which logged decisions would flip under the policy. Exit code 2 if one would.
    Diff {
        #[command(flatten)]
        file: PolicyFile,
        /// Logged decisions, one JSON object a line.
        #[arg(long, value_name = "FILE")]
        replay: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl PolicyCommand {
    /// The policy file, if one is named.
    pub fn file(&self) -> Option<&Path> {
        let (Self::Plan(PolicyChanges { file, .. })
        | Self::Apply(PolicyChanges { file, .. })
        | Self::Drift { file, .. }
        | Self::Diff { file, .. }) = self;
        file.file.as_deref()
    }
}

/// Changes to be planned or applied.
#[derive(ClapArgs, Debug, Clone)]
pub struct PolicyChanges {
    #[command(flatten)]
    file: PolicyFile,
    /// Also delete what taskgate did not make and the policy does not name.
    #[arg(long)]
    pub prune: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs, Debug, Clone)]
pub struct PolicyFile {
    /// The policy file; without it, the one that the program was built with.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}
