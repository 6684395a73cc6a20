//! Another system on this machine: it keeps what it is told and answers as it was asked to.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Another system.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    told: Mutex<Vec<Told>>,
    answers: Mutex<VecDeque<(u16, String)>>,
    usual: Mutex<(u16, String)>,
    came: Notify,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Told {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Told {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        *inner.usual.lock().expect("a lock") = (200, r#"{"success":true}"#.to_owned());
        let routes = Router::new().fallback(take).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, inner }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on it answers so, where nothing else was said.
    pub fn usually(&self, status: u16, body: &str) {
        *self.inner.usual.lock().expect("a lock") = (status, body.to_owned());
    }

    /// The next answers, in order.
    pub fn then(&self, status: u16, body: &str) {
        self.inner.answers.lock().expect("a lock").push_back((status, body.to_owned()));
    }

    /// All it was told, in order.
    pub fn told(&self) -> Vec<Told> {
        self.inner.told.lock().expect("a lock").clone()
    }

    /// Waits for the next request.
    pub async fn came(&self) {
        self.inner.came.notified().await;
    }
}

async fn take(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    inner.told.lock().expect("a lock").push(Told { path: uri.path().to_owned(), headers, body });
    let scripted = inner.answers.lock().expect("a lock").pop_front();
    let (status, body) = scripted.unwrap_or_else(|| inner.usual.lock().expect("a lock").clone());
    inner.came.notify_one();
    (StatusCode::from_u16(status).expect("a status"), body)
}
