//! Connections: bounded in number and in time, and ended in order when the process is told to stop.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt as _;

use super::{
    Config,
    connection::{Connection, Stop},
    patience::Patient,
};

/// Largest request head, in bytes: a token of 16 KiB and everything else.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The same for HTTP/2.
const MAX_HEAD_BYTES_H2: u32 = 32 * 1024;
/// Pause after an accept that failed, which it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop` completes. Then `/ready` says no, and after a delay, in which whoever
/// balances the load finds that out, the port is closed, sockets and event streams are told to end, and running
/// requests may finish within the grace period.
pub async fn serve(listener: TcpListener, router: Router, config: &Config, stop: impl Future<Output = ()>) {
    let builder = Arc::new(builder(config));
    let graceful = GracefulShutdown::new();
    let stopping = Stop::new();
    let places = Arc::new(Semaphore::new(config.max_connections));
    #[expect(clippy::cast_precision_loss, reason = "a limit for a graph")]
    metrics::gauge!("connections_limit").set(config.max_connections as f64);
    let stopped = async {
        stop.await;
        tracing::info!(delay = ?config.shutdown_delay, grace = ?config.shutdown_grace, "stopping");
        stopping.leave();
        tokio::time::sleep(config.shutdown_delay).await;
    };
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let connection = stopping.connection(peer.ip(), place);
                let stream = Patient::new(stream, config.send_timeout);
                let watched =
                    watch(stream, connection, router.clone(), config.header_timeout, &builder, &graceful);
                tokio::spawn(watched);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { tokio::join!(graceful.shutdown(), stopping.all()) };
    if tokio::time::timeout(config.shutdown_grace, ended).await.is_err() {
        tracing::warn!("some requests were still running at the end of the grace period");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are small; waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

/// Serves one connection, which ends if its first request is not there in time. The library's own timers do not see
/// to that: it waits for the first bytes, which tell the version of HTTP, without one, and an HTTP/2 connection may
/// live on pings alone.
fn watch(
    stream: Patient,
    connection: Connection,
    router: Router,
    patience: Duration,
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    let asked = Arc::new(Notify::new());
    let asks = asked.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        asks.notify_one();
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request.map(Body::new))
    });
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let watched = graceful.watch(served);
    let silence = async move {
        if tokio::time::timeout(patience, asked.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    async move {
        tokio::select! {
            ended = watched => if let Err(error) = ended {
                tracing::debug!(error, "connection ended early");
            },
            () = silence => tracing::debug!("connection without a request"),
        }
    }
}

fn builder(config: &Config) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES_H2)
        .max_concurrent_streams(100)
        .keep_alive_interval(config.header_timeout)
        .keep_alive_timeout(config.header_timeout);
    builder
}
