//! The running server: requests, workers, and an end that finishes what was begun.

use crate::app::Shared;
use crate::error::Error;
use crate::{router, telemetry, work};
use axum::serve::ListenerExt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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

async fn answer(app: Shared, listener: TcpListener, stop: CancellationToken) {
    let listener = listener.tap_io(|connection| {
        if let Err(cause) = connection.set_nodelay(true) {
            tracing::debug!(%cause, "a connection keeps waiting for more bytes");
        }
    });
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(cause) = served {
        tracing::error!(%cause, "serving failed");
    }
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
