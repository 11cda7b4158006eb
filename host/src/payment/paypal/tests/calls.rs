//! Calls and their answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::payment::{CloseAnswer, NotOpened, QueryAnswer, Receipt, RefundAnswer};

const ORDER: &str = "5O190127TN364715T";
const CAPTURE: &str = "42311647XV020574X";

fn token() -> Given {
    Given::ok(r#"{"access_token":"A21AAF-token","token_type":"Bearer","expires_in":32400,"scope":"-"}"#)
}

async fn at(answer: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> (PayPal, Server) {
    let server =
        Server::start(move |asked| if asked.path == "/v1/oauth2/token" { token() } else { answer(asked) }).await;
    (PayPal::new(&account(&server.url), gateway(&server.url)).unwrap(), server)
}

fn dollars() -> Payment {
    Payment { currency: "USD".parse().unwrap(), handle: Some(ORDER.into()), ..payment() }
}

fn answered(status: u16, body: &Value) -> Given {
    Given { status, headers: vec![], body: body.to_string().into_bytes() }
}

fn order(status: &str, captures: &Value, refunds: &Value) -> Value {
    let no = payment().no.to_string();
    json!({
        "id": ORDER, "intent": "CAPTURE", "status": status,
        "purchase_units": [{
            "reference_id": "default", "custom_id": no, "invoice_id": no,
            "amount": { "currency_code": "USD", "value": "12.34" },
            "payments": { "captures": captures, "refunds": refunds },
        }],
        "links": [{ "rel": "self", "href": "https://api.example/x" },
                  { "rel": "payer-action", "href": "https://pay.example/checkoutnow?token=5O190127TN364715T" }],
    })
}

fn capture(status: &str, value: &str, currency: &str) -> Value {
    json!([{ "id": CAPTURE, "status": status, "amount": { "currency_code": currency, "value": value },
             "create_time": "2027-01-15T07:59:58Z", "update_time": "2027-01-15T07:59:59Z" }])
}

fn receipt() -> Receipt {
    Receipt {
        payment_no: payment().no,
        trade_no: CAPTURE.into(),
        amount: 1234,
        currency: "USD".into(),
        at: NOW - 1_000,
    }
}

#[test]
fn a_payment_is_announced_once_under_its_number_with_a_token_that_is_kept() {
    run(async {
        let (paypal, server) = at(|_| answered(201, &order("PAYER_ACTION_REQUIRED", &json!([]), &json!([])))).await;
        let fresh = Payment { handle: None, ..dollars() };
        for _ in 0..2 {
            let opened = paypal.create(&fresh).await.unwrap();
            assert_eq!(opened.handle.as_deref(), Some(ORDER));
            assert_eq!(
                opened.offer.pay_url.as_deref(),
                Some("https://pay.example/checkoutnow?token=5O190127TN364715T")
            );
        }
        let asked = server.asked();
        assert_eq!(asked.iter().filter(|asked| asked.path == "/v1/oauth2/token").count(), 1);
        let header = |asked: &Asked, name: &str| {
            asked.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(header(&asked[0], "authorization"), "Basic b3VyLWNsaWVudDpvdXItc2VjcmV0");
        assert_eq!(asked[0].body, b"grant_type=client_credentials");
        assert_eq!(header(&asked[1], "authorization"), "Bearer A21AAF-token");
        assert_eq!(header(&asked[1], "paypal-request-id"), "P7345000000001");
        let body: Value = serde_json::from_slice(&asked[1].body).unwrap();
        assert_eq!(body["intent"], "CAPTURE");
        let unit = json!({
            "custom_id": "P7345000000001", "invoice_id": "P7345000000001", "description": "Order 7345000000000",
            "amount": { "currency_code": "USD", "value": "12.34" },
        });
        assert_eq!(body["purchase_units"], json!([unit]));
        let context = &body["payment_source"]["paypal"]["experience_context"];
        assert_eq!(context["return_url"], "https://shop.example/paid");
        assert_eq!(context["cancel_url"], "https://shop.example/turned-back");
    });
}

#[test]
fn an_announcement_with_other_terms_is_not_believed_and_a_refusal_is() {
    run(async {
        let fine = order("CREATED", &json!([]), &json!([]));
        let with = |path: &str, value: Value| {
            let mut changed = fine.clone();
            *changed.pointer_mut(path).unwrap() = value;
            changed
        };
        for (status, body, refused) in [
            (201, with("/id", json!("../../v1/x")), false),
            (201, with("/purchase_units/0/custom_id", json!("P42")), false),
            (201, with("/purchase_units/0/invoice_id", json!("P42")), false),
            (201, with("/purchase_units/0/amount/value", json!("12.35")), false),
            (201, with("/purchase_units/0/amount/currency_code", json!("EUR")), false),
            (201, with("/purchase_units", json!([])), false),
            (201, with("/links", json!([])), false),
            (201, with("/links/1/href", json!("javascript:alert(1)")), false),
            (201, json!([]), false),
            (401, json!({}), false),
            (409, json!({}), false),
            (422, json!({ "name": "UNPROCESSABLE_ENTITY", "details": [{ "issue": "CURRENCY_NOT_SUPPORTED" }] }), true),
        ] {
            let given = body.clone();
            let (paypal, _server) = at(move |_| answered(status, &given)).await;
            match paypal.create(&Payment { handle: None, ..dollars() }).await {
                Err(NotOpened::Refused(reason)) => assert!(refused, "{body}: {reason}"),
                Err(NotOpened::Unknown(reason)) => assert!(!refused, "{body}: {reason}"),
                Ok(opened) => panic!("{body}: {opened:?}"),
            }
        }
        let (paypal, server) = at(|_| answered(500, &json!({}))).await;
        let whole = Payment { currency: "HUF".parse().unwrap(), ..dollars() };
        assert!(matches!(paypal.create(&whole).await, Err(NotOpened::Refused(_))), "12.34 HUF");
        assert!(server.asked().is_empty());
    });
}

#[test]
fn every_state_of_an_order_has_its_answer() {
    run(async {
        let none = json!([]);
        let unknown = || QueryAnswer::Unknown(String::new());
        let ended = |reason: &str| QueryAnswer::Ended(reason.into());
        let state = |status: &str, captures: &Value| order(status, captures, &json!([]));
        let mut foreign = state("COMPLETED", &capture("COMPLETED", "12.34", "USD"));
        foreign["purchase_units"][0]["custom_id"] = "P42".into();
        let mut another = state("COMPLETED", &capture("COMPLETED", "12.34", "USD"));
        another["id"] = "8MC585209K746392H".into();
        let paid =
            |amount, currency: &str| QueryAnswer::Paid(Receipt { amount, currency: currency.into(), ..receipt() });
        for (status, body, wanted) in [
            (200, state("CREATED", &none), QueryAnswer::Unpaid),
            (200, state("PAYER_ACTION_REQUIRED", &none), QueryAnswer::Unpaid),
            (200, state("APPROVED", &none), QueryAnswer::Unpaid),
            (200, state("VOIDED", &none), ended("the order is VOIDED")),
            (200, state("COMPLETED", &capture("COMPLETED", "12.34", "USD")), QueryAnswer::Paid(receipt())),
            (200, state("COMPLETED", &capture("PARTIALLY_REFUNDED", "12.34", "USD")), unknown()),
            (200, state("COMPLETED", &capture("REFUNDED", "12.34", "USD")), unknown()),
            (200, state("COMPLETED", &capture("COMPLETED", "12.35", "USD")), paid(1235, "USD")),
            (200, state("COMPLETED", &capture("COMPLETED", "1234", "JPY")), paid(1234, "JPY")),
            (200, state("COMPLETED", &capture("PENDING", "12.34", "USD")), QueryAnswer::Unpaid),
            (200, state("COMPLETED", &capture("DECLINED", "12.34", "USD")), ended("the capture is DECLINED")),
            (200, state("COMPLETED", &capture("FAILED", "12.34", "USD")), ended("the capture is FAILED")),
            (200, state("COMPLETED", &capture("COMPLETED", "12.345", "USD")), unknown()),
            (200, state("COMPLETED", &capture("NEW", "12.34", "USD")), unknown()),
            (200, state("COMPLETED", &none), unknown()),
            (200, foreign, unknown()),
            (200, another, unknown()),
            (200, json!({}), unknown()),
            (403, json!({}), unknown()),
            (404, json!({ "name": "RESOURCE_NOT_FOUND" }), QueryAnswer::Unpaid),
        ] {
            let given = body.clone();
            let (paypal, server) = at(move |_| answered(status, &given)).await;
            match (paypal.query(&dollars()).await, wanted) {
                (QueryAnswer::Unknown(_), QueryAnswer::Unknown(_)) => {}
                (said, wanted) => assert_eq!(said, wanted, "{body}"),
            }
            assert_eq!(server.asked()[1].path, format!("/v2/checkout/orders/{ORDER}"));
        }
        // What we know to be paid stays so, whatever of it went back.
        let body = state("COMPLETED", &capture("PARTIALLY_REFUNDED", "12.34", "USD"));
        let (paypal, _server) = at(move |_| answered(200, &body)).await;
        let known = Payment { status: PaymentStatus::Succeeded, ..dollars() };
        let arrived = Receipt { at: NOW - 2_000, ..receipt() };
        assert_eq!(paypal.query(&known).await, QueryAnswer::Paid(arrived));
        let (paypal, server) = at(|_| answered(500, &json!({}))).await;
        assert_eq!(paypal.query(&Payment { handle: None, ..dollars() }).await, QueryAnswer::Unpaid);
        assert_eq!(paypal.close(&dollars()).await, CloseAnswer::CannotClose);
        assert!(server.asked().is_empty(), "nothing was announced, nothing can be closed");
    });
}

#[test]
fn only_an_approved_order_of_our_amount_is_captured_and_the_order_says_what_came_of_it() {
    run(async {
        for (before, value, after, asked, wanted) in [
            ("APPROVED", "12.34", capture("COMPLETED", "12.34", "USD"), 1, QueryAnswer::Paid(receipt())),
            ("APPROVED", "12.34", capture("PENDING", "12.34", "USD"), 1, QueryAnswer::Unpaid),
            (
                "APPROVED",
                "12.34",
                capture("DECLINED", "12.34", "USD"),
                1,
                QueryAnswer::Ended("the capture is DECLINED".into()),
            ),
            (
                "APPROVED",
                "12.35",
                json!([]),
                0,
                QueryAnswer::Unknown("the approved order has another amount: it is not captured".into()),
            ),
            ("CREATED", "12.34", json!([]), 0, QueryAnswer::Unpaid),
            ("VOIDED", "12.34", json!([]), 0, QueryAnswer::Ended("the order is VOIDED".into())),
        ] {
            let captured = AtomicUsize::new(0);
            let (paypal, server) = at(move |asked| {
                if asked.method == "POST" {
                    captured.fetch_add(1, Ordering::SeqCst);
                    return answered(if asked.path.ends_with("/capture") { 422 } else { 404 }, &json!({}));
                }
                let done = captured.load(Ordering::SeqCst) > 0;
                let (status, captures) = if done { ("COMPLETED", after.clone()) } else { (before, json!([])) };
                let mut body = order(status, &captures, &json!([]));
                body["purchase_units"][0]["amount"]["value"] = value.into();
                answered(200, &body)
            })
            .await;
            assert_eq!(paypal.capture(&dollars()).await, wanted, "{before} {value}");
            let posts: Vec<_> = server.asked().into_iter().filter(|asked| asked.path.ends_with("/capture")).collect();
            assert_eq!(posts.len(), asked, "{before} {value}");
            for post in posts {
                let id = post.headers.iter().find(|(name, _)| name == "paypal-request-id").unwrap();
                assert_eq!(id.1, "P7345000000001");
            }
        }
    });
}

#[test]
fn a_refund_is_looked_for_before_it_is_sent() {
    run(async {
        let (mut payment, refund) = refund();
        (payment.currency, payment.handle, payment.trade_no) =
            ("USD".parse().unwrap(), Some(ORDER.into()), Some(CAPTURE.into()));
        let no = refund.no.to_string();
        let back = |status: &str, value: &str, no: &str| {
            json!({ "id": "1JU08902781691411", "status": status, "invoice_id": no, "custom_id": "P7345000000001",
                    "amount": { "currency_code": "USD", "value": value } })
        };
        let by_custom = json!([{ "id": "1", "status": "COMPLETED", "custom_id": no }]);
        // What the provider lists; how it answers to a new one; what we say; whether one was sent.
        for (listed, (status, answer), wanted, sent) in [
            (json!([back("COMPLETED", "2.34", &no)]), (500, json!({})), "Succeeded", false),
            (json!([back("PENDING", "2.34", &no)]), (500, json!({})), "Pending", false),
            (json!([back("FAILED", "2.34", &no)]), (500, json!({})), "Failed", false),
            (json!([back("CANCELLED", "2.34", &no)]), (500, json!({})), "Failed", false),
            (json!([back("COMPLETED", "2.33", &no)]), (500, json!({})), "Stuck", false),
            (by_custom, (500, json!({})), "Succeeded", false),
            (json!([back("COMPLETED", "2.34", "R42")]), (201, back("COMPLETED", "2.34", &no)), "Succeeded", true),
            (json!([]), (201, back("PENDING", "2.34", &no)), "Pending", true),
            (json!([]), (201, back("COMPLETED", "2.34", "R42")), "Pending", true),
            (json!([]), (201, json!({})), "Pending", true),
            (json!([]), (422, json!({ "details": [{ "issue": "CAPTURE_FULLY_REFUNDED" }] })), "Stuck", true),
            (json!([]), (409, json!({})), "Pending", true),
        ] {
            let found = listed.clone();
            let (paypal, server) = at(move |asked| match asked.method.as_str() {
                "GET" => answered(200, &order("COMPLETED", &capture("COMPLETED", "12.34", "USD"), &found)),
                _ => answered(status, &answer),
            })
            .await;
            let said = paypal.refund(&payment, &refund).await;
            assert!(format!("{said:?}").starts_with(wanted), "{listed}: {said:?}");
            let posts: Vec<_> = server.asked().into_iter().filter(|asked| asked.path.ends_with("/refund")).collect();
            assert_eq!(posts.len(), usize::from(sent), "{listed}");
            for post in posts {
                assert_eq!(post.path, format!("/v2/payments/captures/{CAPTURE}/refund"));
                let body: Value = serde_json::from_slice(&post.body).unwrap();
                let wanted = json!({ "amount": { "currency_code": "USD", "value": "2.34" },
                                     "invoice_id": "R7345000000009", "custom_id": "P7345000000001" });
                assert_eq!(body, wanted);
                let id = post.headers.iter().find(|(name, _)| name == "paypal-request-id").unwrap();
                assert_eq!(id.1, "R7345000000009");
            }
            let queried = paypal.query_refund(&payment, &refund).await;
            assert_eq!(queried == RefundAnswer::Absent, sent, "{listed}: {queried:?}");
        }
        let (paypal, server) = at(|_| answered(200, &order("COMPLETED", &json!([]), &json!([])))).await;
        let said = paypal.refund(&payment, &refund).await;
        assert!(matches!(said, RefundAnswer::Pending(_)), "no such capture: {said:?}");
        assert!(server.asked().iter().all(|asked| !asked.path.ends_with("/refund")));
    });
}

#[test]
fn a_token_that_is_no_longer_taken_is_renewed_once() {
    run(async {
        let refusals = AtomicUsize::new(1);
        let (paypal, server) = at(move |_| {
            let refuse = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if refuse { answered(401, &json!({})) } else { answered(200, &order("CREATED", &json!([]), &json!([]))) }
        })
        .await;
        assert_eq!(paypal.query(&dollars()).await, QueryAnswer::Unpaid);
        let tokens = server.asked().iter().filter(|asked| asked.path == "/v1/oauth2/token").count();
        assert_eq!(tokens, 2);
        let (paypal, server) = at(|_| answered(401, &json!({}))).await;
        assert!(matches!(paypal.query(&dollars()).await, QueryAnswer::Unknown(_)));
        assert_eq!(server.asked().len(), 4, "two tokens, two tries");
    });
}

#[test]
fn an_account_that_cannot_work_is_refused_by_name() {
    let build =
        |terms: &AccountTerms| PayPal::new(terms, gateway("http://127.0.0.1:9")).map(drop).map_err(|bad| bad.field);
    assert_eq!(build(&account("http://127.0.0.1:9")), Ok(()));
    for (field, value) in [
        ("client_id", json!("")),
        ("webhook_id", json!("a b")),
        ("return_url", json!("shop.example")),
        ("cancel_url", json!("javascript:alert(1)")),
        ("certificate_roots", json!("")),
        ("certificate_roots", json!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
        ("certificate_hosts", json!([])),
        ("certificate_hosts", json!(["https://api.paypal.com/path"])),
        ("certificate_hosts", json!(["ftp://api.paypal.com"])),
        ("certificate_hosts", json!(["user@api.paypal.com"])),
        ("certificate_names", json!(["not a name"])),
        ("description", json!("")),
    ] {
        let mut bad = account("http://127.0.0.1:9");
        bad.settings[field] = value.clone();
        assert_eq!(build(&bad), Err(format!("settings.{field}")), "{value}");
    }
    let mut surprised = account("http://127.0.0.1:9");
    surprised.settings["surprise"] = 1.into();
    assert_eq!(build(&surprised), Err("settings".to_owned()));
    let mut keyless = account("http://127.0.0.1:9");
    keyless.secrets.clear();
    assert_eq!(build(&keyless), Err("secrets.client_secret".to_owned()));
    keyless.secrets.insert("password".into(), "x".to_owned().into());
    assert_eq!(build(&keyless), Err("secrets.password".to_owned()));
}
