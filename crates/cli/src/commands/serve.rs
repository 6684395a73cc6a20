//! `zhupi serve`: serve until interrupted.

use super::told;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use zhupi_server::{App, Config, telemetry};

pub async fn serve(config: Config) -> Result<(), String> {
    telemetry::start_logging(&config).map_err(|error| told(&error))?;
    let listen = config.listen;
    let app = App::open(config).await.map_err(|error| told(&error))?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|cause| format!("setting `listen`: cannot listen on {listen}: {cause}"))?;
    let listen = listener.local_addr().unwrap_or(listen);
    if app.config.demo
        && let Some(credentials) = zhupi_server::demo::fill(&app).await.map_err(|error| told(&error))?
    {
        tracing::info!(credentials = %credentials.display(), "the demo company is there");
    }
    tracing::info!(%listen, "serving");
    let mut terminate = signal(SignalKind::terminate()).map_err(|cause| cause.to_string())?;
    let shutdown = async move {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => if let Err(cause) = interrupted {
                tracing::error!(%cause, "cannot be interrupted");
            },
            _ = terminate.recv() => {}
        }
    };
    zhupi_server::serve(app, listener, shutdown).await.map_err(|error| told(&error))
}
