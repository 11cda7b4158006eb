//! The client against a server of ours that counts connections and can misbehave.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookline_tests::client::{Call, Client, ClientError};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with each connection that it accepts, in order; the last goes for all others.
#[derive(Clone, Copy)]
enum Manners {
    /// Answers any number of requests with their head, as JSON text.
    Echo,
    /// Answers one request and hangs up.
    OneAnswer,
    /// Reads a request and hangs up.
    NoAnswer,
    /// Reads a request and says nothing.
    Silence,
}

async fn serve(manners: &'static [Manners]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let index = count.fetch_add(1, Ordering::SeqCst).min(manners.len() - 1);
            tokio::spawn(converse(stream, manners[index]));
        }
    });
    (address, accepted)
}

async fn converse(mut stream: TcpStream, manners: Manners) -> Option<()> {
    loop {
        let mut buffer = vec![0; 4096];
        let length = stream.read(&mut buffer).await.ok().filter(|length| *length > 0)?;
        let head = String::from_utf8_lossy(&buffer[..length]).replace("\r\n", "|").replace('"', "'");
        match manners {
            Manners::NoAnswer => return None,
            Manners::Silence => std::future::pending().await,
            Manners::Echo | Manners::OneAnswer => {}
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n\"{head}\"", head.len() + 2);
        stream.write_all(answer.as_bytes()).await.ok()?;
        if matches!(manners, Manners::OneAnswer) {
            return None;
        }
    }
}

#[tokio::test]
async fn keeps_one_connection_and_sends_what_it_was_given() {
    let (address, accepted) = serve(&[Manners::Echo]).await;
    let mut client = Client::new(address).with_token("secret");
    let call = Call::new(Method::POST, "/api/v1/orders").json(&serde_json::json!({"sku": 1})).idempotency_key("k-1");
    let seen: String = client.send(call).await.unwrap().json().unwrap();
    for expected in [
        "POST /api/v1/orders HTTP/1.1|",
        "|authorization: Bearer secret|",
        "|idempotency-key: k-1|",
        "|content-type: application/json|",
        "||{'sku':1}",
    ] {
        assert!(seen.contains(expected), "{expected} is not in {seen}");
    }
    for _ in 0..10 {
        let _: String = client.get("/health/live").await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connects_anew_after_the_host_hung_up() {
    let (address, accepted) = serve(&[Manners::OneAnswer]).await;
    let mut client = Client::new(address);
    let _: String = client.get("/").await.unwrap();
    // The host may hang up before or after the next request was written: either is told apart, and the call after
    // that succeeds.
    if let Err(error) = client.get::<String>("/").await {
        assert!(matches!(error, ClientError::Unknown { .. }), "{error}");
        let _: String = client.get("/").await.unwrap();
    }
    assert!(accepted.load(Ordering::SeqCst) >= 2);
}

#[tokio::test]
async fn says_when_the_outcome_is_unknown() {
    let (address, _) = serve(&[Manners::NoAnswer, Manners::Silence, Manners::Echo]).await;
    let mut client = Client::new(address).with_limit(Duration::from_millis(200));
    for _ in 0..2 {
        let error = client.send(Call::new(Method::PUT, "/api/v1/orders/1/cancel")).await.unwrap_err();
        assert!(matches!(error, ClientError::Unknown { .. }), "{error}");
    }
    assert_eq!(client.send(Call::new(Method::GET, "/")).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn says_when_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::new(closed).get::<String>("/").await.unwrap_err();
    assert!(matches!(error, ClientError::NotSent { .. }), "{error}");
}
