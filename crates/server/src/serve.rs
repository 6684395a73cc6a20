//! The running server: requests, workers, and an end that finishes what was begun.

use crate::app::Shared;
use crate::error::Error;
use crate::{router, telemetry, work};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Serves until `shutdown` comes, then takes nothing new and finishes what was begun, for a bounded time. A part that
/// ends by itself is an error: the server stops as a whole, so that it can be started as a whole.
pub async fn serve(
    app: Shared,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    telemetry::metrics();
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_fresh(app.clone(), stop.clone()));
    tasks.spawn(answer(app.clone(), listener, stop.clone()));
    if app.config.workers {
        tasks.spawn(work::run(app.clone(), stop.clone()));
    }
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        _ = tasks.join_next() => Err(Error::internal("a part of the server has ended by itself")),
    };
    tracing::info!("stopping");
    stop.cancel();
    let patience = Duration::from_secs(app.config.limits.shutdown_timeout_s);
    let finished = tokio::time::timeout(patience, async { while tasks.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(timeout_s = patience.as_secs(), "stopped before everything was finished");
    }
    app.store.close().await;
    outcome
}

/// Like `axum::serve`, which would wait without end for the head of a request.
async fn answer(app: Shared, mut listener: TcpListener, stop: CancellationToken) {
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    let patience = Duration::from_secs(app.config.limits.idle_timeout_s);
    http.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    let routes = router(app);
    let connections = GracefulShutdown::new();
    while let Some((stream, peer)) = stop.run_until_cancelled(Listener::accept(&mut listener)).await {
        if let Err(cause) = stream.set_nodelay(true) {
            tracing::debug!(%cause, "a connection keeps waiting for more bytes");
        }
        let routes = routes.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            routes.clone().oneshot(request)
        });
        let connection = http.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::debug!(cause, "a connection broke off");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Sees every second what other processes have changed.
async fn keep_fresh(app: Shared, stop: CancellationToken) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(second.tick()).await.is_some() {
        app.limits.forget_idle();
        if let Err(cause) = app.refresh().await {
            tracing::warn!(%cause, "cannot see what others have changed");
        }
    }
}
