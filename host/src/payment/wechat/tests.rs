//! What of a notice is believed.

mod calls;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, SerialNumber, date_time_ymd};
use serde_json::{Value, json};

use super::WeChat;
use super::sign::{KIND, NONCE, SCHEME, SERIAL, SIGNATURE, TIMESTAMP, signed_text};
use crate::domain::ids::{PaymentNo, RefundNo};
use crate::payment::testing::{
    Asked, Given, NOTIFY_URL, NOW, Server, TestKey, gateway, keys, payment, refund, refuses_every_flip,
    refuses_what_is_no_notice, run, terms, verify,
};
use crate::payment::{
    AccountTerms, BookKind, CloseAnswer, NoBook, NotOpened, Provider, QueryAnswer, Receipt, RefundAnswer, Says,
    Unverified, Verdict,
};

const MCHID: &str = "1900000001";
const APPID: &str = "wxa1b2c3d4e5f60718";
/// Of the provider's public key.
const PUBLIC: &str = "PUB_KEY_ID_0119000000012026010100";
/// Of the provider's certificate, which holds the key it signs with next.
const SERIAL_NO: &str = "5D3F0C";
const API_KEY: &str = "0123456789abcdef0123456789abcdef";

type Headers = Vec<(String, String)>;

fn certificate(key: &TestKey, serial: &[u8], from: i32, until: i32) -> String {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.serial_number = Some(SerialNumber::from_slice(serial));
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    params.self_signed(&key.0).unwrap().pem()
}

fn settings() -> Value {
    json!({
        "mchid": MCHID,
        "appid": APPID,
        "merchant_serial": "3775B6A45ACD588826D15E583A95F5DD",
        "provider_keys": {
            PUBLIC: keys().provider.public_pem(),
            SERIAL_NO: certificate(&keys().next, &[0x5d, 0x3f, 0x0c], 2024, 2029),
            "0A0B": certificate(&keys().next, &[0x0a, 0x0b], 2020, 2025),
            "0C0D": certificate(&keys().next, &[0x0c, 0x0d], 2028, 2030),
        },
    })
}

fn account() -> AccountTerms {
    let secrets = [("private_key", keys().ours.private_pem()), ("api_v3_key", API_KEY.to_owned())];
    terms(settings(), &secrets)
}

fn wechat() -> WeChat {
    WeChat::new(&account(), gateway("http://127.0.0.1:9")).unwrap()
}

fn signed(key: &TestKey, serial: &str, at_s: i64, body: &[u8]) -> Headers {
    let (timestamp, nonce) = (at_s.to_string(), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS");
    let signature = key.sign(&signed_text(&timestamp, nonce, body));
    [(TIMESTAMP, timestamp.as_str()), (NONCE, nonce), (SIGNATURE, &signature), (SERIAL, serial), (KIND, SCHEME)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn good(body: &[u8]) -> Headers {
    signed(&keys().provider, PUBLIC, NOW / 1000, body)
}

fn sealed(api_key: &str, clear: &[u8]) -> Value {
    let (nonce, aad) = ("fdasflkja484", "transaction");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, api_key.as_bytes()).unwrap());
    let mut sealed = clear.to_vec();
    let once = Nonce::try_assume_unique_for_key(nonce.as_bytes()).unwrap();
    key.seal_in_place_append_tag(once, Aad::from(aad.as_bytes()), &mut sealed).unwrap();
    json!({
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": STANDARD.encode(sealed),
        "associated_data": aad,
        "nonce": nonce,
    })
}

fn envelope(kind: &str, resource: &Value) -> Vec<u8> {
    let body = json!({
        "id": "EV-2018022511223320873",
        "create_time": "2027-01-15T16:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": "-",
        "resource": resource,
    });
    body.to_string().into_bytes()
}

fn notice(kind: &str, clear: &Value) -> Vec<u8> {
    envelope(kind, &sealed(API_KEY, clear.to_string().as_bytes()))
}

fn paid() -> Value {
    json!({
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": payment().no.to_string(),
        "transaction_id": "4200000000202701150000000001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "paid",
        "success_time": "2027-01-15T15:59:58+08:00",
        "payer": { "openid": "o1" },
        "amount": { "total": 1234, "payer_total": 1200, "currency": "CNY", "payer_currency": "CNY" },
    })
}

fn receipt() -> Receipt {
    Receipt {
        payment_no: payment().no,
        trade_no: "4200000000202701150000000001".into(),
        amount: 1234,
        currency: "CNY".into(),
        at: NOW - 2_000,
    }
}

fn refunded() -> Value {
    json!({
        "mchid": MCHID,
        "out_trade_no": payment().no.to_string(),
        "transaction_id": "4200000000202701150000000001",
        "out_refund_no": refund().1.no.to_string(),
        "refund_id": "50300000002027011500000001",
        "refund_status": "SUCCESS",
        "amount": { "total": 1234, "refund": 234, "payer_total": 1234, "payer_refund": 234 },
    })
}

/// With the value at a path such as `amount.total` replaced, or (without a value) removed.
fn but(mut value: Value, path: &str, replaced: Option<Value>) -> Value {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = parents.split('.').filter(|name| !name.is_empty()).fold(&mut value, |at, name| &mut at[name]);
    match replaced {
        Some(replaced) => parent[last] = replaced,
        None => drop(parent.as_object_mut().unwrap().remove(last).expect("is there")),
    }
    value
}

fn says(clear: &Value) -> Result<Says, Unverified> {
    let body = notice("TRANSACTION.SUCCESS", clear);
    verify(&wechat(), &good(&body), &body).map(|notice| notice.says)
}

#[test]
fn a_good_notice_is_believed_under_either_kind_of_key_and_as_often_as_it_comes() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    for (key, serial) in [(&keys().provider, PUBLIC), (&keys().next, SERIAL_NO)] {
        for _ in 0..2 {
            let said = verify(&wechat(), &signed(key, serial, NOW / 1000, &body), &body).expect(serial);
            assert_eq!(said.says, Says::Paid(receipt()));
            assert_eq!(said.id.as_deref(), Some("EV-2018022511223320873"));
        }
    }
}

#[test]
fn headers_missing_empty_twice_or_oversized_are_refused() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    for name in [TIMESTAMP, NONCE, SIGNATURE, SERIAL] {
        let index = good(&body).iter().position(|(own, _)| own == name).unwrap();
        let mut missing = good(&body);
        missing.remove(index);
        let mut empty = good(&body);
        empty[index].1.clear();
        let mut twice = good(&body);
        twice.push(twice[index].clone());
        let mut oversized = good(&body);
        oversized[index].1 = "1".repeat(1 << 16);
        for (how, headers) in [("missing", missing), ("empty", empty), ("twice", twice), ("oversized", oversized)] {
            assert_eq!(verify(&wechat(), &headers, &body), Err(Unverified::Header(name)), "{name} {how}");
        }
        let mut upper = good(&body);
        upper[index].0 = upper[index].0.to_ascii_uppercase();
        assert!(verify(&wechat(), &upper, &body).is_ok(), "{name}");
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    refuses_every_flip(&wechat(), &good(&body), &body);
    for name in [TIMESTAMP, NONCE, SIGNATURE, SERIAL, KIND] {
        let index = good(&body).iter().position(|(own, _)| own == name).unwrap();
        for at in 0..good(&body)[index].1.len() {
            let mut headers = good(&body);
            let mut value = std::mem::take(&mut headers[index].1).into_bytes();
            value[at] ^= 1;
            headers[index].1 = String::from_utf8(value).unwrap();
            assert!(verify(&wechat(), &headers, &body).is_err(), "{name} {at}: {headers:?}");
        }
    }
    // Signed by the provider, but the sealed resource was changed: each part of it is bound.
    for (part, value) in [("nonce", "fdasflkja485"), ("associated_data", "refund"), ("ciphertext", "AAAA")] {
        let mut resource = sealed(API_KEY, paid().to_string().as_bytes());
        resource[part] = value.into();
        let body = envelope("TRANSACTION.SUCCESS", &resource);
        assert_eq!(verify(&wechat(), &good(&body), &body), Err(Unverified::UnknownKey("APIv3 key")), "{part}");
    }
}

#[test]
fn the_time_may_be_299_seconds_off() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    for (skew, good) in [(299, true), (300, false), (301, false), (-299, true), (-300, false), (-301, false)] {
        let said = verify(&wechat(), &signed(&keys().provider, PUBLIC, NOW / 1000 + skew, &body), &body);
        assert_eq!(said.is_ok(), good, "{skew}: {said:?}");
        assert!(good || said == Err(Unverified::Time(300)), "{skew}");
    }
    for time in ["now", "+1800000000", "1800000000.0", " 1800000000", "99999999999999999999"] {
        let mut headers = good(&body);
        headers[0].1 = time.into();
        assert_eq!(verify(&wechat(), &headers, &body), Err(Unverified::Header(TIMESTAMP)), "{time}");
    }
}

#[test]
fn what_is_signed_are_the_bytes_as_they_came() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    let value: Value = serde_json::from_slice(&body).unwrap();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    assert_eq!(verify(&wechat(), &good(&body), &pretty), Err(Unverified::Signature), "re-serialised");
    assert!(verify(&wechat(), &good(&pretty), &pretty).is_ok(), "signed so");
    let crlf = String::from_utf8(pretty.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    assert_eq!(verify(&wechat(), &good(&pretty), &crlf), Err(Unverified::Signature), "LF became CRLF");
    assert!(verify(&wechat(), &good(&crlf), &crlf).is_ok(), "signed so");
    let line = [&body[..], b"\n"].concat();
    assert_eq!(verify(&wechat(), &good(&body), &line), Err(Unverified::Signature), "a line end more");
    let mut headers = good(&body);
    let text = [b"1800000000\r\n5K8264ILTKCH16CQ2502SI8ZNMTM67VS\r\n", &body[..], b"\r\n"].concat();
    headers[2].1 = keys().provider.sign(&text);
    assert_eq!(verify(&wechat(), &headers, &body), Err(Unverified::Signature), "signed over CRLF");
}

#[test]
fn only_the_key_of_the_named_serial_counts_and_only_while_it_is_valid() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    let unknown = Err(Unverified::UnknownKey("serial"));
    let forged = Err(Unverified::Signature);
    for (why, key, serial, said) in [
        ("a stranger's key", &keys().stranger, PUBLIC, forged.clone()),
        ("our own key", &keys().ours, PUBLIC, forged.clone()),
        ("the other key of the provider", &keys().next, PUBLIC, forged),
        ("an unknown serial", &keys().provider, "PUB_KEY_ID_0119000000012026010101", unknown.clone()),
        ("a certificate that has ended", &keys().next, "0A0B", unknown.clone()),
        ("a certificate that has not begun", &keys().next, "0C0D", unknown),
    ] {
        assert_eq!(verify(&wechat(), &signed(key, serial, NOW / 1000, &body), &body), said, "{why}");
    }
    // Rotated: the new key is set up beside the old one, then the old one goes.
    let mut rotated = account();
    rotated.settings["provider_keys"] = json!({ "PUB_KEY_ID_2": keys().next.public_pem() });
    let rotated = WeChat::new(&rotated, gateway("http://127.0.0.1:9")).unwrap();
    assert_eq!(verify(&rotated, &good(&body), &body), Err(Unverified::UnknownKey("serial")));
    assert!(verify(&rotated, &signed(&keys().next, "PUB_KEY_ID_2", NOW / 1000, &body), &body).is_ok());
}

#[test]
fn another_algorithm_is_refused_and_a_probe_is_known() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    let mut headers = good(&body);
    headers[4].1 = "WECHATPAY2-SM2-WITH-SM3".into();
    assert_eq!(verify(&wechat(), &headers, &body), Err(Unverified::UnknownKey("algorithm")));
    let mut resource = sealed(API_KEY, paid().to_string().as_bytes());
    resource["algorithm"] = "AEAD_AES_128_GCM".into();
    let odd = envelope("TRANSACTION.SUCCESS", &resource);
    assert_eq!(verify(&wechat(), &good(&odd), &odd), Err(Unverified::UnknownKey("algorithm")));
    let mut headers = good(&body);
    headers[2].1 = format!("WECHATPAY/SIGNTEST/{}", headers[2].1);
    assert_eq!(verify(&wechat(), &headers, &body), Err(Unverified::Probe));
}

#[test]
fn another_merchants_notice_is_not_ours() {
    let other = envelope("TRANSACTION.SUCCESS", &sealed(&API_KEY.to_uppercase(), paid().to_string().as_bytes()));
    assert_eq!(verify(&wechat(), &good(&other), &other), Err(Unverified::UnknownKey("APIv3 key")));
    for (path, value, field) in [
        ("mchid", "1900000002", "mchid"),
        ("mchid", "", "mchid"),
        ("appid", "wxffffffffffffffff", "appid"),
        ("out_trade_no", "7345000000001", "out_trade_no"),
        ("out_trade_no", "R7345000000001", "out_trade_no"),
        ("out_trade_no", "", "out_trade_no"),
    ] {
        assert_eq!(says(&but(paid(), path, Some(value.into()))), Err(Unverified::Foreign(field)), "{path} {value}");
    }
    for body in
        ["REFUND.SUCCESS", "REFUND.CLOSED"].map(|kind| notice(kind, &but(refunded(), "mchid", Some("1".into()))))
    {
        assert_eq!(verify(&wechat(), &good(&body), &body), Err(Unverified::Foreign("mchid")));
    }
}

#[test]
fn what_was_sent_is_told_as_it_was_sent() {
    let told = |clear: Value| match says(&clear) {
        Ok(Says::Paid(receipt)) => receipt,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(but(paid(), "amount.total", Some(1.into()))), Receipt { amount: 1, ..receipt() });
    let dollars = told(but(paid(), "amount.currency", Some("USD".into())));
    assert_eq!(dollars, Receipt { currency: "USD".into(), ..receipt() });
    let other = told(but(paid(), "out_trade_no", Some("P42".into())));
    assert_eq!(other, Receipt { payment_no: PaymentNo(42), ..receipt() });
    // Signed under the headline of a success, and none.
    for state in ["NOTPAY", "REFUND", "CLOSED", "", "success"] {
        assert_eq!(says(&but(paid(), "trade_state", Some(state.into()))), Ok(Says::Ask(payment().no)), "{state}");
    }
}

#[test]
fn fields_missing_empty_twice_or_oversized_are_refused() {
    for path in ["mchid", "appid", "out_trade_no", "trade_state", "amount.total", "amount.currency"] {
        let said = says(&but(paid(), path, None));
        assert!(matches!(said, Err(Unverified::Body(_))), "{path} missing: {said:?}");
        let name = path.rsplit('.').next().unwrap();
        let text = paid().to_string();
        let twice = text.replacen(&format!("\"{name}\":"), &format!("\"{name}\":\"1\",\"{name}\":"), 1);
        assert_ne!(twice, text);
        let body = envelope("TRANSACTION.SUCCESS", &sealed(API_KEY, twice.as_bytes()));
        assert!(verify(&wechat(), &good(&body), &body).is_err(), "{path} twice");
    }
    for path in ["transaction_id", "success_time", "amount"] {
        let said = says(&but(paid(), path, None));
        assert!(matches!(said, Err(Unverified::Field(_))), "{path} missing: {said:?}");
    }
    for (path, value) in [
        ("transaction_id", json!("")),
        ("transaction_id", json!("4".repeat(65))),
        ("success_time", json!("")),
        ("success_time", json!("2027-01-15 15:59:58")),
        ("amount.total", json!(0)),
        ("amount.total", json!(-1)),
        ("amount.total", json!(12.34)),
        ("amount.total", json!("1234")),
        ("amount.total", json!(u64::MAX)),
        ("amount.currency", json!("")),
        ("amount.currency", json!("cny")),
        ("mchid", json!("1".repeat(5000))),
    ] {
        let said = says(&but(paid(), path, Some(value.clone())));
        assert!(said.is_err(), "{path} {value}: {said:?}");
    }
    for path in ["id", "event_type", "resource", "resource.algorithm", "resource.ciphertext", "resource.nonce"] {
        let body = notice("TRANSACTION.SUCCESS", &paid());
        let body = but(serde_json::from_slice(&body).unwrap(), path, None).to_string();
        let said = verify(&wechat(), &good(body.as_bytes()), body.as_bytes());
        assert!(matches!(said, Err(Unverified::Body(_))), "{path}: {said:?}");
    }
}

#[test]
fn bodies_that_are_no_notices_are_refused_even_when_signed() {
    let body = notice("TRANSACTION.SUCCESS", &paid());
    refuses_what_is_no_notice(&wechat(), &good(&body));
    let large = notice("TRANSACTION.SUCCESS", &but(paid(), "attach", Some("a".repeat(1 << 20).into())));
    for body in [&b""[..], b"\xff\xfe", b"null", b"{}", b"[]", &large] {
        let said = verify(&wechat(), &good(body), body);
        assert!(matches!(said, Err(Unverified::Body(_))), "{said:?}");
    }
    let clear = envelope("TRANSACTION.SUCCESS", &sealed(API_KEY, b"\xff\xfe"));
    assert!(matches!(verify(&wechat(), &good(&clear), &clear), Err(Unverified::Body(_))));
}

#[test]
fn refund_notices_only_make_us_ask() {
    let (payment, refund) = refund();
    for (kind, status) in
        [("SUCCESS", "SUCCESS"), ("ABNORMAL", "ABNORMAL"), ("CLOSED", "CLOSED"), ("CLOSED", "SUCCESS")]
    {
        let clear = but(refunded(), "refund_status", Some(status.into()));
        let body = notice(&format!("REFUND.{kind}"), &clear);
        let said = verify(&wechat(), &good(&body), &body).expect(kind);
        assert_eq!(said.says, Says::AskRefund(payment.no, refund.no));
    }
    for (path, value) in [
        ("out_trade_no", Some(json!("X1"))),
        ("out_refund_no", Some(json!("P1"))),
        ("out_refund_no", None),
        ("refund_status", Some(json!("MAYBE"))),
        ("refund_status", None),
        ("amount.refund", Some(json!(1235))),
        ("amount.refund", Some(json!(0))),
        ("amount.refund", None),
        ("amount.total", Some(json!(0))),
        ("amount.total", None),
    ] {
        let body = notice("REFUND.SUCCESS", &but(refunded(), path, value.clone()));
        let said = verify(&wechat(), &good(&body), &body);
        assert!(said.is_err(), "{path} {value:?}: {said:?}");
    }
    let body = notice("COUPON.USE", &json!({}));
    assert_eq!(verify(&wechat(), &good(&body), &body).unwrap().says, Says::Nothing);
}

#[test]
fn an_account_that_cannot_work_is_refused_by_name() {
    let secret = |name: &str| if name == "api_v3_key" { API_KEY.to_owned() } else { keys().ours.private_pem() };
    let build = |settings: Value, secrets: &[(&str, String)]| {
        WeChat::new(&terms(settings, secrets), gateway("http://127.0.0.1:9")).map(drop).map_err(|bad| bad.field)
    };
    let both = [("private_key", secret("private_key")), ("api_v3_key", secret("api_v3_key"))];
    assert_eq!(build(settings(), &both), Ok(()));
    let cert = certificate(&keys().next, &[0x5d, 0x3f, 0x0c], 2024, 2029);
    for (path, value, field) in [
        ("mchid", json!("19\",serial_no=\"1"), "settings.mchid"),
        ("appid", json!(""), "settings.appid"),
        ("merchant_serial", json!("é"), "settings.merchant_serial"),
        ("description", json!(""), "settings.description"),
        ("surprise", json!(1), "settings"),
        ("provider_keys", json!({}), "settings.provider_keys"),
        ("provider_keys", json!({ PUBLIC: "hello" }), "settings.provider_keys.PUB_KEY_ID_0119000000012026010100"),
        ("provider_keys", json!({ "PUB_KEY_ID_1": cert }), "settings.provider_keys.PUB_KEY_ID_1"),
        ("provider_keys", json!({ "5D3F0D": cert }), "settings.provider_keys.5D3F0D"),
        ("provider_keys", json!({ "5D": keys().next.public_pem() }), "settings.provider_keys.5D"),
    ] {
        assert_eq!(build(but(settings(), path, Some(value)), &both), Err(field.to_owned()), "{path}");
    }
    for (secrets, field) in [
        (vec![both[0].clone()], "secrets.api_v3_key"),
        (vec![both[1].clone()], "secrets.private_key"),
        (vec![both[0].clone(), ("api_v3_key", "too short".into())], "secrets.api_v3_key"),
        (vec![both[0].clone(), both[1].clone(), ("password", "x".into())], "secrets.password"),
    ] {
        assert_eq!(build(settings(), &secrets), Err(field.to_owned()));
    }
}
