//! What the program can be told to do.

mod decisions;
mod diagnosis;
mod doctor;
mod documents;
mod policy;
mod schema;
mod serve;
mod sync;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::{Context as _, bail};

use crate::{
    config::{Args, Command, Config, Problems},
    store::{self, Inspection, Store, inspect},
};

/// Runs the command of `args`. Settings that cannot work end with exit code 2, a bad diagnosis with 1.
///
/// `announce` is told the address of a server once its port is bound and its settings are accepted: whoever reads
/// it can call at once.
///
/// # Errors
/// Whatever stopped the command.
pub async fn run(
    args: Args,
    announce: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    match args.command.clone().unwrap_or(Command::Serve) {
        Command::Schema(options) => schema::run(options).await,
        Command::Serve => serve::run(args, announce).await,
        Command::Decisions { command } => decisions::run(args, command).await,
        Command::Sync { command } => sync::run(args, command).await,
        Command::Migrate => match Config::store_from_args(&args) {
            Ok(config) => {
                Store::connect(&config).await.context("the database's schema was not brought up to date")?;
                Ok(ExitCode::SUCCESS)
            }
            Err(problems) => Ok(complain(&problems)),
        },
        Command::Policy { command } => policy::run(&args, command).await,
        Command::Doctor(options) => doctor::run(&args, options).await,
    }
}

/// The database of a server, as it is: a look from outside migrates nothing under servers of the version before.
///
/// # Errors
/// It is not there, cannot be opened, or its schema is not that of this version.
async fn existing(config: &store::Config) -> anyhow::Result<Store> {
    match inspect(config).await.context("the database cannot be opened")? {
        Inspection::Absent => {
            bail!("there is no such database: start the server once, or run `taskgate migrate`")
        }
        Inspection::Pending(count) => {
            bail!("the database lacks {count} migrations of this version: run `taskgate migrate` first")
        }
        Inspection::Current => Store::connect(config).await.context("the database cannot be opened"),
    }
}

fn complain(problems: &Problems) -> ExitCode {
    // Nothing is left to report a broken standard error to.
    let _ = writeln!(io::stderr(), "{problems}");
    ExitCode::from(2)
}
