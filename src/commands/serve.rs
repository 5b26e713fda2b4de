//! Serves until a signal, against real services or against the sandbox.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use backon::{ConstantBuilder, Retryable as _};
use futures_util::future::OptionFuture;
use tokio::net::TcpListener;

use super::{complain, documents::warn_of_idle};
use crate::{
    app::{self, BuildError},
    config::{Args, Config},
    http,
    permit::Pdp,
    telemetry,
};

pub(super) async fn run(
    args: Args,
    announce: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let config = match Config::from_args(&args) {
        Ok(config) => config,
        Err(problems) => return Ok(complain(&problems)),
    };
    let app = match app::build(&config, telemetry::metrics()?).await {
        Err(BuildError::Documents { file, problems }) => return Ok(complain_of(&file, &problems)),
        built => built?,
    };
    warn_of_idle(&app.trusted)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another LISTEN_ADDR", config.listen))?;
    let address = listener.local_addr()?;
    if config.graphql.object_rules {
        let pdp = Pdp::new(&config.permit).context("the client of the PDP cannot be built")?;
        tokio::spawn(async move { say_whether_object_rules_hold(&pdp).await });
    }
    let stop = stop_signal();
    announce(address)?;
    tracing::info!(%address, "listening");
    http::serve(listener, app.router, &config.http, stop).await;
    app.worker.stop(config.http.shutdown_grace).await;
    app.log.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Everything that is wrong with the trusted documents, at once.
fn complain_of(file: &Path, problems: &[String]) -> ExitCode {
    let lines = problems.join("\n  - ");
    // Nothing is left to report a broken standard error to.
    let _ = writeln!(
        io::stderr(),
        "taskgate cannot start with the trusted documents of {}:\n  - {lines}",
        file.display()
    );
    ExitCode::from(2)
}

/// Object rules without attribute rules at the PDP give nobody anything, which an operator should not find out from
/// users. A PDP that starts after the server is waited for.
async fn say_whether_object_rules_hold(pdp: &Pdp) {
    let pauses = ConstantBuilder::default().with_delay(Duration::from_secs(5)).with_max_times(24);
    match (|| pdp.has_attribute_rules()).retry(pauses).await {
        Ok(true) => tracing::info!("the PDP evaluates attribute rules, as OBJECT_RULES=true needs"),
        Ok(false) => tracing::error!(
            "OBJECT_RULES=true has no effect: this PDP does not evaluate attribute rules; run one of your own"
        ),
        Err(error) => tracing::warn!(%error, "nobody knows whether the PDP evaluates attribute rules"),
    }
}

/// Completes when the process is told to stop: Ctrl-C, SIGTERM from a supervisor, SIGHUP when its terminal is closed.
/// From the call on, not from the first poll, none of them ends the process without its clean-up.
#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let received = |kind| {
        let signal = signal(kind);
        async {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        }
    };
    let (interrupt, terminate) = (received(SignalKind::interrupt()), received(SignalKind::terminate()));
    let hangup = (!is_hangup_ignored()).then(|| received(SignalKind::hangup()));
    async {
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
            Some(()) = OptionFuture::from(hangup) => {}
        }
    }
}

/// Whether we were started to outlive the terminal (`nohup`), which a handler of our own would undo.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    // Linux lists ignored signals as a bit mask, SIGHUP lowest; elsewhere, `nohup` takes the terminal away.
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return !io::stderr().is_terminal();
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
