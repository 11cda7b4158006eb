//! Comparing books: a server of the test's own is the provider, with a book of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{Request, StatusCode, Uri};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::{Answer, Host, NOW, owners, somebody};
use crate::app::reconcile::{Went, open, step};
use crate::domain::change::{Change, Write};
use crate::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, RefundNo, Slot};
use crate::domain::number::number;
use crate::domain::order::Status;
use crate::domain::payment::{Arrived, PayOffer, Payment, PaymentStatus, Refund, RefundStatus, Way};
use crate::domain::reconcile::DiscrepancyKind;
use crate::identity::Role;

/// The day before [`NOW`], in UTC.
const DAY: &str = "2026-09-20";
const BEFORE: &str = "2026-09-19";
const NOON: Millis = 1_789_905_600_000;
const MIDNIGHT: Millis = 1_789_948_800_000;
const HOUR: Millis = 3_600_000;

/// What the provider says by path; anything else is 404.
type Pages = Arc<Mutex<BTreeMap<String, Value>>>;

struct Books {
    host: Host,
    pages: Pages,
    staff: String,
}

async fn answer(State(pages): State<Pages>, uri: Uri) -> axum::response::Response {
    match pages.lock().unwrap().get(uri.path()) {
        Some(Value::Null) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(page) => axum::Json(page.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Books {
    /// A host whose line is paid through a provider that keeps a book, or does not.
    async fn start(keeps_book: bool) -> Self {
        let host = Host::start().await;
        let (admin, staff) = (host.token(somebody(Role::Admin)), host.token(somebody(Role::Operator)));
        let line = json!({"code": "goods", "name": "Goods", "order_types": [1001]}).to_string();
        host.send(Some(&admin), "POST", "/admin/v1/businesses", &line).await;
        let pages = Pages::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let server = axum::Router::new().fallback(answer).with_state(pages.clone());
        host.app.tasks.spawn("provider", async move { axum::serve(listener, server).await.unwrap() });
        let account = json!({"businesses": ["goods"], "base_url": base_url, "secrets": {"secret": "0123456789"},
            "settings": {"app_id": "1", "keeps_book": keeps_book}});
        let path = "/admin/v1/merchant-accounts/testpay/main";
        let put = host.send(Some(&admin), "PUT", path, &account.to_string()).await;
        assert_eq!(put.status, StatusCode::OK, "{put:?}");
        Self { host, pages, staff }
    }

    fn say(&self, path: &str, page: Value) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    fn book(&self, day: &str, entries: Value) {
        self.say(&format!("/book/{day}"), entries);
    }

    async fn write(&self, change: Change) {
        self.host.app.store.commit(change).await.unwrap();
    }

    /// A payment that arrived at a time.
    async fn paid(&self, n: i64, at: Millis, amount: i64) -> Payment {
        let payment = payment(n, at, amount);
        self.write(Change { payments: vec![Write::Insert(payment.clone())], ..Change::default() }).await;
        payment
    }

    /// Steps until nothing is due.
    async fn compare(&self) {
        for _ in 0..20 {
            if step(&self.host.app).await.unwrap() == Went::Idle {
                return;
            }
        }
        panic!("there is always more to do");
    }

    /// Time passes; whoever asks has a token of that time.
    fn hand_on(&mut self, by: Millis) {
        let now = self.host.app.clock.now() + by;
        self.host.hand.set(now);
        self.staff = self.host.app.tokens.issue(somebody(Role::Operator), now, 600).unwrap();
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.host.send(Some(&self.staff), method, path, body).await
    }

    /// Kind and reference of what is open.
    async fn open(&self) -> Vec<(String, String)> {
        let page = self.call("GET", "/admin/v1/reconciliation", "").await;
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let mut open: Vec<_> = page.body["discrepancies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| (word(&found["kind"]), word(&found["reference"])))
            .collect();
        open.sort();
        open
    }

    async fn days(&self) -> Vec<(String, String, i64, i64)> {
        let page = self.call("GET", "/admin/v1/reconciliation/days", "").await;
        let day = |day: &Value| {
            let text = |name: &str| day[name].as_str().unwrap().to_owned();
            (text("day"), text("outcome"), day["entries"].as_i64().unwrap(), day["differences"].as_i64().unwrap())
        };
        page.body["days"].as_array().unwrap().iter().map(day).collect()
    }

    async fn settle(&self, id: &str, resolution: &str) -> Answer {
        let body = json!({"resolution": resolution, "note": "looked at"}).to_string();
        self.call("POST", &format!("/admin/v1/reconciliation/{id}/settle"), &body).await
    }

    async fn upload(&self, day: &str, file: &str) -> Answer {
        let request = Request::post(format!("/admin/v1/reconciliation/books?method=testpay&account=main&day={day}"))
            .header("authorization", format!("Bearer {}", self.staff))
            .header("content-type", "text/csv")
            .body(axum::body::Body::from(file.to_owned()))
            .unwrap();
        self.host.answer(request).await
    }
}

fn payment(n: i64, at: Millis, amount: i64) -> Payment {
    let slot = Slot::of("some-buyer");
    Payment {
        no: PaymentNo(number(at - 60_000, n, slot)),
        pay_no: OrderNo(number(at - 90_000, n, slot)),
        method: PaymentMethod::new("testpay").unwrap(),
        account: MerchantAccount::new("main").unwrap(),
        amount,
        balance: 0,
        currency: "CNY".parse().unwrap(),
        status: PaymentStatus::Succeeded,
        handle: None,
        trade_no: Some(format!("T{n}")),
        arrived: None,
        created_at: at - 60_000,
        paid_at: Some(at),
        ended_at: None,
        expires_at: None,
        offer: PayOffer::default(),
    }
}

fn refund(n: i64, of: &Payment, at: Millis, amount: i64) -> Refund {
    Refund {
        no: RefundNo(number(at, n, of.no.slot())),
        pay_no: of.pay_no,
        shop_no: None,
        aftersale_no: None,
        payment_no: Some(of.no),
        way: Way::Provider,
        amount,
        status: RefundStatus::Succeeded,
        reason: String::new(),
        lines: vec![],
        attempts: 1,
        replaced_by: None,
        created_at: at,
        succeeded_at: Some(at),
    }
}

fn line(kind: &str, no: impl std::fmt::Display, trade: &str, amount: i64) -> Value {
    json!([kind, no.to_string(), trade, amount])
}

fn found(kind: &str, reference: impl std::fmt::Display) -> (String, String) {
    (kind.to_owned(), reference.to_string())
}

#[tokio::test]
async fn each_kind_of_difference_is_found_once() {
    let books = Books::start(true).await;
    let (same, other, gone) =
        (books.paid(1, NOON, 100).await, books.paid(2, NOON, 200).await, books.paid(3, NOON, 300).await);
    let back = refund(4, &same, NOON, 30);
    let pending = Payment { status: PaymentStatus::Pending, paid_at: None, trade_no: None, ..payment(5, NOON, 500) };
    books
        .write(Change {
            payments: vec![Write::Insert(pending.clone())],
            refunds: vec![Write::Insert(back.clone())],
            ..Change::default()
        })
        .await;
    let book = json!([
        line("payment", same.no, "T1", 100),
        line("payment", same.no, "T1-again", 100),
        line("payment", other.no, "T2", 201),
        line("refund", back.no, "T4", 30),
        line("payment", pending.no, "T5", 500),
        line("payment", "somebody's", "T6", 600),
    ]);
    books.book(DAY, book);
    books.book(BEFORE, json!([]));
    books.compare().await;
    let expected = [
        found("amount_differs", other.no),
        found("missing_here", pending.no),
        found("missing_here", "T1-again"),
        found("missing_here", "T6"),
        found("missing_there", gone.no),
    ];
    assert_eq!(books.open().await, expected);
    assert_eq!(books.days().await, [(DAY.to_owned(), "compared".to_owned(), 6, 5)]);
    let counts = open(&books.host.app).await.unwrap();
    assert!(counts.contains(&(DiscrepancyKind::MissingHere, 3)), "{counts:?}");

    // The same book as a file finds nothing new.
    let file = format!("kind,reference,trade_no,amount_minor,currency\npayment,{},T1,100,CNY\n", same.no);
    let again = books.upload(DAY, &file).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    let expected_too = found("missing_there", back.no);
    let now: Vec<_> = books.open().await.into_iter().filter(|found| !expected.contains(found)).collect();
    assert_eq!(now, [found("missing_there", other.no), expected_too], "what this file has not");
}

#[tokio::test]
async fn midnight_is_no_difference() {
    let mut books = Books::start(true).await;
    // Ours in the first minute of the day: the provider booked it on the day before.
    let early = books.paid(1, MIDNIGHT - 24 * HOUR + 60_000, 100).await;
    // Ours in the last minute of the day: the provider books it on the next.
    let late = books.paid(2, MIDNIGHT - 60_000, 200).await;
    // Ours in the first minute of the next day: the provider booked it on this one.
    let next = books.paid(3, MIDNIGHT + 60_000, 300).await;
    books.book(BEFORE, json!([line("payment", early.no, "T1", 100)]));
    books.book(DAY, json!([line("payment", next.no, "T3", 300)]));
    books.compare().await;
    assert_eq!(books.open().await, []);
    // A day later it is told whether the late one came.
    books.hand_on(24 * HOUR);
    books.book("2026-09-21", json!([line("payment", late.no, "T2", 200)]));
    books.compare().await;
    assert_eq!(books.days().await.len(), 2);
    assert_eq!(books.open().await, []);
}

#[tokio::test]
async fn what_the_next_book_has_not_either_is_missing() {
    let mut books = Books::start(true).await;
    let late = books.paid(2, MIDNIGHT - 60_000, 200).await;
    books.book(BEFORE, json!([]));
    books.book(DAY, json!([]));
    books.compare().await;
    assert_eq!(books.open().await, [], "the next book may have it");
    books.hand_on(24 * HOUR);
    books.book("2026-09-21", json!([]));
    books.compare().await;
    assert_eq!(books.open().await, [found("missing_there", late.no)]);
}

#[tokio::test]
async fn a_book_that_is_not_ready_is_asked_for_again() {
    let mut books = Books::start(true).await;
    books.compare().await;
    assert_eq!(books.days().await, [(DAY.to_owned(), "later:- not ready".to_owned(), 0, 0)]);
    books.book(DAY, json!([]));
    books.compare().await;
    assert_eq!(books.days().await[0].1, "later:- not ready", "an hour has not passed");
    books.hand_on(HOUR);
    books.compare().await;
    assert_eq!(books.days().await, [(DAY.to_owned(), "compared".to_owned(), 0, 0)]);
}

#[tokio::test]
async fn without_a_book_each_payment_is_asked_for_in_turns() {
    let mut books = Books::start(false).await;
    let mut all = vec![];
    for n in 1..=60 {
        let payment = books.paid(n, NOON + n, n * 100).await;
        books.say(&format!("/payments/{}", payment.no), json!([format!("T{n}"), n * 100]));
        all.push(payment);
    }
    let (known, unknown) = (refund(61, &all[0], NOON, 3), refund(62, &all[0], NOON, 4));
    books.say(&format!("/refunds/{}", known.no), json!({}));
    let refunds = vec![Write::Insert(known), Write::Insert(unknown.clone())];
    books.write(Change { refunds, ..Change::default() }).await;
    books.say(&format!("/payments/{}", all[3].no), json!(["T4", 401]));
    books.pages.lock().unwrap().remove(&format!("/payments/{}", all[55].no));

    assert_eq!(step(&books.host.app).await.unwrap(), Went::Stepped);
    let (_, outcome, entries, _) = books.days().await.remove(0);
    assert_eq!((outcome, entries), (format!("querying:{}", all[49].no), 50));
    // One that does not answer stops the rest for an hour.
    books.say(&format!("/payments/{}", all[57].no), Value::Null);
    books.compare().await;
    let (_, outcome, entries, _) = books.days().await.remove(0);
    assert!(outcome.starts_with("later:") && entries == 57, "{outcome} {entries}");
    books.say(&format!("/payments/{}", all[57].no), json!(["T58", 5_800]));
    books.hand_on(HOUR);
    books.compare().await;
    assert_eq!(books.days().await, [(DAY.to_owned(), "queried".to_owned(), 62, 3)]);
    let expected =
        [found("amount_differs", all[3].no), found("missing_there", all[55].no), found("missing_there", unknown.no)];
    assert_eq!(books.open().await, expected);
}

#[tokio::test]
async fn a_file_near_midnight_is_checked_with_the_provider() {
    let books = Books::start(false).await;
    let late = books.paid(1, MIDNIGHT - 60_000, 100).await;
    let noon = books.paid(2, NOON, 200).await;
    books.say(&format!("/payments/{}", late.no), json!(["T1", 100]));
    books.say(&format!("/payments/{}", noon.no), json!(["T2", 200]));
    let put = books.upload(DAY, "kind,reference,trade_no,amount_minor,currency\n").await;
    assert_eq!(put.body, json!({"day": DAY, "entries": 0, "differences": 1}), "{put:?}");
    assert_eq!(books.open().await, [found("missing_there", noon.no)]);
    let audit = books.host.app.store.audit(i64::MAX, 10).await.unwrap();
    assert!(audit.iter().any(|row| row.action == "reconciliation.upload"), "{audit:?}");
    for (day, file) in [(DAY, "kind\n"), ("2026-09-21", "x"), ("2026-9-1", "x"), ("yesterday", "x")] {
        assert_eq!(books.upload(day, file).await.status, StatusCode::BAD_REQUEST, "{day}");
    }
}

#[tokio::test]
async fn a_difference_is_settled_once_and_audited() {
    let books = Books::start(true).await;
    let gone = books.paid(1, NOON, 100).await;
    books.book(DAY, json!([]));
    books.book(BEFORE, json!([]));
    books.compare().await;
    let id = format!("testpay:main:missing_there:{}", gone.no);
    assert_eq!(books.settle(&id, "refund").await.body["type"], "urn:hookline:problem:cannot-settle");
    assert_eq!(books.settle("nothing", "written_off").await.status, StatusCode::NOT_FOUND);
    let nameless = json!({"resolution": "written_off", "note": ""}).to_string();
    let nameless = books.call("POST", &format!("/admin/v1/reconciliation/{id}/settle"), &nameless).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
    let still = books.settle(&id, "query").await;
    assert_eq!(still.body["type"], "urn:hookline:problem:still-differs", "{still:?}");
    let done = books.settle(&id, "written_off").await;
    assert_eq!(done.body["resolution"], "written_off: looked at", "{done:?}");
    assert_eq!(done.body["settled_by"], "operator:some-operator");
    let twice = books.settle(&id, "accept_difference").await;
    assert_eq!(twice.body["type"], "urn:hookline:problem:already-settled", "{twice:?}");
    assert_eq!(books.open().await, []);
    let settled = books.call("GET", "/admin/v1/reconciliation?state=settled", "").await;
    assert_eq!(settled.body["discrepancies"][0]["id"], id.as_str());
    let audit = books.host.app.store.audit(i64::MAX, 20).await.unwrap();
    let deeds: Vec<_> = audit.iter().filter(|row| row.action == "reconciliation.settle").collect();
    assert_eq!((deeds.len(), deeds[0].target.as_str()), (1, id.as_str()));
}

#[tokio::test]
async fn a_payment_that_we_missed_is_applied_by_asking() {
    let books = Books::start(true).await;
    let [pay_no, ..] = owners::order(&books.host).await;
    let tree = books.host.app.store.order_tree(pay_no).await.unwrap().unwrap();
    let to_pay = tree.pay.amounts.to_pay;
    let missed =
        Payment { pay_no, status: PaymentStatus::Pending, paid_at: None, trade_no: None, ..payment(9, NOON, to_pay) };
    books.write(Change { payments: vec![Write::Insert(missed.clone())], ..Change::default() }).await;
    books.book(DAY, json!([line("payment", missed.no, "T9", to_pay)]));
    books.compare().await;
    let id = format!("testpay:main:missing_here:{}", missed.no);
    assert_eq!(books.settle(&id, "query").await.body["type"], "urn:hookline:problem:still-differs");
    books.say(&format!("/payments/{}", missed.no), json!(["T9", to_pay]));
    let done = books.settle(&id, "query").await;
    assert_eq!(done.body["resolution"], "query: the order is paid: looked at", "{done:?}");
    let tree = books.host.app.store.order_tree(pay_no).await.unwrap().unwrap();
    assert_eq!((tree.pay.status, tree.pay.paid_by), (Status::Paid, Some(missed.no)));
    assert_eq!(books.open().await, []);
}

#[tokio::test]
async fn a_wrong_amount_is_known_to_the_book_and_settled_by_refund_or_acceptance_only() {
    let books = Books::start(true).await;
    let [pay_no, ..] = owners::order(&books.host).await;
    let disputed = Payment {
        pay_no,
        status: PaymentStatus::Disputed,
        paid_at: None,
        ended_at: Some(NOON),
        arrived: Some(Arrived { amount: 1, currency: "CNY".to_owned() }),
        ..payment(9, NOON, 5_000)
    };
    let listed = crate::domain::reconcile::Discrepancy {
        method: disputed.method.clone(),
        account: disputed.account.clone(),
        kind: DiscrepancyKind::WrongAmount,
        reference: disputed.no.to_string(),
        payment_no: Some(disputed.no),
        refund_no: None,
        trade_no: disputed.trade_no.clone(),
        ours: Some(5_000),
        theirs: Some(1),
        currency: "CNY".to_owned(),
        day: None,
        note: String::new(),
        found_at: NOW,
    };
    let id = listed.id();
    let payments = vec![Write::Insert(disputed.clone())];
    books.write(Change { payments, discrepancies: vec![listed], ..Change::default() }).await;
    books.book(DAY, json!([line("payment", disputed.no, "T9", 1)]));
    books.compare().await;
    assert_eq!(books.open().await, [found("wrong_amount", disputed.no)], "the book agrees with what arrived");
    for how in ["written_off", "accept_difference", "query", "retry"] {
        assert_eq!(books.settle(&id, how).await.body["type"], "urn:hookline:problem:cannot-settle", "{how}");
    }
    let done = books.settle(&id, "refund").await;
    assert!(done.body["resolution"].as_str().unwrap().starts_with("refunded"), "{done:?}");
    let tree = books.host.app.store.order_tree(pay_no).await.unwrap().unwrap();
    assert_eq!((tree.payments[0].status, tree.refunds[0].amount), (PaymentStatus::Succeeded, 1));
    assert_eq!(books.open().await, []);
}
