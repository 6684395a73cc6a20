//! The client for calls to other systems, against a receiver on this machine.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get, post};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use zhupi_server::outbound::{Call, Failure, Guard, KEPT_BYTES, Outbound, Refusal, Reply};

struct Receiver {
    address: SocketAddr,
    hits: Arc<AtomicUsize>,
}

async fn receiver() -> Receiver {
    let hits = Arc::new(AtomicUsize::new(0));
    let routes = Router::new()
        .route(
            "/echo",
            post(async |headers: HeaderMap, body: Bytes| {
                (
                    StatusCode::CREATED,
                    format!("{:?} {}", headers.get("x-mark"), String::from_utf8_lossy(&body)),
                )
            }),
        )
        .route("/long", get(async || "é".repeat(3000)))
        .route(
            "/endless",
            get(async || {
                Body::from_stream(futures_util::stream::repeat_with(|| {
                    Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]))
                }))
            }),
        )
        .route("/silent", get(async || std::future::pending::<()>().await))
        .route(
            "/stuck",
            get(async || {
                let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]);
                Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
            }),
        )
        .route("/away", get(async || Redirect::temporary("/hit")))
        .route(
            "/hit",
            any(async |State(hits): State<Arc<AtomicUsize>>| {
                hits.fetch_add(1, Ordering::SeqCst);
                [(header::CONTENT_TYPE, "text/plain")].into_response()
            }),
        )
        .with_state(hits.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Receiver { address, hits }
}

fn call(method: Method, url: String) -> Call {
    Call { method, url, headers: HeaderMap::new(), body: Bytes::new() }
}

fn open() -> Outbound {
    Outbound::new(Guard::new(Vec::new()).with_loopback()).unwrap()
}

async fn get_path(client: &Outbound, receiver: &Receiver, path: &str) -> Result<Reply, Failure> {
    client.send(call(Method::GET, format!("http://{}{path}", receiver.address))).await
}

#[tokio::test]
async fn a_call_carries_its_headers_and_body_and_brings_the_answer() {
    let receiver = receiver().await;
    let mut request = call(Method::POST, format!("http://{}/echo", receiver.address));
    request.headers.insert("x-mark", "1".parse().unwrap());
    request.body = Bytes::from_static(b"hello");
    let reply = open().send(request).await.unwrap();
    assert_eq!(reply, Reply { status: 201, body: "Some(\"1\") hello".to_owned(), cut: false });
}

#[tokio::test]
async fn an_answer_is_cut_at_four_kibibytes() {
    let receiver = receiver().await;
    let reply = get_path(&open(), &receiver, "/long").await.unwrap();
    assert_eq!((reply.body.len(), reply.cut), (KEPT_BYTES, true));
    assert!(reply.body.chars().all(|letter| letter == 'é'));
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let receiver = receiver().await;
    let reply = get_path(&open(), &receiver, "/endless").await.unwrap();
    assert_eq!((reply.body.len(), reply.cut), (KEPT_BYTES, true));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let receiver = receiver().await;
    let reply = get_path(&open(), &receiver, "/away").await.unwrap();
    assert_eq!(reply.status, 307);
    assert_eq!(receiver.hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn waiting_ends_also_in_the_middle_of_an_answer() {
    let receiver = receiver().await;
    let client = open().with_timeout(Duration::from_millis(50));
    for path in ["/silent", "/stuck"] {
        let failure = get_path(&client, &receiver, path).await.unwrap_err();
        assert_eq!(failure.to_string(), "no answer within 50 ms", "{path}");
    }
}

#[tokio::test]
async fn this_machine_is_refused_by_address_and_by_name_before_anything_is_sent() {
    let receiver = receiver().await;
    let client = Outbound::new(Guard::new(Vec::new())).unwrap();
    let port = receiver.address.port();
    let literal = client.send(call(Method::POST, format!("http://127.0.0.1:{port}/hit"))).await.unwrap_err();
    assert_eq!(literal.to_string(), "`127.0.0.1` is refused: loopback addresses may not be called");
    let named = client.send(call(Method::POST, format!("http://localhost:{port}/hit"))).await.unwrap_err();
    assert!(matches!(named, Failure::Refused(Refusal::Name { .. })), "{named}");
    assert_eq!(receiver.hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_the_operator_allows_is_called() {
    let receiver = receiver().await;
    let client = Outbound::new(Guard::parse(["localhost"]).unwrap()).unwrap();
    let url = format!("http://localhost:{}/hit", receiver.address.port());
    assert_eq!(client.send(call(Method::POST, url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn nobody_at_home_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = open().send(call(Method::GET, format!("http://{address}/"))).await.unwrap_err();
    assert!(failure.to_string().starts_with("cannot connect: "), "{failure}");
}
