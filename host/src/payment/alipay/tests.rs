use serde_json::{Value, json};

use super::*;
use crate::domain::ids::{PaymentNo, RefundNo};
use crate::payment::Says;
use crate::payment::testing::{
    Asked, Form, Given, NOTIFY_URL, NOW, Server, TestKey, gateway, keys, payment, refund, refuses_every_flip,
    refuses_what_is_no_notice, run, terms, verify,
};

const APP: &str = "2021000000000001";
const SELLER: &str = "2088000000000001";

fn settings() -> Value {
    json!({"app_id": APP, "seller_id": SELLER, "alipay_public_keys": [keys().provider.public_pem()]})
}

fn made(settings: Value, base_url: &str) -> Result<Alipay, BadAccount> {
    let secrets = [("private_key", keys().ours.private_pem())];
    Alipay::new(&terms(settings, &secrets), gateway(base_url))
}

fn alipay() -> Alipay {
    made(settings(), "http://127.0.0.1:1").unwrap()
}

fn paid() -> Form {
    Form::of(&[
        ("gmt_create", "2027-01-15 15:59:00"),
        ("charset", "utf-8"),
        ("subject", "订单 7345+1 & more=2"),
        ("notify_time", "2027-01-15 16:00:00"),
        ("notify_type", "trade_status_sync"),
        ("notify_id", "2027011500222160000000000000001"),
        ("version", "1.0"),
        ("app_id", APP),
        ("seller_id", SELLER),
        ("out_trade_no", "P7345000000001"),
        ("trade_no", "2027011522001400000000000001"),
        ("total_amount", "12.34"),
        ("receipt_amount", "12.30"),
        ("trade_status", "TRADE_SUCCESS"),
        ("gmt_payment", "2027-01-15 15:59:30"),
        ("refund_fee", "0.00"),
    ])
}

/// As Alipay posts it: signed without `sign` and `sign_type`.
fn signed_by(key: &TestKey, form: &Form) -> Form {
    form.clone().with("sign", key.sign(form.sorted().as_bytes())).with("sign_type", "RSA2")
}

fn signed(form: &Form) -> Vec<u8> {
    signed_by(&keys().provider, form).encoded()
}

fn said(form: &Form) -> Result<Notice, Unverified> {
    verify(&alipay(), &[], &signed(form))
}

fn receipt(form: &Form) -> Receipt {
    match said(form).unwrap().says {
        Says::Paid(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_notice_is_believed_and_says_the_same_when_it_is_sent_again() {
    let notice = said(&paid()).unwrap();
    let receipt = Receipt {
        payment_no: PaymentNo(7_345_000_000_001),
        trade_no: "2027011522001400000000000001".into(),
        amount: 1234,
        currency: "CNY".into(),
        at: NOW - 30_000,
    };
    let id = Some("2027011500222160000000000000001".to_owned());
    assert_eq!(notice, Notice { id, says: Says::Paid(receipt) });
    assert_eq!(said(&paid()).unwrap(), notice);
    assert!(matches!(said(&paid().with("trade_status", "TRADE_FINISHED")).unwrap().says, Says::Paid(_)));
}

#[test]
fn fields_in_any_order_are_the_same_notice() {
    let mut turned = signed_by(&keys().provider, &paid());
    turned.0.reverse();
    assert_eq!(verify(&alipay(), &[], &turned.encoded()), said(&paid()));
}

#[test]
fn the_amount_is_returned_as_it_was_sent() {
    for (text, amount) in
        [("12.34", 1234), ("0.01", 1), ("12.3", 1230), ("12", 1200), ("99999999.99", 9_999_999_999), ("0.00", 0)]
    {
        assert_eq!(receipt(&paid().with("total_amount", text)).amount, amount, "{text}");
    }
    for bad in ["12.345", "1e2", "-1.00", "+1", "1,00", " 1.00", "", "１.00", "9999999999999999.00"] {
        let refused = said(&paid().with("total_amount", bad));
        assert_eq!(refused, Err(Unverified::Field("total_amount")), "{bad}");
    }
}

#[test]
fn another_currency_is_named() {
    assert_eq!(receipt(&paid().with("trans_currency", "USD")).currency, "USD");
    assert_eq!(receipt(&paid().with("trans_currency", "")).currency, "CNY");
}

#[test]
fn every_needed_field_must_be_there_once_and_filled() {
    let needed =
        ["notify_type", "notify_id", "app_id", "seller_id", "out_trade_no", "trade_no", "total_amount", "trade_status"];
    for name in needed {
        assert_eq!(said(&paid().without(name)), Err(Unverified::Field(name)), "{name} missing");
        assert_eq!(said(&paid().with(name, "")), Err(Unverified::Field(name)), "{name} empty");
        assert!(matches!(said(&paid().with_twice(name)), Err(Unverified::Body(_))), "{name} twice");
        assert_eq!(said(&paid().with(name, "1".repeat(129))), Err(Unverified::Field(name)), "{name} oversized");
    }
    let good = signed_by(&keys().provider, &paid());
    for name in ["sign", "sign_type"] {
        let refused = |form: Form| verify(&alipay(), &[], &form.encoded());
        assert_eq!(refused(good.clone().without(name)), Err(Unverified::Field(name)), "{name} missing");
        assert_eq!(refused(good.clone().with(name, "")), Err(Unverified::Field(name)), "{name} empty");
        assert!(matches!(refused(good.clone().with_twice(name)), Err(Unverified::Body(_))), "{name} twice");
        assert_eq!(
            refused(good.clone().with(name, "A".repeat(4096))),
            Err(Unverified::Field(name)),
            "{name} oversized"
        );
    }
}

#[test]
fn only_rsa2_by_a_key_of_this_account_is_believed() {
    let good = signed_by(&keys().provider, &paid());
    for algorithm in ["RSA", "rsa2", "MD5", "RSA2 "] {
        let refused = verify(&alipay(), &[], &good.clone().with("sign_type", algorithm).encoded());
        assert_eq!(refused, Err(Unverified::UnknownKey("sign_type")), "{algorithm}");
    }
    for key in [&keys().stranger, &keys().ours, &keys().next] {
        let forged = signed_by(key, &paid()).encoded();
        assert_eq!(verify(&alipay(), &[], &forged), Err(Unverified::Signature));
    }
    let not_base64 = verify(&alipay(), &[], &good.with("sign", "é").encoded());
    assert_eq!(not_base64, Err(Unverified::Signature));
}

#[test]
fn a_key_is_changed_by_naming_both_for_a_while() {
    let next = signed_by(&keys().next, &paid()).encoded();
    let mut both = settings();
    both["alipay_public_keys"] = json!([keys().provider.public_pem(), keys().next.public_pem()]);
    let both = made(both, "http://127.0.0.1:1").unwrap();
    assert!(verify(&both, &[], &signed(&paid())).is_ok() && verify(&both, &[], &next).is_ok());
    let mut after = settings();
    after["alipay_public_keys"] = json!([keys().next.public_pem()]);
    let after = made(after, "http://127.0.0.1:1").unwrap();
    assert!(verify(&after, &[], &next).is_ok());
    assert_eq!(verify(&after, &[], &signed(&paid())), Err(Unverified::Signature));
}

#[test]
fn no_bit_of_a_notice_can_be_changed() {
    refuses_every_flip(&alipay(), &[], &signed(&paid()));
}

#[test]
fn what_was_not_signed_so_is_refused() {
    let sorted = paid().sorted();
    // Signed over the encoded text instead of the raw values, with sign_type, or with a line's end.
    let encoded = String::from_utf8(paid().encoded()).unwrap();
    let with_type = paid().with("sign_type", "RSA2").sorted();
    for text in [encoded, with_type, format!("{sorted}\n"), format!("{sorted}\r\n")] {
        let sign = keys().provider.sign(text.as_bytes());
        let body = paid().with("sign", sign).with("sign_type", "RSA2").encoded();
        assert_eq!(verify(&alipay(), &[], &body), Err(Unverified::Signature), "{text}");
    }
    // A value whose line's end was changed on the way; the same value signed with it is another, good one.
    let lines = paid().with("subject", "one\r\ntwo");
    assert!(said(&lines).is_ok());
    let changed = signed_by(&keys().provider, &lines).with("subject", "one\ntwo");
    assert_eq!(verify(&alipay(), &[], &changed.encoded()), Err(Unverified::Signature));
    // A form that was decoded and encoded again is the same form; one decoded twice is not.
    let again = Form::decoded(&signed(&paid())).encoded();
    assert_eq!(verify(&alipay(), &[], &again), said(&paid()));
    let escaped = paid().with("subject", "100%25");
    let twice = Form::decoded(&signed(&escaped)).with("subject", "100%");
    assert_eq!(verify(&alipay(), &[], &twice.encoded()), Err(Unverified::Signature));
    let mut json = signed(&paid());
    json.extend_from_slice(b"\n");
    assert!(verify(&alipay(), &[], &json).is_err());
}

#[test]
fn what_is_no_notice_is_refused() {
    refuses_what_is_no_notice(&alipay(), &[]);
}

#[test]
fn a_notice_for_somebody_else_is_not_ours() {
    for (name, value) in [
        ("app_id", "2021000000000002"),
        ("seller_id", "2088000000000002"),
        ("out_trade_no", "7345000000001"),
        ("out_trade_no", "R7345000000001"),
        ("out_trade_no", "P07345"),
    ] {
        assert_eq!(said(&paid().with(name, value)), Err(Unverified::Foreign(name)), "{value}");
    }
}

#[test]
fn a_refund_is_never_a_payment() {
    let number = Says::AskRefund(PaymentNo(7_345_000_000_001), RefundNo(7_345_000_000_009));
    for status in ["TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"] {
        let base = paid().with("trade_status", status);
        for (form, says) in [
            (base.clone().with("out_biz_no", "R7345000000009").with("refund_fee", "2.34"), number.clone()),
            (base.clone().with("out_biz_no", "R7345000000009"), number.clone()),
            (base.clone().with("gmt_refund", "2027-01-15 15:59:59.123"), Says::Nothing),
            (base.clone().with("refund_fee", "0.01"), Says::Nothing),
            (base.clone().with("refund_fee", "?"), Says::Nothing),
            (base.clone().with("out_biz_no", "by-hand-1"), Says::Nothing),
        ] {
            assert_eq!(said(&form).unwrap().says, says, "{form:?}");
        }
    }
}

#[test]
fn other_states_end_a_payment_or_say_nothing() {
    let no = PaymentNo(7_345_000_000_001);
    let closed = paid().with("trade_status", "TRADE_CLOSED");
    assert!(matches!(said(&closed.clone().without("gmt_payment")).unwrap().says, Says::Ended(ended, _) if ended == no));
    assert_eq!(said(&closed).unwrap().says, Says::Ask(no));
    assert_eq!(said(&paid().with("trade_status", "WAIT_BUYER_PAY")).unwrap().says, Says::Nothing);
    assert_eq!(said(&paid().with("trade_status", "TRADE_HELD")).unwrap().says, Says::Ask(no));
}

#[test]
fn notices_of_the_service_market_are_signed_with_their_sign_type() {
    let market = paid().with("notify_type", "servicemarket_order_notify").with("sign_type", "RSA2");
    let good = market.clone().with("sign", keys().provider.sign(market.sorted().as_bytes()));
    assert_eq!(verify(&alipay(), &[], &good.encoded()).unwrap().says, Says::Nothing);
    let bare = market.clone().without("sign_type");
    let bad = market.with("sign", keys().provider.sign(bare.sorted().as_bytes()));
    assert_eq!(verify(&alipay(), &[], &bad.encoded()), Err(Unverified::Signature));
}

#[test]
fn a_wrong_account_is_named() {
    for (change, field) in [
        (json!({"app_id": ""}), "settings.app_id"),
        (json!({"seller_id": "me"}), "settings.seller_id"),
        (json!({"alipay_public_keys": []}), "settings.alipay_public_keys"),
        (json!({"alipay_public_keys": ["no key"]}), "settings.alipay_public_keys[0]"),
        (json!({"subject": "a=b"}), "settings.subject"),
        (json!({"product": "app"}), "settings"),
        (json!({"colour": "red"}), "settings"),
    ] {
        let mut wrong = settings();
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(made(wrong, "").err().unwrap().field, field, "{change}");
    }
    let missing = Alipay::new(&terms(settings(), &[]), gateway("")).err().unwrap();
    assert_eq!(missing.field, "secrets.private_key");
}

#[test]
fn only_yuan_are_taken() {
    let takes = |currency: &str, amount| alipay().takes(currency.parse().unwrap(), amount);
    assert!(takes("CNY", 1).is_ok() && takes("CNY", 10_000_000_000).is_ok());
    assert!(takes("CNY", 0).is_err() && takes("CNY", 10_000_000_001).is_err());
    assert!(takes("USD", 100).unwrap_err().contains("CNY"));
}

/// What Alipay checks of a request: the signature over everything but `sign`.
fn content(asked: &Form) -> Value {
    let unsigned = asked.clone().without("sign");
    let key = crate::payment::rsa::VerifyingKey::read("", &keys().ours.public_pem()).unwrap();
    assert!(key.fits(unsigned.sorted().as_bytes(), asked.get("sign")), "{asked:?}");
    for (name, value) in [("app_id", APP), ("sign_type", "RSA2"), ("charset", "utf-8"), ("version", "1.0")] {
        assert_eq!(asked.get(name), value);
    }
    assert_eq!(asked.get("timestamp"), "2027-01-15 16:00:00");
    serde_json::from_str(asked.get("biz_content")).unwrap()
}

#[test]
fn the_page_is_a_signed_address() {
    let opened = run(alipay().create(&payment())).unwrap();
    let url = opened.offer.pay_url.unwrap();
    let query = url.strip_prefix("http://127.0.0.1:1/gateway.do?").unwrap();
    let asked = Form::decoded(query.as_bytes());
    let wanted = json!({
        "out_trade_no": "P7345000000001", "total_amount": "12.34", "subject": "Order 7345000000000",
        "time_expire": "2027-01-15 16:29:00", "product_code": "FAST_INSTANT_TRADE_PAY",
    });
    assert_eq!(content(&asked), wanted);
    assert_eq!((asked.get("method"), asked.get("notify_url")), ("alipay.trade.page.pay", NOTIFY_URL));
}

/// A provider whose answers are these, by method, signed by a key.
async fn answering(key: &'static TestKey, answers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |asked: &Asked| {
        let method = Form::decoded(&asked.body).get("method").to_owned();
        let (_, member) = answers.iter().find(|(name, _)| *name == method).unwrap();
        let sign = key.sign(member.as_bytes());
        let name = method.replace('.', "_");
        Given::ok(format!("{{\"{name}_response\":{member},\"sign\":\"{}\"}}", sign.replace('/', "\\/")))
    })
    .await
}

/// What the account says after it was answered so, and what was asked.
fn asked<T>(
    answers: &'static [(&'static str, &'static str)],
    ask: impl AsyncFn(Alipay) -> T,
) -> (T, Vec<(String, Value)>) {
    run(async {
        let server = answering(&keys().provider, answers).await;
        let mut precreate = settings();
        precreate["product"] = json!("precreate");
        let said = ask(made(precreate, &server.url).unwrap()).await;
        let asked = server.asked().into_iter().map(|asked| {
            assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/gateway.do?charset=utf-8"));
            let kind = "application/x-www-form-urlencoded;charset=utf-8";
            assert!(asked.headers.contains(&("content-type".into(), kind.into())), "{:?}", asked.headers);
            let form = Form::decoded(&asked.body);
            (form.get("method").to_owned(), content(&form))
        });
        (said, asked.collect())
    })
}

const QUERY: &str = "alipay.trade.query";
/// Spaces, escapes and the order of members are the provider's: the text is signed as it stands.
const QUERY_PAID: &str = r#"{ "msg":"Success","code":"10000", "out_trade_no":"P7345000000001","trade_no":"2027",
  "buyer":"a\/b\u4e2d","trade_status":"TRADE_SUCCESS","total_amount":"12.34","send_pay_date":"2027-01-15 15:59:30" }"#;
const NOT_THERE: &str = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"x"}"#;
const UNSURE: &str = r#"{"code":"20000","msg":"Service Currently Unavailable","sub_code":"isp.unknow-error"}"#;
const SYSTEM_ERROR: &str = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.SYSTEM_ERROR"}"#;

#[test]
fn a_code_is_opened_at_the_provider() {
    const DONE: &[(&str, &str)] = &[(
        "alipay.trade.precreate",
        r#"{"code":"10000","msg":"Success","out_trade_no":"P7345000000001","qr_code":"https:\/\/qr.example\/1"}"#,
    )];
    let (opened, asked) = asked(DONE, async |alipay| alipay.create(&payment()).await);
    assert_eq!(opened.unwrap().offer.qr_code.as_deref(), Some("https://qr.example/1"));
    assert_eq!((asked[0].0.as_str(), asked[0].1["total_amount"].as_str()), (DONE[0].0, Some("12.34")));
    assert_eq!(asked[0].1["time_expire"], "2027-01-15 16:29:00");
}

#[test]
fn an_opening_is_refused_or_not_known() {
    const REFUSED: &[(&str, &str)] = &[("alipay.trade.precreate", NOT_THERE)];
    const BUSY: &[(&str, &str)] = &[("alipay.trade.precreate", SYSTEM_ERROR)];
    const PAID: &[(&str, &str)] =
        &[("alipay.trade.precreate", r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_HAS_SUCCESS"}"#)];
    let open = async |alipay: Alipay| alipay.create(&payment()).await;
    assert!(matches!(asked(REFUSED, open).0, Err(NotOpened::Refused(_))));
    assert!(matches!(asked(BUSY, open).0, Err(NotOpened::Unknown(_))));
    assert!(matches!(asked(PAID, open).0, Err(NotOpened::Unknown(_))));
}

#[test]
fn a_query_is_believed_by_its_signature_over_the_raw_member() {
    const PAID: &[(&str, &str)] = &[(QUERY, QUERY_PAID)];
    let (answer, asked) = asked(PAID, async |alipay| alipay.query(&payment()).await);
    let QueryAnswer::Paid(receipt) = answer else { panic!("{answer:?}") };
    assert_eq!((receipt.amount, receipt.trade_no.as_str(), receipt.at), (1234, "2027", NOW - 30_000));
    assert_eq!(asked, [(QUERY.to_owned(), json!({"out_trade_no": "P7345000000001"}))]);
    let forged = run(async {
        let server = answering(&keys().stranger, PAID).await;
        made(settings(), &server.url).unwrap().query(&payment()).await
    });
    assert!(matches!(forged, QueryAnswer::Unknown(_)), "{forged:?}");
}

#[test]
fn an_answer_that_was_changed_is_not_believed() {
    let account = &alipay().account;
    let sign = keys().provider.sign(QUERY_PAID.as_bytes());
    let good = format!(r#"{{"alipay_trade_query_response":{QUERY_PAID},"sign":"{sign}"}}"#);
    assert!(sign::answer(account, QUERY, good.as_bytes()).is_ok());
    for index in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[index] ^= 1;
        assert!(sign::answer(account, QUERY, &changed).is_err(), "byte {index}");
    }
    let again = serde_json::from_str::<Value>(QUERY_PAID).unwrap();
    for body in [
        format!(r#"{{"alipay_trade_query_response":{again},"sign":"{sign}"}}"#),
        format!(r#"{{"alipay_trade_query_response":{QUERY_PAID}}}"#),
        format!(r#"{{"alipay_trade_close_response":{QUERY_PAID},"sign":"{sign}"}}"#),
        format!(r#"{{"alipay_trade_query_response":{NOT_THERE},"error_response":{QUERY_PAID},"sign":"{sign}"}}"#),
        String::new(),
        "null".into(),
    ] {
        assert!(sign::answer(account, QUERY, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn what_a_query_finds() {
    let now = |text: &str| {
        let answer: Answer = serde_json::from_str(text).unwrap();
        queried(&answer, &payment(), NOW)
    };
    let done =
        |members: &str| format!(r#"{{"code":"10000","msg":"Success","out_trade_no":"P7345000000001",{members}}}"#);
    assert_eq!(now(NOT_THERE), QueryAnswer::Unpaid);
    assert_eq!(now(&done(r#""trade_status":"WAIT_BUYER_PAY""#)), QueryAnswer::Unpaid);
    assert!(matches!(now(&done(r#""trade_status":"TRADE_CLOSED""#)), QueryAnswer::Ended(_)));
    let paid =
        |amount: &str| done(&format!(r#""trade_status":"TRADE_FINISHED","trade_no":"1","total_amount":"{amount}""#));
    assert!(matches!(now(&paid("0.01")), QueryAnswer::Paid(Receipt { amount: 1, .. })));
    for unknown in [
        paid("0.001"),
        paid(""),
        paid("1").replace(r#""trade_no":"1""#, r#""trade_no":"""#),
        paid("1").replace("P7345000000001", "P7345000000002"),
        done(r#""trade_status":"OTHER""#),
        UNSURE.to_owned(),
        SYSTEM_ERROR.to_owned(),
        r#"{"code":"40002","msg":"Invalid Arguments"}"#.to_owned(),
    ] {
        assert!(matches!(now(&unknown), QueryAnswer::Unknown(_)), "{unknown}");
    }
}

#[test]
fn closing_tells_closed_paid_and_never_opened_apart() {
    const CLOSE: &str = "alipay.trade.close";
    const DONE: &[(&str, &str)] = &[(CLOSE, r#"{"code":"10000","out_trade_no":"P7345000000001"}"#)];
    const ANOTHER: &[(&str, &str)] = &[(CLOSE, r#"{"code":"10000","out_trade_no":"P7345000000002"}"#)];
    const NEVER: &[(&str, &str)] = &[(CLOSE, NOT_THERE)];
    const STATUS: &str = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_STATUS_ERROR"}"#;
    const PAID: &[(&str, &str)] = &[(CLOSE, STATUS), (QUERY, QUERY_PAID)];
    const ENDED: &[(&str, &str)] = &[
        (CLOSE, STATUS),
        (QUERY, r#"{"code":"10000","out_trade_no":"P7345000000001","trade_status":"TRADE_CLOSED"}"#),
    ];
    const BUSY: &[(&str, &str)] = &[(CLOSE, SYSTEM_ERROR)];
    let close = async |alipay: Alipay| alipay.close(&payment()).await;
    assert_eq!(asked(DONE, close).0, CloseAnswer::Closed);
    assert_eq!(asked(NEVER, close).0, CloseAnswer::CannotClose);
    assert_eq!(asked(PAID, close).0, CloseAnswer::AlreadyPaid);
    assert_eq!(asked(ENDED, close).0, CloseAnswer::Closed);
    assert!(matches!(asked(ANOTHER, close).0, CloseAnswer::Unknown(_)));
    assert!(matches!(asked(BUSY, close).0, CloseAnswer::Unknown(_)));
}

const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";
const REFUNDED: &str = r#"{"code":"10000","out_trade_no":"P7345000000001","out_request_no":"R7345000000009",
    "refund_amount":"2.34","refund_status":"REFUND_SUCCESS"}"#;
const NOTHING_KNOWN: &str = r#"{"code":"10000","msg":"Success"}"#;

#[test]
fn a_refund_is_done_only_when_money_moved() {
    const MOVED: &[(&str, &str)] = &[(REFUND, r#"{"code":"10000","out_trade_no":"P7345000000001","fund_change":"Y"}"#)];
    const STILL: &str = r#"{"code":"10000","out_trade_no":"P7345000000001","fund_change":"N"}"#;
    const BEFORE: &[(&str, &str)] = &[(REFUND, STILL), (REFUND_QUERY, REFUNDED)];
    const NOT_YET: &[(&str, &str)] = &[(REFUND, STILL), (REFUND_QUERY, NOTHING_KNOWN)];
    const ANOTHER: &[(&str, &str)] = &[(REFUND, r#"{"code":"10000","out_trade_no":"P1","fund_change":"Y"}"#)];
    const BUSY: &[(&str, &str)] = &[(REFUND, SYSTEM_ERROR)];
    const FINISHED: &[(&str, &str)] =
        &[(REFUND, r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_HAS_FINISHED","sub_msg":"done"}"#)];
    let send = async |alipay: Alipay| {
        let (payment, refund) = refund();
        alipay.refund(&payment, &refund).await
    };
    let (answer, asked_for) = asked(MOVED, send);
    let wanted = json!({"out_trade_no": "P7345000000001", "out_request_no": "R7345000000009", "refund_amount": "2.34"});
    assert_eq!((answer, &asked_for[0].1), (RefundAnswer::Succeeded, &wanted));
    assert_eq!(asked(BEFORE, send).0, RefundAnswer::Succeeded);
    for pending in [NOT_YET, ANOTHER, BUSY] {
        assert!(matches!(asked(pending, send).0, RefundAnswer::Pending(_)), "{pending:?}");
    }
    assert_eq!(asked(FINISHED, send).0, RefundAnswer::Stuck("ACQ.TRADE_HAS_FINISHED: done".into()));
}

#[test]
fn what_a_refund_query_finds() {
    let (payment, refund) = refund();
    let now = |text: &str| refund_queried(&serde_json::from_str(text).unwrap(), &payment, &refund);
    assert_eq!(now(REFUNDED), RefundAnswer::Succeeded);
    assert_eq!(now(NOTHING_KNOWN), RefundAnswer::Absent);
    assert_eq!(now(NOT_THERE), RefundAnswer::Absent);
    assert!(matches!(now(&REFUNDED.replace("2.34", "2.33")), RefundAnswer::Stuck(_)));
    for pending in [&REFUNDED.replace("R73", "R74"), &REFUNDED.replace("P73", "P74"), UNSURE, SYSTEM_ERROR] {
        assert!(matches!(now(pending), RefundAnswer::Pending(_)), "{pending}");
    }
}

#[test]
fn without_a_usable_answer_nothing_is_known() {
    run(async {
        let server = Server::start(|_: &Asked| Given { status: 302, ..Given::default() }).await;
        let alipay = made(settings(), &server.url).unwrap();
        let (payment, refund) = refund();
        assert!(matches!(alipay.query(&payment).await, QueryAnswer::Unknown(_)));
        assert!(matches!(alipay.close(&payment).await, CloseAnswer::Unknown(_)));
        assert!(matches!(alipay.refund(&payment, &refund).await, RefundAnswer::Pending(_)));
        assert!(matches!(alipay.query_refund(&payment, &refund).await, RefundAnswer::Pending(_)));
    });
}

#[test]
fn the_words_are_exact() {
    assert_eq!(alipay().words(Verdict::Taken), "success");
    for verdict in [Verdict::Unbelieved, Verdict::Refused, Verdict::Later] {
        assert_ne!(alipay().words(verdict), "success");
    }
}
