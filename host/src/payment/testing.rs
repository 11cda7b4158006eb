//! What tests of providers share: keys of our own, forms to spoil, a server that answers as told, one payment with one
//! refund.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{AccountTerms, Callback, Gateway, GatewaySettings, Notice, Provider, Unverified};
use crate::clock::Clock;
use crate::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, RefundNo};
use crate::domain::payment::{PayOffer, Payment, PaymentStatus, Refund, RefundStatus, Way};
use crate::egress::{Egress, Retries};
use crate::entropy::Entropy;

/// The time of every test: 2027-01-15 08:00:00 UTC, 16:00:00 in UTC+8.
pub(super) const NOW: Millis = 1_800_000_000_000;
/// Where the host is said to take callbacks.
pub(super) const NOTIFY_URL: &str = "https://shop.example/callbacks/payments/method/main";

/// An RSA key of 2048 bits.
pub(super) struct TestKey(pub(super) KeyPair);

impl TestKey {
    pub(super) fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap())
    }

    pub(super) fn private_pem(&self) -> String {
        self.0.serialize_pem()
    }

    pub(super) fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// PKCS#1 v1.5 with SHA-256, base64.
    pub(super) fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.0.sign(text).unwrap())
    }
}

/// Keys that live as long as the tests: ours, the provider's, the provider's next, a stranger's.
pub(super) struct Keys {
    pub(super) ours: TestKey,
    pub(super) provider: TestKey,
    pub(super) next: TestKey,
    pub(super) stranger: TestKey,
}

pub(super) fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
        ours: TestKey::new(),
        provider: TestKey::new(),
        next: TestKey::new(),
        stranger: TestKey::new(),
    });
    &KEYS
}

/// An account as operators would set it up.
pub(super) fn terms(settings: serde_json::Value, secrets: &[(&str, String)]) -> AccountTerms {
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
    AccountTerms {
        account: MerchantAccount::new("main").unwrap(),
        settings,
        secrets: secrets.collect::<BTreeMap<_, _>>(),
        notify_url: NOTIFY_URL.to_owned(),
    }
}

/// A way to a provider at an address of this machine, at the time [`NOW`].
pub(super) fn gateway(base_url: &str) -> Gateway {
    let (clock, _) = Clock::manual(NOW);
    let entropy = Entropy::seeded(1);
    let allowed = ["127.0.0.0/8".parse().unwrap()];
    let egress = Egress::new(&allowed, Retries::default(), clock.clone(), entropy.clone()).unwrap();
    let settings =
        GatewaySettings { method: "test".into(), base_url: base_url.into(), timeout: Duration::from_secs(5) };
    Gateway::new(egress, clock, entropy, settings)
}

/// A payment of 12.34 in CNY, opened a minute ago, open for another 29.
pub(super) fn payment() -> Payment {
    Payment {
        no: PaymentNo(7_345_000_000_001),
        pay_no: OrderNo(7_345_000_000_000),
        method: PaymentMethod::new("test").unwrap(),
        account: MerchantAccount::new("main").unwrap(),
        amount: 1234,
        balance: 0,
        currency: "CNY".parse().unwrap(),
        status: PaymentStatus::Pending,
        handle: None,
        trade_no: None,
        arrived: None,
        created_at: NOW - 60_000,
        paid_at: None,
        ended_at: None,
        expires_at: Some(NOW + 1_740_000),
        offer: PayOffer::default(),
    }
}

/// The same payment, paid, and a refund of 2.34 of it.
pub(super) fn refund() -> (Payment, Refund) {
    let mut payment = payment();
    payment.status = PaymentStatus::Succeeded;
    payment.trade_no = Some("420000000000000000001".into());
    payment.paid_at = Some(NOW - 30_000);
    let refund = Refund {
        no: RefundNo(7_345_000_000_009),
        pay_no: payment.pay_no,
        shop_no: None,
        aftersale_no: None,
        payment_no: Some(payment.no),
        way: Way::Provider,
        amount: 234,
        status: RefundStatus::Pending,
        reason: "cancelled".into(),
        lines: vec![],
        attempts: 0,
        replaced_by: None,
        created_at: NOW - 10_000,
        succeeded_at: None,
    };
    (payment, refund)
}

/// Runs something asynchronous to its end.
pub(super) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// What a provider says of a callback at the time [`NOW`].
pub(super) fn verify(provider: &dyn Provider, headers: &[(String, String)], body: &[u8]) -> Result<Notice, Unverified> {
    run(provider.verify(Callback { headers, body, now: NOW }))
}

/// Flips the lowest bit of each byte of the body in turn (the lowest: a flip of the case of a `%2F` changes nothing) and
/// expects every result to be refused.
pub(super) fn refuses_every_flip(provider: &dyn Provider, headers: &[(String, String)], body: &[u8]) {
    assert!(verify(provider, headers, body).is_ok(), "it is believed as it is");
    for index in 0..body.len() {
        let mut flipped = body.to_vec();
        flipped[index] ^= 1;
        let said = verify(provider, headers, &flipped);
        assert!(said.is_err(), "byte {index} of {}: {said:?}", String::from_utf8_lossy(body));
    }
}

/// Bodies that no provider sends: each must be refused.
pub(super) fn refuses_what_is_no_notice(provider: &dyn Provider, headers: &[(String, String)]) {
    let large = vec![b'a'; 1 << 20];
    let mut large_form = b"sign=".to_vec();
    large_form.extend_from_slice(&large);
    for body in [&b""[..], b"\xff\xfe=\xff", b"a=%ff%fe", b"a=%zz", b"{}", b"null", b"a", &large, &large_form] {
        let said = verify(provider, headers, body);
        assert!(said.is_err(), "{:?}: {said:?}", String::from_utf8_lossy(&body[..body.len().min(20)]));
    }
}

/// A form: fields in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(pub(super) Vec<(String, String)>);

impl Form {
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// With another value, or one more field.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    #[must_use]
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    /// With the field once more at the end.
    #[must_use]
    pub(super) fn with_twice(mut self, name: &str) -> Self {
        let field = self.0.iter().find(|(own, _)| own == name).unwrap().clone();
        self.0.push(field);
        self
    }

    /// Sorted by name and joined as `k=v&…` on raw values.
    pub(super) fn sorted(&self) -> String {
        let mut fields = self.0.clone();
        fields.sort();
        fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// As a post carries it.
    pub(super) fn encoded(&self) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish().into_bytes()
    }

    /// As a post carried it.
    pub(super) fn decoded(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// A request as it came to a [`Server`].
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What a [`Server`] answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Given {
    /// 200 with a body.
    pub(super) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: vec![], body: body.into() }
    }
}

/// Answers as told and remembers what it was asked; dropped, it hangs up.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let book = Arc::clone(&asked);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One at a time: a provider under test asks one thing after another.
                let _ = exchange(stream, &answer, &book).await;
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    /// Everything that was asked so far, in order.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn exchange(
    stream: TcpStream,
    answer: &(impl Fn(&Asked) -> Given + Sync),
    book: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = vec![];
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let asked = Asked { method, path, headers, body };
    let given = answer(&asked);
    book.lock().unwrap().push(asked);
    let mut head = vec![format!("HTTP/1.1 {} -", given.status), "connection: close".to_owned()];
    head.extend(given.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    head.push(format!("content-length: {}\r\n\r\n", given.body.len()));
    let text = head.join("\r\n");
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(&given.body).await?;
    stream.shutdown().await
}
