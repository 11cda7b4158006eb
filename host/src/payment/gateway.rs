//! How providers are called: within time, a few times, and not at all for a while when they do not answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::ids::Millis;
use crate::egress::{Egress, Exchange, FailureReason, Method, NoReply, Reply};
use crate::entropy::Entropy;
use crate::telemetry::metrics::PAYMENT_CALLS;

/// Tries of one call, the first included. Each is signed anew under the same request id.
const TRIES: u32 = 3;
/// Before the second try; doubled before the third, plus up to half as much again at random.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The largest answer of an ordinary call, bytes.
pub(super) const ANSWER_MAX: usize = 256 << 10;
/// So many calls in a row without an answer open the breaker.
const BREAKER_FAILURES: u32 = 5;
/// So long an open breaker lets nothing through; then one call tries.
const BREAKER_OPEN_MS: Millis = 10_000;

/// Where and how patiently.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// For metrics and logs.
    pub method: String,
    /// Without a slash at the end.
    pub base_url: String,
    /// Of one try (`PAYMENT_TIMEOUT`).
    pub timeout: Duration,
}

/// No answer of the provider: what was asked may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The breaker is open: nothing was sent.
    #[error("the provider has not answered for a while; it is asked again in a moment")]
    BreakerOpen,
    /// No usable reply after all tries.
    #[error("{0}")]
    NoReply(NoReply),
}

/// One account's way to its provider. Cheap to clone; clones share the breaker.
#[derive(Clone)]
pub struct Gateway {
    egress: Egress,
    clock: Clock,
    entropy: Entropy,
    settings: Arc<GatewaySettings>,
    breaker: Arc<Mutex<Breaker>>,
    first_pause: Duration,
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    closed_again_at: Millis,
}

impl Gateway {
    /// A way with a closed breaker.
    pub fn new(egress: Egress, clock: Clock, entropy: Entropy, settings: GatewaySettings) -> Self {
        Self { egress, clock, entropy, settings: Arc::new(settings), breaker: Arc::default(), first_pause: FIRST_PAUSE }
    }

    /// The same way with a breaker of its own, for calls that strangers can bring about.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { breaker: Arc::default(), ..self.clone() }
    }

    /// Our time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Randomness for nonces.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// Where the provider is, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.settings.base_url
    }

    /// A request to a path (with query) of the provider.
    pub fn request(&self, method: Method, path: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Exchange {
        let (url, timeout) = (format!("{}{path}", self.settings.base_url), self.settings.timeout);
        Exchange { method, url, headers, body, timeout, answer_max: ANSWER_MAX }
    }

    /// Calls the provider. `make` builds and signs the request of each try; whatever makes it repeatable (the payment
    /// or refund number, a request id) must be the same every time. Connection failures, 429 and statuses of 500 and
    /// above are tried again; every other status is the answer.
    pub async fn call(&self, operation: &'static str, make: impl Fn() -> Exchange + Send) -> Result<Reply, Unanswered> {
        if !self.may_pass() {
            self.count(operation, "breaker_open");
            return Err(Unanswered::BreakerOpen);
        }
        let mut tries = 1;
        loop {
            let error = match self.egress.exchange(&make()).await {
                Ok(reply) if reply.status < 500 && reply.status != 429 => {
                    *self.lock() = Breaker::default();
                    self.count(operation, "answered");
                    return Ok(reply);
                }
                Ok(reply) => NoReply::Failed(FailureReason::Status(reply.status)),
                Err(error) => error,
            };
            if tries >= TRIES || !error.is_passing() {
                self.count(operation, "failed");
                self.failed();
                tracing::warn!(method = self.settings.method, operation, %error, tries, "a payment provider gave no answer");
                return Err(Unanswered::NoReply(error));
            }
            let pause = self.first_pause * (1 << (tries - 1));
            let jitter = self.entropy.below(u64::try_from(pause.as_millis() / 2).unwrap_or(0));
            tokio::time::sleep(pause + Duration::from_millis(jitter)).await;
            tries += 1;
        }
    }

    /// Whether a call may go out. Of those that come when an open breaker's time is up only the first one may.
    fn may_pass(&self) -> bool {
        let (now, mut breaker) = (self.clock.now(), self.lock());
        if breaker.closed_again_at > now {
            return false;
        }
        if breaker.failures >= BREAKER_FAILURES {
            breaker.closed_again_at = now + BREAKER_OPEN_MS;
        }
        true
    }

    fn failed(&self) {
        let mut breaker = self.lock();
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.failures >= BREAKER_FAILURES {
            breaker.closed_again_at = self.clock.now() + BREAKER_OPEN_MS;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        let method = self.settings.method.clone();
        metrics::counter!(PAYMENT_CALLS, "method" => method, "operation" => operation, "outcome" => outcome)
            .increment(1);
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gateway").field(&self.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::egress::Retries;
    use crate::tasks::Tasks;

    const NOW: Millis = 1_800_000_000_000;

    /// A server that answers with these statuses, then with the last one for ever, and counts.
    async fn server(statuses: &'static [u16]) -> (String, Arc<AtomicUsize>, Tasks) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let count = asked.clone();
        let tasks = Tasks::new();
        tasks.spawn("provider", async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let nth = count.fetch_add(1, Ordering::SeqCst);
                let status = statuses[nth.min(statuses.len() - 1)];
                let _ = stream.read(&mut [0; 2_048]).await;
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (format!("http://{address}"), asked, tasks)
    }

    fn gateway(base_url: String) -> (Gateway, crate::clock::ManualClock) {
        let (clock, hands) = Clock::manual(NOW);
        let entropy = Entropy::seeded(1);
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        let egress = Egress::new(&allowed, Retries::default(), clock.clone(), entropy.clone()).unwrap();
        let settings = GatewaySettings { method: "alipay".into(), base_url, timeout: Duration::from_secs(5) };
        let gateway =
            Gateway { first_pause: Duration::from_millis(1), ..Gateway::new(egress, clock, entropy, settings) };
        (gateway, hands)
    }

    async fn call(gateway: &Gateway) -> Result<Reply, Unanswered> {
        gateway.call("query", || gateway.request(Method::Get, "/", vec![], vec![])).await
    }

    #[tokio::test]
    async fn a_stumble_is_tried_again_and_a_refusal_is_an_answer() {
        let (url, asked, _tasks) = server(&[503, 429, 200, 404]).await;
        let (gateway, _) = gateway(url);
        assert_eq!(call(&gateway).await.unwrap().status, 200);
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        assert_eq!(call(&gateway).await.unwrap().status, 404);
        assert_eq!(asked.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_dead_provider_is_left_alone_for_a_while_then_tried_once() {
        let (url, asked, _tasks) = server(&[500]).await;
        let (gateway, hands) = gateway(url);
        for _ in 0..BREAKER_FAILURES {
            assert!(matches!(call(&gateway).await, Err(Unanswered::NoReply(_))));
        }
        let before = asked.load(Ordering::SeqCst);
        assert_eq!(call(&gateway).await, Err(Unanswered::BreakerOpen));
        assert!(matches!(call(&gateway.apart()).await, Err(Unanswered::NoReply(_))), "another breaker");
        let apart = asked.load(Ordering::SeqCst) - before;
        hands.advance(BREAKER_OPEN_MS);
        assert!(matches!(call(&gateway).await, Err(Unanswered::NoReply(_))));
        assert_eq!(call(&gateway).await, Err(Unanswered::BreakerOpen), "one failure opens it again");
        assert_eq!(asked.load(Ordering::SeqCst), before + apart + 3);
    }
}
