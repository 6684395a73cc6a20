//! The only door to other systems: one HTTP client that connects to checked addresses alone, follows no redirect, waits
//! a bounded time and keeps a bounded answer. Which addresses are fit: `outbound/guard.rs`.

mod guard;

pub use guard::{Allowed, Guard, Refusal};

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// No answer within this time is a failure.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Usually no more of an answer is read than this.
pub const KEPT_BYTES: usize = 4 * 1024;

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    guard: Arc<Guard>,
    timeout: Duration,
    kept_bytes: usize,
}

/// One call to another system.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What the other system answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub status: u16,
    /// At most as much as was asked for; bytes that are no text are replaced.
    pub body: String,
    /// There was more.
    pub cut: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// Why there can be no client at all.
#[derive(Debug, thiserror::Error)]
#[error("the client for outgoing calls cannot be set up: {0}")]
pub struct SetupFailed(#[from] reqwest::Error);

impl Outbound {
    pub fn new(guard: Guard) -> Result<Self, SetupFailed> {
        // An error only says that another part of this process has installed one before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let guard = Arc::new(guard);
        let client = settings(&guard).build().or_else(|cause| {
            tracing::warn!(%cause, "this machine has no certificates to know others by: https calls will fail");
            settings(&guard).tls_certs_only(std::iter::empty()).build()
        })?;
        Ok(Self { client, guard, timeout: TIMEOUT, kept_bytes: KEPT_BYTES })
    }

    /// The same client with another patience.
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The same client, which keeps more or less of an answer.
    pub fn with_kept_bytes(&self, kept_bytes: usize) -> Self {
        Self { kept_bytes, ..self.clone() }
    }

    /// Whether a target could be called, as far as its text shows; said when somebody writes a target down.
    pub fn check(&self, target: &str) -> Result<Url, Refusal> {
        self.guard.check_url(target)
    }

    pub async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let url = self.guard.check_url(&call.url)?;
        let request = self.client.request(call.method, url).headers(call.headers).body(call.body);
        tokio::time::timeout(self.timeout, exchange(request, self.kept_bytes))
            .await
            .unwrap_or(Err(Failure::Timeout(self.timeout)))
    }
}

fn settings(guard: &Arc<Guard>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("Zhupi/", env!("CARGO_PKG_VERSION")))
        .pool_idle_timeout(Duration::from_secs(30))
        .dns_resolver(CheckedNames(Arc::clone(guard)))
}

async fn exchange(request: reqwest::RequestBuilder, most: usize) -> Result<Reply, Failure> {
    let mut response = request.send().await.map_err(|error| not_sent(&error))?;
    let status = response.status().as_u16();
    let mut kept = Vec::new();
    let mut cut = false;
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::Broken(cause(&error)))? {
        let room = most - kept.len();
        kept.extend(chunk.iter().take(room));
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(Reply { status, body: text_of(kept, most), cut })
}

/// A character that was cut in two at the end is dropped, so that the text stays within its limit.
fn text_of(kept: Vec<u8>, most: usize) -> String {
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    while text.len() > most {
        text.pop();
    }
    text
}

fn not_sent(error: &reqwest::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return Failure::Refused(refusal.clone());
        }
        source = inner.source();
    }
    Failure::Connect(cause(error))
}

/// The innermost reason; the outer ones repeat the target, which may hold secrets in its query.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Looks names up as the machine does, and lets through only what the guard lets through.
struct CheckedNames(Arc<Guard>);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let fit = guard.keep_fit(&host, found)?;
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}
