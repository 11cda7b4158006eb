//! Sending: checks first, then bounded tries.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Url};

use super::address::{AddressRefused, AddressRules};
use super::answer::{self, Answer};
use super::auth::{LineSecrets, credentials};
use super::check::{checked_headers, content};
use super::grant::{Grant, Origin};
use super::request::{Call, Method, Refusal, Repeat, TIMEOUT_DEFAULT_MS, TIMEOUT_MAX_MS};
use super::resolver::{Lookup, Resolver, Taking, system_lookup};
use super::{Failure, FailureReason, Outcome, Reached};
use crate::clock::Clock;
use crate::config::PrivateAllowance;
use crate::entropy::Entropy;
use crate::telemetry::metrics::{EGRESS_CALLS, EGRESS_REFUSED, EGRESS_SECONDS};

const USER_AGENT: &str = concat!("hookline/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS: usize = 8;

/// How often and how soon a failed try is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Tries in all, at least 1.
    pub tries: u32,
    /// Before the second try; doubled before each later one, plus up to half as much again at random.
    pub first_pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { tries: 3, first_pause: Duration::from_millis(200) }
    }
}

/// The HTTP client cannot be made, as when the machine has no root certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made")]
pub struct EgressError(#[from] reqwest::Error);

/// Sends plugins' calls. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<AddressRules>,
    /// Connects to tested addresses only.
    tested: Client,
    /// For hosts and ports that the settings name.
    named: Client,
    retries: Retries,
    clock: Clock,
    entropy: Entropy,
}

impl Egress {
    /// With `ORDER_EGRESS_ALLOW_PRIVATE` as `allowances`.
    pub fn new(
        allowances: &[PrivateAllowance],
        retries: Retries,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, EgressError> {
        Self::with_lookup(allowances, retries, clock, entropy, &system_lookup())
    }

    pub(super) fn with_lookup(
        allowances: &[PrivateAllowance],
        retries: Retries,
        clock: Clock,
        entropy: Entropy,
        lookup: &Lookup,
    ) -> Result<Self, EgressError> {
        let rules = Arc::new(AddressRules::new(allowances));
        Ok(Self {
            tested: client(lookup, Taking::Tested(rules.clone()))?,
            named: client(lookup, Taking::All)?,
            rules,
            retries,
            clock,
            entropy,
        })
    }

    /// Sends `call` if `grant` and the address rules allow it, with the secret it names out of `secrets`.
    ///
    /// Transport errors and statuses of 500 and above are tried again within [`Retries`]; a call with
    /// [`Repeat::Never`] only while no connection was made. Takes at most tries × (time-out + pause).
    pub async fn send(&self, call: &Call, grant: &Grant, secrets: &LineSecrets) -> Result<Outcome, Refusal> {
        let sent = self.checked_send(call, grant, secrets).await;
        match &sent {
            Ok(Outcome::Answered(_)) => metrics::counter!(EGRESS_CALLS, "outcome" => "answered").increment(1),
            Ok(Outcome::Failed(_)) => metrics::counter!(EGRESS_CALLS, "outcome" => "failed").increment(1),
            Ok(Outcome::Unknown(_)) => metrics::counter!(EGRESS_CALLS, "outcome" => "unknown").increment(1),
            Err(refusal) => metrics::counter!(EGRESS_REFUSED, "reason" => reason(refusal)).increment(1),
        }
        sent
    }

    async fn checked_send(&self, call: &Call, grant: &Grant, secrets: &LineSecrets) -> Result<Outcome, Refusal> {
        let (url, origin) = grant.check(&call.url)?;
        let headers = checked_headers(call)?;
        content(call, secrets)?;
        let client = self.client_for(&origin)?;
        let mut reached = Reached::No;
        let mut tries = 0;
        loop {
            tries += 1;
            let reason = match self.attempt(client, call, &url, &headers, secrets).await {
                Ok(Ok(answer)) => return Ok(Outcome::Answered(answer)),
                Ok(Err(reason)) => reason,
                Err(refusal) if tries == 1 => return Err(refusal),
                // The name has moved to a refused address since an earlier try, which may have arrived.
                Err(_) => FailureReason::Connect,
            };
            if reason.reached() == Reached::Perhaps {
                reached = Reached::Perhaps;
            }
            let doubtful = call.repeat == Repeat::Never && reached == Reached::Perhaps;
            let failure = Failure { reason, tries, reached };
            if doubtful {
                return Ok(Outcome::Unknown(failure));
            }
            if tries >= self.retries.tries || !failure.reason.is_passing() {
                return Ok(Outcome::Failed(failure));
            }
            tokio::time::sleep(self.pause(tries)).await;
        }
    }

    /// An address in the URL never passes the resolver, so it is tested here.
    pub(super) fn client_for(&self, origin: &Origin) -> Result<&Client, AddressRefused> {
        if self.rules.names(origin.host(), origin.port()) {
            return Ok(&self.named);
        }
        match origin.host().parse() {
            Ok(address) if !self.rules.allow(address) => {
                Err(AddressRefused { host: origin.host().to_owned(), address })
            }
            Ok(_) | Err(_) => Ok(&self.tested),
        }
    }

    async fn attempt(
        &self,
        client: &Client,
        call: &Call,
        url: &Url,
        headers: &HeaderMap,
        secrets: &LineSecrets,
    ) -> Result<Result<Answer, FailureReason>, Refusal> {
        let watch = self.clock.stopwatch();
        let timeout_ms = if call.timeout_ms == 0 { TIMEOUT_DEFAULT_MS } else { call.timeout_ms.min(TIMEOUT_MAX_MS) };
        let request = client
            .request(method(call.method), url.clone())
            .headers(headers.clone())
            .headers(credentials(call, url, secrets, self.clock.now())?)
            .body(call.body.clone())
            .timeout(Duration::from_millis(u64::from(timeout_ms)));
        let broken = |error: &reqwest::Error| sort(error, timeout_ms);
        let result = match request.send().await {
            Ok(response) => Ok(answer::read(response, secrets, broken).await),
            Err(error) => match refused_address(&error) {
                Some(refused) => Err(refused.into()),
                None => Ok(Err(broken(&error))),
            },
        };
        metrics::histogram!(EGRESS_SECONDS).record(watch.elapsed());
        result
    }

    fn pause(&self, tries: u32) -> Duration {
        let doubled = self.retries.first_pause.saturating_mul(1 << (tries - 1).min(8));
        let jitter = u64::try_from(doubled.as_millis() / 2).unwrap_or(u64::MAX);
        doubled + Duration::from_millis(self.entropy.below(jitter))
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("rules", &self.rules).field("retries", &self.retries).finish_non_exhaustive()
    }
}

fn client(lookup: &Lookup, taking: Taking) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(Arc::new(Resolver { lookup: lookup.clone(), taking }))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(USER_AGENT)
        .build()
}

pub(super) fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

pub(super) fn sort(error: &reqwest::Error, timeout_ms: u32) -> FailureReason {
    if error.is_connect() {
        FailureReason::Connect
    } else if error.is_timeout() {
        FailureReason::TimedOut(timeout_ms)
    } else {
        FailureReason::Broken
    }
}

/// The resolver's own refusal, found among the causes.
pub(super) fn refused_address(error: &reqwest::Error) -> Option<AddressRefused> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
}

/// For the metric.
fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Url(_) => "url",
        Refusal::NotGranted(_) => "not_granted",
        Refusal::Address(_) => "address",
        Refusal::Header { .. } => "header",
        Refusal::TooLarge { .. } => "too_large",
        Refusal::Secret { .. } => "secret",
        Refusal::HoldsSecret => "holds_secret",
        Refusal::ContainsNul => "nul",
        Refusal::Unusable(_) => "unusable",
    }
}
