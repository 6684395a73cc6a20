//! The running server, over a real connection.

use crate::harness::TestApp;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[tokio::test]
async fn a_request_that_was_begun_is_finished_at_shutdown() {
    let app = TestApp::with(&[("workers", "false")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let server = tokio::spawn(zhupi_server::serve(app.app.clone(), listener, shutdown));

    let mut begun = TcpStream::connect(address).await.expect("a connection");
    let body = r#"{"login": "wang", "password": "x"}"#;
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: zhupi\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    begun.write_all(head.as_bytes()).await.expect("to be heard");
    // Answers to others show that the server has come as far as reading.
    assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200"));

    stop.send(()).expect("a running server");
    until_nobody_listens(address).await;
    begun.write_all(body.as_bytes()).await.expect("to be heard");
    let mut answer = String::new();
    begun.read_to_string(&mut answer).await.expect("an answer");

    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    server.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let app = TestApp::with(&[("shutdown_timeout_s", "0")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut begun = TcpStream::connect(address).await.expect("a connection");
    begun.write_all(b"POST /v1/sessions HTTP/1.1\r\ncontent-length: 9\r\n\r\n").await.expect("to be heard");

    let server = zhupi_server::serve(app.app.clone(), listener, std::future::ready(()));

    tokio::time::timeout(Duration::from_secs(5), server).await.expect("an end").expect("a clean end");
}

#[tokio::test]
async fn whoever_does_not_come_to_his_request_is_not_waited_for() {
    let app = TestApp::with(&[("idle_timeout_s", "0"), ("workers", "false")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let server = tokio::spawn(zhupi_server::serve(app.app.clone(), listener, shutdown));

    for begun in ["", "GET /healthz HTTP/1.1\r\nhost: zhu"] {
        let mut slow = TcpStream::connect(address).await.expect("a connection");
        slow.write_all(begun.as_bytes()).await.expect("to be heard");
        let end = tokio::time::timeout(Duration::from_secs(5), slow.read(&mut [0; 1])).await;
        assert!(matches!(end.expect("an end"), Ok(0) | Err(_)), "{begun}");
    }
    stop.send(()).expect("a running server");
    server.await.expect("no panic").expect("a clean end");
}

async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: zhupi\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("to be heard");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn until_nobody_listens(address: std::net::SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
