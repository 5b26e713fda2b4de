//! Serves until a signal, against real services or against the sandbox.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::complain;
use crate::{
    app,
    config::{Args, Config},
    http, telemetry,
};

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = match Config::from_args(&args) {
        Ok(config) => config,
        Err(problems) => return Ok(complain(&problems)),
    };
    let app = app::build(&config, telemetry::metrics()?).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another LISTEN_ADDR", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    http::serve(listener, app.router, &config.http, stop_signal()).await;
    app.worker.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Completes when the process is told to stop: Ctrl-C, or SIGTERM from a supervisor.
async fn stop_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await;
}
