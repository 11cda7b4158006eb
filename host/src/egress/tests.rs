//! Calls to a supplier of the test's own that misbehaves on command.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

use super::client::{Egress, Retries};
use super::resolver::{Lookup, system_lookup};
use super::*;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::tasks::Tasks;

const SECRET: &str = "s3cret/\"swordfish";
const NOW: i64 = 1_800_000_000_000;
const TRIES: u32 = 3;

#[derive(Clone, Default)]
struct Book {
    hits: Arc<AtomicU32>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
}

struct Supplier {
    address: SocketAddr,
    book: Book,
    _tasks: Tasks,
}

impl Supplier {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, book, tasks) = (listener.local_addr().unwrap(), Book::default(), Tasks::new());
        let router = Router::new().fallback(answer).with_state(book.clone());
        tasks.spawn("supplier", async move { axum::serve(listener, router).await.unwrap() });
        Self { address, book, _tasks: tasks }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn hits(&self) -> u32 {
        self.book.hits.load(Ordering::SeqCst)
    }

    fn grant(&self) -> Grant {
        Grant::parse([self.url("").as_str()]).unwrap()
    }

    /// Sends from a host whose settings allow this supplier.
    async fn send(&self, call: &Call) -> Result<Outcome, Refusal> {
        egress(&[&self.address.to_string()], &system_lookup()).send(call, &self.grant(), &secrets()).await
    }

    fn call(&self, path: &str) -> Call {
        Call {
            method: Method::Post,
            url: self.url(path),
            headers: vec![("content-type".into(), "application/json".into())],
            body: b"{}".to_vec(),
            auth: Auth::Bearer { secret: "key".into() },
            repeat: Repeat::ByKey,
            timeout_ms: 10_000,
            idempotency_key: "order-1:ship:0".into(),
        }
    }
}

async fn answer(State(book): State<Book>, request: Request) -> Response {
    let hit = book.hits.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let bearer = request.headers().get("authorization").cloned();
    book.headers.lock().unwrap().push(request.headers().clone());
    match path.as_str() {
        "/ok" => ([("x-request-id", "r-1"), ("set-cookie", "a=b")], "booked").into_response(),
        "/redirect" => (StatusCode::FOUND, [("location", "/ok")]).into_response(),
        "/huge" => vec![b'x'; ANSWER_MAX + 1].into_response(),
        "/full" => vec![b'x'; ANSWER_MAX].into_response(),
        "/endless" => {
            let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1_000]));
            axum::body::Body::from_stream(chunks).into_response()
        }
        "/slow" => std::future::pending().await,
        "/second-time" if hit == 0 => StatusCode::BAD_GATEWAY.into_response(),
        "/down" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/echo" => bearer.unwrap().as_bytes().to_vec().into_response(),
        "/echo-json" => serde_json::json!({ "got": SECRET }).to_string().into_response(),
        "/echo-hex" => hex::encode_upper(SECRET).into_response(),
        "/echo-header" => [("location", format!("/?k={}", hex::encode(SECRET)))].into_response(),
        "/nul" => vec![b'a', 0].into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn secrets() -> LineSecrets {
    LineSecrets([("key".to_owned(), SECRET.into()), ("short".to_owned(), "1234567".into())].into())
}

fn egress(allow: &[&str], lookup: &Lookup) -> Egress {
    let allow: Vec<_> = allow.iter().map(|text| text.parse().unwrap()).collect();
    let retries = Retries { tries: TRIES, first_pause: Duration::ZERO };
    Egress::with_lookup(&allow, retries, Clock::manual(NOW).0, Entropy::seeded(1), lookup).unwrap()
}

fn resolves_to(addresses: &[&str]) -> Lookup {
    let addresses: Vec<std::net::IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    })
}

fn failed(outcome: Result<Outcome, Refusal>) -> (FailureReason, u32, Reached) {
    match outcome.unwrap() {
        Outcome::Failed(Failure { reason, tries, reached }) => (reason, tries, reached),
        other => panic!("expected a final failure, got {other:?}"),
    }
}

fn unknown(outcome: Result<Outcome, Refusal>) -> (FailureReason, u32) {
    match outcome.unwrap() {
        Outcome::Unknown(failure) => (failure.reason, failure.tries),
        other => panic!("expected an unknown outcome, got {other:?}"),
    }
}

fn answered(outcome: Result<Outcome, Refusal>) -> Answer {
    match outcome.unwrap() {
        Outcome::Answered(answer) => answer,
        other => panic!("expected an answer, got {other:?}"),
    }
}

#[tokio::test]
async fn the_host_adds_key_and_secret_and_passes_few_headers_on() {
    let supplier = Supplier::start().await;
    let answer = answered(supplier.send(&supplier.call("/ok")).await);
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"booked".as_slice()));
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "date", "x-request-id"]);
    let sent = supplier.book.headers.lock().unwrap()[0].clone();
    assert_eq!(sent["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(sent["idempotency-key"], "order-1:ship:0");
    assert_eq!(sent["content-type"], "application/json");
}

#[tokio::test]
async fn the_other_kinds_of_credentials() {
    let supplier = Supplier::start().await;
    let secret = || "key".to_owned();
    let parts = vec![Part::Method, Part::Path, Part::Body, Part::Timestamp];
    for auth in [
        Auth::Basic { user: "shop".into(), secret: secret() },
        Auth::Header { header: "X-Api-Key".into(), secret: secret() },
        Auth::HmacSha256 { secret: secret(), header: "X-Signature".into(), parts },
        Auth::None,
    ] {
        answered(supplier.send(&Call { auth, ..supplier.call("/ok?a=1") }).await);
    }
    let sent = supplier.book.headers.lock().unwrap().clone();
    // base64 of shop:s3cret/"swordfish
    assert_eq!(sent[0]["authorization"], "Basic c2hvcDpzM2NyZXQvInN3b3JkZmlzaA==");
    assert_eq!(sent[1]["x-api-key"], SECRET);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected = aws_lc_rs::hmac::sign(&key, format!("POST\n/ok?a=1\n{{}}\n{NOW}").as_bytes());
    assert_eq!(sent[2]["x-signature"], hex::encode(expected));
    assert_eq!(sent[2]["x-timestamp"], NOW.to_string());
    assert!(!sent[3].contains_key("authorization"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_follows_it() {
    let supplier = Supplier::start().await;
    let answer = answered(supplier.send(&supplier.call("/redirect")).await);
    assert_eq!((answer.status, supplier.hits()), (302, 1));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_cut_off_and_not_asked_for_again() {
    let supplier = Supplier::start().await;
    assert_eq!(answered(supplier.send(&supplier.call("/full")).await).body.len(), ANSWER_MAX);
    for path in ["/huge", "/endless"] {
        let outcome = failed(supplier.send(&supplier.call(path)).await);
        assert_eq!(outcome, (FailureReason::TooLarge, 1, Reached::Perhaps), "{path}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_asked_for_again_under_the_same_key() {
    let supplier = Supplier::start().await;
    let call = Call { timeout_ms: 40, ..supplier.call("/slow") };
    let outcome = failed(supplier.send(&call).await);
    assert_eq!(outcome, (FailureReason::TimedOut(40), TRIES, Reached::Perhaps));
    let sent = supplier.book.headers.lock().unwrap();
    assert!(sent.iter().all(|headers| headers["idempotency-key"] == "order-1:ship:0"));
}

#[tokio::test]
async fn what_must_never_repeat_is_sent_once_and_its_outcome_is_unknown() {
    let supplier = Supplier::start().await;
    let never = |path| Call { repeat: Repeat::Never, ..supplier.call(path) };
    let slow = Call { timeout_ms: 2_000, ..never("/slow") };
    assert_eq!(unknown(supplier.send(&slow).await), (FailureReason::TimedOut(2_000), 1));
    assert_eq!(unknown(supplier.send(&never("/down")).await), (FailureReason::Status(503), 1));
    assert_eq!(unknown(supplier.send(&never("/huge")).await), (FailureReason::TooLarge, 1));
    assert_eq!(supplier.hits(), 3);
    assert_eq!(answered(supplier.send(&never("/missing")).await).status, 404);
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_and_a_lasting_one_fails() {
    let supplier = Supplier::start().await;
    // The second answer is a plain 404, which is an answer.
    assert_eq!(answered(supplier.send(&supplier.call("/second-time")).await).status, 404);
    assert_eq!(supplier.hits(), 2);
    let outcome = failed(supplier.send(&supplier.call("/down")).await);
    assert_eq!(outcome, (FailureReason::Status(503), TRIES, Reached::Perhaps));
}

#[tokio::test]
async fn without_a_connection_nothing_has_arrived() {
    let supplier = Supplier::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let grant = Grant::parse([format!("http://{closed}").as_str()]).unwrap();
    let call = Call { url: format!("http://{closed}/ok"), repeat: Repeat::Never, ..supplier.call("/ok") };
    let outcome = egress(&[&closed.to_string()], &system_lookup()).send(&call, &grant, &secrets()).await;
    assert_eq!(failed(outcome), (FailureReason::Connect, TRIES, Reached::No));
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_delivered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    tasks.spawn("breaker", async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 64]).await.unwrap();
        }
    });
    let supplier = Supplier::start().await;
    let grant = Grant::parse([format!("http://{address}").as_str()]).unwrap();
    let call = Call { url: format!("http://{address}/ok"), repeat: Repeat::Never, ..supplier.call("/ok") };
    let outcome = egress(&[&address.to_string()], &system_lookup()).send(&call, &grant, &secrets()).await;
    assert_eq!(unknown(outcome), (FailureReason::Broken, 1));
}

#[tokio::test]
async fn an_answer_with_a_secret_or_a_nul_is_refused() {
    let supplier = Supplier::start().await;
    for path in ["/echo", "/echo-json", "/echo-hex", "/echo-header"] {
        let outcome = failed(supplier.send(&supplier.call(path)).await);
        assert_eq!(outcome, (FailureReason::ContainsSecret, 1, Reached::Perhaps), "{path}");
    }
    // A user of any length moves the secret within the base64.
    for user in ["", "a", "ab", "abc"] {
        let auth = Auth::Basic { user: user.into(), secret: "key".into() };
        let outcome = supplier.send(&Call { auth, ..supplier.call("/echo") }).await;
        assert_eq!(failed(outcome).0, FailureReason::ContainsSecret, "{user}");
    }
    assert_eq!(failed(supplier.send(&supplier.call("/nul")).await).0, FailureReason::ContainsNul);
}

#[tokio::test]
async fn private_addresses_are_never_connected_to() {
    let supplier = Supplier::start().await;
    let port = supplier.address.port();
    let hosts = ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "supplier.test", "supplier.test."];
    for host in hosts {
        // One good address does not help a bad one.
        let egress = egress(&["localhost:1", "10.0.0.0/8"], &resolves_to(&["1.1.1.1", "127.0.0.1"]));
        let url = format!("http://{host}:{port}/ok");
        let grant = Grant::parse([format!("http://{host}:{port}").as_str()]).unwrap();
        let refused = egress.send(&Call { url, ..supplier.call("/ok") }, &grant, &secrets()).await;
        assert!(matches!(refused, Err(Refusal::Address(_))), "{host}: {refused:?}");
    }
    assert_eq!(supplier.hits(), 0);
}

#[tokio::test]
async fn development_settings_open_a_block_or_one_host_and_port() {
    let supplier = Supplier::start().await;
    let port = supplier.address.port();
    let grant = Grant::parse([format!("http://supplier.test:{port}").as_str()]).unwrap();
    let call = Call { url: format!("http://supplier.test:{port}/ok"), ..supplier.call("/ok") };
    let lookup = resolves_to(&["127.0.0.1"]);
    for allow in ["127.0.0.0/8", &format!("supplier.test:{port}")] {
        answered(egress(&[allow], &lookup).send(&call, &grant, &secrets()).await);
    }
    let other_port = egress(&["supplier.test:1"], &lookup).send(&call, &grant, &secrets()).await;
    assert!(matches!(other_port, Err(Refusal::Address(_))));
}

#[tokio::test]
async fn a_bad_request_is_never_sent() {
    let supplier = Supplier::start().await;
    let base = || supplier.call("/ok");
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let bearer = |name: &str| Auth::Bearer { secret: name.to_owned() };
    let bad = [
        Call { url: "https://elsewhere.test/".into(), ..base() },
        Call { url: supplier.url(&format!("/?k={}", hex::encode(SECRET))), ..base() },
        Call { body: SECRET.as_bytes().to_vec(), ..base() },
        Call { body: vec![0], ..base() },
        Call { body: vec![b'x'; 64 * 1_024 + 1], ..base() },
        Call { headers: header("x-note", SECRET), ..base() },
        Call { headers: header("Authorization", "Bearer x"), ..base() },
        Call { headers: header("Host", "elsewhere.test"), ..base() },
        Call { headers: header("Idempotency-Key", "mine"), ..base() },
        Call { headers: header("x-note", "a\r\nb: c"), ..base() },
        Call { auth: bearer("absent"), ..base() },
        Call { auth: bearer("short"), ..base() },
        Call { auth: Auth::Header { header: "Host".into(), secret: "key".into() }, ..base() },
        Call { auth: Auth::Basic { user: "a:b".into(), secret: "key".into() }, ..base() },
        Call { idempotency_key: String::new(), ..base() },
    ];
    for call in &bad {
        let refused = supplier.send(call).await;
        assert!(refused.is_err(), "{call:?}: {refused:?}");
        assert!(!format!("{:?}", refused.unwrap_err()).contains("swordfish"));
    }
    assert_eq!(supplier.hits(), 0);
}
