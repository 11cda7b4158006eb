use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

use super::*;
use crate::payment::rsa::VerifyingKey;
use crate::payment::testing::{
    Asked, Form, Given, NOTIFY_URL, NOW, Server, TestKey, gateway, keys, payment, refund, refuses_every_flip,
    refuses_what_is_no_notice, run, terms, verify,
};

const MERCHANT: &str = "777290058110048";
const UNIONPAY: &str = "041@8310000000083040@中国银联股份有限公司@00016495";

/// Roots and certificates that live as long as the tests.
struct Papers {
    root: String,
    intermediate: String,
    ours: String,
    good: String,
    /// Of the provider's next key.
    rotated: String,
    /// Through the intermediate.
    chained: String,
    expired: String,
    early: String,
    /// Of a holder that is not UnionPay, under the right root.
    other_subject: String,
    /// The right subject under another root.
    strange: String,
    /// The right subject and no root at all.
    self_signed: String,
}

fn papers() -> &'static Papers {
    static PAPERS: LazyLock<Papers> = LazyLock::new(|| {
        let (root, issuer) = authority("Root of the tests", &keys().ours.0, None);
        let (_, stranger) = authority("Root of a stranger", &keys().stranger.0, None);
        let (intermediate, between) = authority("Between", &keys().next.0, Some(&issuer));
        let provider = &keys().provider;
        let of = |name, key, years, issuer| certificate(name, key, years, issuer);
        Papers {
            ours: of("merchant", &keys().ours, (2026, 2030), &issuer),
            good: of(UNIONPAY, provider, (2026, 2030), &issuer),
            rotated: of(UNIONPAY, &keys().next, (2026, 2030), &issuer),
            chained: of(UNIONPAY, provider, (2026, 2030), &between),
            expired: of(UNIONPAY, provider, (2020, 2027), &issuer),
            early: of(UNIONPAY, provider, (2028, 2030), &issuer),
            other_subject: of("041@83@某某股份有限公司@中国银联股份有限公司", provider, (2026, 2030), &issuer),
            strange: of(UNIONPAY, provider, (2026, 2030), &stranger),
            self_signed: params(UNIONPAY, (2026, 2030)).self_signed(&provider.0).unwrap().pem(),
            root,
            intermediate,
        }
    });
    &PAPERS
}

/// Valid from the first day of one year to the first of another.
fn params(name: &str, (from, until): (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]));
    params
}

fn authority<'a>(
    name: &str,
    key: &'a KeyPair,
    above: Option<&Issuer<'_, &KeyPair>>,
) -> (String, Issuer<'static, &'a KeyPair>) {
    let mut params = params(name, (2020, 2040));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = above.map_or_else(|| params.self_signed(key), |issuer| params.signed_by(key, issuer));
    (made.unwrap().pem(), Issuer::new(params, key))
}

fn certificate(name: &str, key: &TestKey, years: (i32, i32), issuer: &Issuer<'_, &KeyPair>) -> String {
    params(name, years).signed_by(&key.0, issuer).unwrap().pem()
}

fn settings() -> Value {
    json!({"merchant_id": MERCHANT, "certificate": papers().ours, "roots": [papers().root],
        "intermediates": [papers().intermediate]})
}

fn made(settings: Value, base_url: &str) -> Result<UnionPay, BadAccount> {
    let secrets = [("private_key", keys().ours.private_pem())];
    UnionPay::new(&terms(settings, &secrets), gateway(base_url))
}

fn unionpay() -> UnionPay {
    made(settings(), "http://127.0.0.1:1").unwrap()
}

fn notice() -> Form {
    Form::of(&[
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("txnType", "01"),
        ("txnSubType", "01"),
        ("bizType", "000201"),
        ("accessType", "0"),
        ("merId", MERCHANT),
        ("orderId", "P7345000000001"),
        ("txnTime", "20270115155900"),
        ("txnAmt", "1234"),
        ("currencyCode", "156"),
        ("queryId", "420000000000000000001"),
        ("respCode", "00"),
        ("respMsg", "成功[0000000] & =+"),
    ])
}

fn hashed(form: &Form) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, form.sorted().as_bytes()))
}

fn signed_by(key: &TestKey, certificate: &str, form: &Form) -> Form {
    let form = form.clone().with("signPubKeyCert", certificate);
    let signature = key.sign(hashed(&form).as_bytes());
    form.with("signature", signature)
}

fn signed(form: &Form) -> Form {
    signed_by(&keys().provider, &papers().good, form)
}

fn said(form: &Form) -> Result<Notice, Unverified> {
    verify(&unionpay(), &[], &signed(form).encoded())
}

#[test]
fn a_good_notice_makes_us_ask_however_often_it_comes() {
    let ask = Notice { id: None, says: Says::Ask(PaymentNo(7_345_000_000_001)) };
    assert_eq!(said(&notice()), Ok(ask.clone()));
    assert_eq!(said(&notice()), Ok(ask.clone()));
    // What the code says is a hint only.
    for code in ["A6", "01", "05"] {
        assert_eq!(said(&notice().with("respCode", code)), Ok(ask.clone()), "{code}");
    }
    let mut turned = signed(&notice());
    turned.0.reverse();
    assert_eq!(verify(&unionpay(), &[], &turned.encoded()), Ok(ask));
}

#[test]
fn a_refund_notice_is_never_about_a_payment() {
    let of_refund = notice().with("txnType", "04").with("orderId", "R7345000000009").with("txnAmt", "234");
    let good = of_refund.clone().with("reqReserved", "P7345000000001");
    let says = Says::AskRefund(PaymentNo(7_345_000_000_001), RefundNo(7_345_000_000_009));
    assert_eq!(said(&good).unwrap().says, says);
    assert_eq!(said(&of_refund), Err(Unverified::Field("reqReserved")));
    assert_eq!(said(&good.clone().with("reqReserved", "x")), Err(Unverified::Foreign("reqReserved")));
    assert_eq!(said(&good.with("orderId", "P7345000000001")), Err(Unverified::Foreign("orderId")));
    assert_eq!(said(&notice().with("txnType", "31")).unwrap().says, Says::Nothing);
}

#[test]
fn every_needed_field_must_be_there_once_and_filled() {
    let needed =
        ["version", "signMethod", "merId", "txnType", "orderId", "txnTime", "txnAmt", "currencyCode", "respCode"];
    for name in needed {
        assert_eq!(said(&notice().without(name)), Err(Unverified::Field(name)), "{name} missing");
        assert_eq!(said(&notice().with(name, "")), Err(Unverified::Field(name)), "{name} empty");
        assert!(matches!(said(&notice().with_twice(name)), Err(Unverified::Body(_))), "{name} twice");
        assert_eq!(said(&notice().with(name, "1".repeat(41))), Err(Unverified::Field(name)), "{name} oversized");
    }
    let good = signed(&notice());
    for name in ["signature", "signPubKeyCert"] {
        let refused = |form: Form| verify(&unionpay(), &[], &form.encoded());
        assert_eq!(refused(good.clone().without(name)), Err(Unverified::Field(name)), "{name} missing");
        assert_eq!(refused(good.clone().with(name, "")), Err(Unverified::Field(name)), "{name} empty");
        assert!(matches!(refused(good.clone().with_twice(name)), Err(Unverified::Body(_))), "{name} twice");
        let oversized = refused(good.clone().with(name, "A".repeat(20_000)));
        assert_eq!(oversized, Err(Unverified::Field(name)), "{name} oversized");
    }
}

#[test]
fn fields_hold_what_the_protocol_says() {
    for (name, value, refused) in [
        ("txnTime", "2027-01-15 16:0", Unverified::Field("txnTime")),
        ("txnTime", "20271315155900", Unverified::Field("txnTime")),
        ("txnAmt", "12.34", Unverified::Field("txnAmt")),
        ("txnAmt", "-1", Unverified::Field("txnAmt")),
        ("txnAmt", "+1", Unverified::Field("txnAmt")),
        ("merId", "777290058110049", Unverified::Foreign("merId")),
        ("orderId", "7345000000001", Unverified::Foreign("orderId")),
        ("orderId", "R7345000000001", Unverified::Foreign("orderId")),
        ("version", "5.0.0", Unverified::UnknownKey("version")),
        ("signMethod", "11", Unverified::UnknownKey("signMethod")),
    ] {
        assert_eq!(said(&notice().with(name, value)), Err(refused), "{name} {value}");
    }
}

#[test]
fn a_certificate_is_believed_by_chain_validity_and_subject() {
    let by = |certificate: &str| {
        verify(&unionpay(), &[], &signed_by(&keys().provider, certificate, &notice()).encoded()).map(|_| ())
    };
    assert_eq!(by(&papers().good), Ok(()));
    assert_eq!(by(&papers().chained), Ok(()));
    assert_eq!(by(&papers().good.replace("\r\n", "\n")), Ok(()));
    let unknown = Err(Unverified::UnknownKey("certificate"));
    assert_eq!(by(&papers().expired), unknown, "expired");
    assert_eq!(by(&papers().early), unknown, "not valid yet");
    assert_eq!(by(&papers().strange), unknown, "a stranger's chain");
    assert_eq!(by(&papers().self_signed), unknown, "no chain");
    assert_eq!(by(&papers().root), unknown, "a root signs nothing itself");
    assert_eq!(by(&keys().provider.public_pem()), unknown, "a bare key");
    assert_eq!(by("no certificate"), unknown);
    assert_eq!(by(&papers().other_subject), Err(Unverified::UnknownKey("certificate subject")));
    // Without the certificate between, the chain has a gap.
    let mut short = settings();
    short["intermediates"] = json!([]);
    let short = made(short, "").unwrap();
    let chained = signed_by(&keys().provider, &papers().chained, &notice()).encoded();
    assert_eq!(verify(&short, &[], &chained).map(|_| ()), unknown);
}

#[test]
fn a_new_key_needs_a_new_certificate_only() {
    let by = |key, certificate| verify(&unionpay(), &[], &signed_by(key, certificate, &notice()).encoded());
    assert!(by(&keys().next, &papers().rotated).is_ok());
    assert_eq!(by(&keys().next, &papers().good), Err(Unverified::Signature));
    assert_eq!(by(&keys().provider, &papers().rotated), Err(Unverified::Signature));
    assert_eq!(by(&keys().stranger, &papers().good), Err(Unverified::Signature));
    assert_eq!(by(&keys().ours, &papers().ours), Err(Unverified::UnknownKey("certificate subject")));
}

#[test]
fn no_bit_of_a_notice_can_be_changed() {
    // In a certificate only the text around the base64 could be changed without effect; the signature covers it too.
    refuses_every_flip(&unionpay(), &[], &signed(&notice()).encoded());
}

#[test]
fn what_was_not_signed_so_is_refused() {
    let form = notice().with("signPubKeyCert", &papers().good);
    let plain = form.sorted();
    let upper = hashed(&form).to_uppercase();
    for text in [plain, upper, format!("{}\n", hashed(&form)), format!("{}\r\n", hashed(&form))] {
        let body = form.clone().with("signature", keys().provider.sign(text.as_bytes())).encoded();
        assert_eq!(verify(&unionpay(), &[], &body), Err(Unverified::Signature), "{text}");
    }
    let lines = notice().with("respMsg", "one\r\ntwo");
    assert!(said(&lines).is_ok());
    let changed = signed(&lines).with("respMsg", "one\ntwo");
    assert_eq!(verify(&unionpay(), &[], &changed.encoded()), Err(Unverified::Signature));
    let one_more = signed(&notice()).with("extra", "");
    assert_eq!(verify(&unionpay(), &[], &one_more.encoded()), Err(Unverified::Signature));
    let again = Form::decoded(&signed(&notice()).encoded()).encoded();
    assert_eq!(verify(&unionpay(), &[], &again), said(&notice()));
}

#[test]
fn what_is_no_notice_is_refused() {
    refuses_what_is_no_notice(&unionpay(), &[]);
}

#[test]
fn a_wrong_account_is_named() {
    for (change, field) in [
        (json!({"merchant_id": "1"}), "settings.merchant_id"),
        (json!({"certificate": "none"}), "settings.certificate"),
        (json!({"certificate": papers().good}), "settings.certificate"),
        (json!({"roots": []}), "settings.roots"),
        (json!({"roots": [papers().root, "none"]}), "settings.roots[1]"),
        (json!({"intermediates": [""]}), "settings.intermediates[0]"),
        (json!({"signer": ""}), "settings.signer"),
        (json!({"channel": "09"}), "settings"),
        (json!({"colour": "red"}), "settings"),
    ] {
        let mut wrong = settings();
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(made(wrong, "").err().unwrap().field, field, "{change}");
    }
    assert_eq!(UnionPay::new(&terms(settings(), &[]), gateway("")).err().unwrap().field, "secrets.private_key");
}

#[test]
fn only_yuan_are_taken() {
    let takes = |currency: &str, amount| unionpay().takes(currency.parse().unwrap(), amount);
    assert!(takes("CNY", 1).is_ok() && takes("CNY", 999_999_999_999).is_ok());
    assert!(takes("CNY", 0).is_err() && takes("CNY", 1_000_000_000_000).is_err());
    assert!(takes("JPY", 100).unwrap_err().contains("CNY"));
}

/// What UnionPay checks of a request.
fn checked(asked: &Form) {
    let key = VerifyingKey::read("", &keys().ours.public_pem()).unwrap();
    let hash = hashed(&asked.clone().without("signature"));
    assert!(key.fits(hash.as_bytes(), asked.get("signature")), "{asked:?}");
    for (name, value) in
        [("merId", MERCHANT), ("version", "5.1.0"), ("signMethod", "01"), ("certId", "18446744073709551616")]
    {
        assert_eq!(asked.get(name), value);
    }
}

#[test]
fn a_payment_is_a_signed_form() {
    let offer = run(unionpay().create(&payment())).unwrap().offer.pay_params.unwrap();
    assert_eq!(offer["url"], "http://127.0.0.1:1/gateway/api/frontTransReq.do");
    let fields = offer["fields"].as_object().unwrap();
    let form = Form(fields.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect());
    checked(&form);
    for (name, value) in [
        ("txnType", "01"),
        ("orderId", "P7345000000001"),
        ("txnTime", "20270115155900"),
        ("payTimeout", "20270115162900"),
        ("txnAmt", "1234"),
        ("currencyCode", "156"),
        ("backUrl", NOTIFY_URL),
        ("channelType", "07"),
    ] {
        assert_eq!(form.get(name), value, "{name}");
    }
}

#[test]
fn it_has_no_way_to_close() {
    assert_eq!(run(unionpay().close(&payment())), CloseAnswer::CannotClose);
}

type Answers = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// A provider that answers `queryTrans.do` or `backTransReq.do` with these fields besides the common ones.
async fn answering(key: &'static TestKey, answers: Answers) -> Server {
    Server::start(move |asked: &Asked| {
        let form = Form::decoded(&asked.body);
        let (_, own) = answers.iter().find(|(path, _)| asked.path.ends_with(path)).unwrap();
        let mut answer = notice().without("queryId").without("txnAmt").without("currencyCode").without("respMsg");
        answer = answer.with("orderId", form.get("orderId")).with("txnTime", form.get("txnTime"));
        answer = own.iter().fold(answer, |answer, (name, value)| answer.with(name, *value));
        // Raw, as it answers.
        Given::ok(signed_by(key, &papers().good, &answer).sorted())
    })
    .await
}

fn asked<T>(answers: Answers, ask: impl AsyncFn(UnionPay) -> T) -> (T, Vec<Form>) {
    run(async {
        let server = answering(&keys().provider, answers).await;
        let said = ask(made(settings(), &server.url).unwrap()).await;
        let asked: Vec<_> = server.asked().iter().map(|asked| Form::decoded(&asked.body)).collect();
        asked.iter().for_each(checked);
        (said, asked)
    })
}

const QUERY: &str = "queryTrans.do";
const BACK: &str = "backTransReq.do";
const PAID: Answers = &[(
    QUERY,
    &[
        ("origRespCode", "00"),
        ("txnAmt", "1234"),
        ("currencyCode", "156"),
        ("queryId", "42"),
        ("cardTransData", "{a=1&b=2}"),
    ],
)];

#[test]
fn money_is_what_a_signed_query_says() {
    let query = async |unionpay: UnionPay| unionpay.query(&payment()).await;
    let (answer, asked_for) = asked(PAID, query);
    let receipt =
        Receipt { payment_no: payment().no, trade_no: "42".into(), amount: 1234, currency: "CNY".into(), at: NOW };
    assert_eq!(answer, QueryAnswer::Paid(receipt));
    for (name, value) in [("txnType", "00"), ("orderId", "P7345000000001"), ("txnTime", "20270115155900")] {
        assert_eq!(asked_for[0].get(name), value);
    }
    let forged = run(async {
        let server = answering(&keys().stranger, PAID).await;
        made(settings(), &server.url).unwrap().query(&payment()).await
    });
    assert!(matches!(forged, QueryAnswer::Unknown(_)), "{forged:?}");
}

#[test]
fn what_a_query_finds() {
    let query = |own: &[(&str, &str)]| {
        let base = [
            ("orderId", "P7345000000001"),
            ("txnTime", "20270115155900"),
            ("txnType", "01"),
            ("respCode", "00"),
            ("origRespCode", "00"),
            ("queryId", "42"),
            ("txnAmt", "1"),
            ("currencyCode", "156"),
        ];
        let form = own.iter().fold(Form::of(&base), |form, (name, value)| form.with(name, *value));
        let fields: Fields = form.0.into_iter().collect();
        match found(fields, PAYMENT, "P7345000000001", "20270115155900") {
            Found::Done(fields) => match receipt(&fields, PaymentNo(1), NOW) {
                Ok(receipt) => format!("paid {} {}", receipt.amount, receipt.currency),
                Err(_) => "unreadable".into(),
            },
            Found::Absent => "absent".to_owned(),
            Found::Refused(_) => "refused".into(),
            Found::Unsure(_) => "unsure".into(),
        }
    };
    for (own, wanted) in [
        (&[][..], "paid 1 CNY"),
        (&[("txnAmt", "999999999999")], "paid 999999999999 CNY"),
        (&[("currencyCode", "840")], "paid 1 840"),
        (&[("txnAmt", "0.01")], "unreadable"),
        (&[("queryId", "")], "unreadable"),
        (&[("respCode", "34"), ("origRespCode", "")], "absent"),
        (&[("origRespCode", "01")], "refused"),
        (&[("origRespCode", "03")], "unsure"),
        (&[("origRespCode", "04")], "unsure"),
        (&[("origRespCode", "05")], "unsure"),
        (&[("origRespCode", "A6")], "unsure"),
        (&[("origRespCode", "")], "unsure"),
        (&[("respCode", "05")], "unsure"),
        (&[("respCode", "A6")], "unsure"),
        (&[("txnType", "04")], "unsure"),
        (&[("orderId", "P7345000000002")], "unsure"),
        (&[("txnTime", "20270115155901")], "unsure"),
    ] {
        assert_eq!(query(own), wanted, "{own:?}");
    }
}

#[test]
fn an_answer_has_one_reading() {
    let read = |text: &str| message::read_answer(text.as_bytes()).map(|fields| form::joined(&fields));
    assert_eq!(read("b=x==&a={c=1&d=2}&e=[f=3&{]&g=\n").as_deref(), Ok("a={c=1&d=2}&b=x==&e=[f=3&{]&g="));
    assert_eq!(read("").as_deref(), Ok(""));
    for bad in ["a", "a=1&b", "=1", "a=1&a=2", "a=1&&b=2"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(message::read_answer(b"a=\xff").is_err());
}

const REFUND_ABSENT: (&str, &[(&str, &str)]) = (QUERY, &[("respCode", "34")]);

#[test]
fn a_refund_is_asked_for_then_sent_and_is_done_only_by_query() {
    const ACCEPTED: Answers = &[REFUND_ABSENT, (BACK, &[("txnType", "04"), ("respCode", "00")])];
    const WORKING: Answers = &[REFUND_ABSENT, (BACK, &[("txnType", "04"), ("respCode", "05")])];
    const REFUSED: Answers = &[REFUND_ABSENT, (BACK, &[("respCode", "36"), ("respMsg", "too much")])];
    const DONE: Answers =
        &[(QUERY, &[("txnType", "04"), ("origRespCode", "00"), ("txnAmt", "234"), ("currencyCode", "156")])];
    let send = async |unionpay: UnionPay| {
        let (payment, refund) = refund();
        unionpay.refund(&payment, &refund).await
    };
    let (answer, asked_for) = asked(ACCEPTED, send);
    assert!(matches!(answer, RefundAnswer::Pending(_)), "{answer:?}");
    for (name, value) in [
        ("txnType", "04"),
        ("orderId", "R7345000000009"),
        ("txnTime", "20270115155950"),
        ("txnAmt", "234"),
        ("origQryId", "420000000000000000001"),
        ("reqReserved", "P7345000000001"),
        ("backUrl", NOTIFY_URL),
    ] {
        assert_eq!(asked_for[1].get(name), value, "{name}");
    }
    assert!(matches!(asked(WORKING, send).0, RefundAnswer::Pending(_)));
    assert_eq!(asked(REFUSED, send).0, RefundAnswer::Stuck("36: too much".into()));
    // What is done is not sent again.
    let (answer, asked_for) = asked(DONE, send);
    assert_eq!((answer, asked_for.len()), (RefundAnswer::Succeeded, 1));
}

#[test]
fn what_a_refund_query_finds() {
    const ANOTHER: Answers =
        &[(QUERY, &[("txnType", "04"), ("origRespCode", "00"), ("txnAmt", "233"), ("currencyCode", "156")])];
    const FAILED: Answers = &[(QUERY, &[("txnType", "04"), ("origRespCode", "61"), ("origRespMsg", "no")])];
    const WORKING: Answers = &[(QUERY, &[("txnType", "04"), ("origRespCode", "04")])];
    const A_PAYMENT: Answers = &[(QUERY, &[("origRespCode", "00"), ("txnAmt", "234"), ("currencyCode", "156")])];
    let query = async |unionpay: UnionPay| {
        let (payment, refund) = refund();
        unionpay.query_refund(&payment, &refund).await
    };
    assert!(matches!(asked(ANOTHER, query).0, RefundAnswer::Stuck(_)));
    assert_eq!(asked(FAILED, query).0, RefundAnswer::Failed("61: no".into()));
    assert!(matches!(asked(WORKING, query).0, RefundAnswer::Pending(_)));
    assert!(matches!(asked(A_PAYMENT, query).0, RefundAnswer::Pending(_)));
    assert_eq!(asked(&[REFUND_ABSENT], query).0, RefundAnswer::Absent);
}
