//! What Zhupi says about itself: log lines and metrics.

use crate::config::{Config, LogFormat};
use crate::error::Error;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use zhupi_engine::ids::TenantId;

/// Starts logging to standard error, once for the process.
pub fn start_logging(config: &Config) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|cause| Error::field("log", format!("setting `log`: {cause}")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.init(),
    }
    Ok(())
}

/// The metrics of this process, in Prometheus' text form.
pub fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let builder = PrometheusBuilder::new();
        let recorder = match builder.set_buckets(&seconds) {
            Ok(builder) => builder.build_recorder(),
            Err(_) => PrometheusBuilder::new().build_recorder(),
        };
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics are recorded elsewhere already");
        }
        handle
    })
}

/// What is learnt of a request on its way and said once at its end.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub request_id: std::sync::Arc<str>,
    tenant: std::sync::Arc<OnceLock<TenantId>>,
}

impl Trace {
    pub fn new(request_id: &str) -> Self {
        Self { request_id: request_id.into(), tenant: Default::default() }
    }

    /// Remembers the workspace of the caller.
    pub fn note_tenant(&self, tenant: TenantId) {
        self.tenant.get_or_init(|| tenant);
    }
}

/// A request that has been answered.
pub struct Answered<'a> {
    pub trace: &'a Trace,
    pub method: &'a str,
    /// The template of the path, so that ids make no metrics of their own.
    pub path: &'a str,
    pub status: u16,
    pub took: Duration,
}

/// The access log line, and the metrics of it.
pub fn record(answered: &Answered<'_>) {
    let duration_ms = answered.took.as_secs_f64() * 1000.0;
    let tenant = answered.trace.tenant.get().map(ToString::to_string).unwrap_or_default();
    tracing::info!(
        request_id = %answered.trace.request_id,
        method = answered.method,
        path = answered.path,
        status = answered.status,
        duration_ms,
        tenant,
        "answered"
    );
    let labels = [
        ("method", answered.method.to_owned()),
        ("path", answered.path.to_owned()),
        ("status", answered.status.to_string()),
    ];
    metrics::counter!("zhupi_http_requests_total", &labels).increment(1);
    metrics::histogram!("zhupi_http_request_duration_seconds", "path" => answered.path.to_owned())
        .record(answered.took.as_secs_f64());
}
