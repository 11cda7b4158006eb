//! Calls and their answers.

use super::*;
use crate::domain::payment::{Payment, PaymentStatus};

/// Answers as the provider does: signed.
fn answered(status: u16, body: &str) -> Given {
    Given { status, headers: good(body.as_bytes()), body: body.into() }
}

async fn at(answer: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> (WeChat, Server) {
    let server = Server::start(answer).await;
    (WeChat::new(&account(), gateway(&server.url)).unwrap(), server)
}

#[test]
fn a_payment_is_announced_with_everything_the_provider_needs_and_signed() {
    run(async {
        let (wechat, server) = at(|_| answered(200, r#"{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}"#)).await;
        let opened = wechat.create(&payment()).await.unwrap();
        assert_eq!(opened.offer.qr_code.as_deref(), Some("weixin://wxpay/bizpayurl?pr=p4lpSuKzz"));
        let asked = server.asked().remove(0);
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/v3/pay/transactions/native"));
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        let wanted = json!({
            "appid": APPID, "mchid": MCHID, "description": "Order 7345000000000", "out_trade_no": "P7345000000001",
            "notify_url": NOTIFY_URL, "time_expire": "2027-01-15T16:29:00+08:00",
            "amount": { "total": 1234, "currency": "CNY" },
        });
        assert_eq!(body, wanted);
        let header = |name: &str| asked.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!(header("wechatpay-serial"), Some(PUBLIC));
        let given = header("authorization").unwrap().strip_prefix("WECHATPAY2-SHA256-RSA2048 ").unwrap();
        let part = |name: &str| {
            let (_, rest) = given.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        assert_eq!((part("mchid"), part("serial_no")), (MCHID, "3775B6A45ACD588826D15E583A95F5DD"));
        let (time, nonce) = (part("timestamp"), part("nonce_str"));
        assert_eq!(time, "1800000000");
        let sent = std::str::from_utf8(&asked.body).unwrap();
        let text = format!("POST\n/v3/pay/transactions/native\n{time}\n{nonce}\n{sent}\n");
        assert_eq!(part("signature"), keys().ours.sign(text.as_bytes()));
    });
}

#[test]
fn a_refused_announcement_is_told_from_one_that_is_not_known() {
    run(async {
        for (status, body, refused) in [
            (400, r#"{"code":"PARAM_ERROR","message":"-"}"#, true),
            (403, r#"{"code":"OUT_TRADE_NO_USED","message":"-"}"#, true),
            (400, r#"{"code":"ORDERPAID","message":"-"}"#, false),
            (202, r#"{"code":"USERPAYING","message":"-"}"#, false),
            (200, r#"{"code_url":""}"#, false),
            (200, "{}", false),
        ] {
            let (wechat, _server) = at(move |_| answered(status, body)).await;
            match wechat.create(&payment()).await {
                Err(NotOpened::Refused(reason)) => assert!(refused, "{body}: {reason}"),
                Err(NotOpened::Unknown(reason)) => assert!(!refused, "{body}: {reason}"),
                Ok(opened) => panic!("{body}: {opened:?}"),
            }
        }
    });
}

#[test]
fn an_answer_that_is_not_believed_is_no_answer() {
    run(async {
        let (payment, refund) = refund();
        let state = paid().to_string();
        let stranger = {
            let body = state.clone();
            signed(&keys().stranger, PUBLIC, NOW / 1000, body.as_bytes())
        };
        let old = signed(&keys().provider, PUBLIC, NOW / 1000 - 300, state.as_bytes());
        for (why, headers) in
            [("unsigned", vec![]), ("a stranger's", stranger), ("old", old), ("another's", good(b"{}"))]
        {
            for status in [200, 204, 404, 400] {
                let given = Given { status, headers: headers.clone(), body: state.clone().into() };
                let (wechat, _server) = at(move |_| given.clone()).await;
                let created = wechat.create(&payment).await;
                assert!(matches!(created, Err(NotOpened::Unknown(_))), "{why} {status}: {created:?}");
                assert!(matches!(wechat.query(&payment).await, QueryAnswer::Unknown(_)), "{why} {status}");
                assert!(matches!(wechat.close(&payment).await, CloseAnswer::Unknown(_)), "{why} {status}");
                assert!(matches!(wechat.refund(&payment, &refund).await, RefundAnswer::Pending(_)), "{why} {status}");
                assert!(matches!(wechat.query_refund(&payment, &refund).await, RefundAnswer::Pending(_)), "{why}");
                assert!(matches!(wechat.book("2027-01-14").await, Err(NoBook::Later(_))), "{why} {status}");
            }
        }
    });
}

#[test]
fn every_state_of_a_payment_has_its_answer() {
    run(async {
        let absent = r#"{"code":"ORDER_NOT_EXIST","message":"-"}"#;
        let with = |path: &str, value: Value| but(paid(), path, Some(value)).to_string();
        for (status, body, wanted) in [
            (200, with("trade_state", json!("SUCCESS")), QueryAnswer::Paid(receipt())),
            (200, with("trade_state", json!("REFUND")), QueryAnswer::Unknown(String::new())),
            (200, with("trade_state", json!("NOTPAY")), QueryAnswer::Unpaid),
            (200, with("trade_state", json!("USERPAYING")), QueryAnswer::Unpaid),
            (200, with("trade_state", json!("CLOSED")), QueryAnswer::Ended("CLOSED paid".into())),
            (404, absent.into(), QueryAnswer::Unpaid),
            (200, with("trade_state", json!("NEW")), QueryAnswer::Unknown(String::new())),
            (200, with("out_trade_no", json!("P42")), QueryAnswer::Unknown(String::new())),
            (200, with("mchid", json!("1")), QueryAnswer::Unknown(String::new())),
            (200, with("appid", json!("1")), QueryAnswer::Unknown(String::new())),
            (200, "[]".into(), QueryAnswer::Unknown(String::new())),
            (404, r#"{"code":"NOT_FOUND"}"#.into(), QueryAnswer::Unknown(String::new())),
            (403, absent.into(), QueryAnswer::Unknown(String::new())),
        ] {
            let text = body.clone();
            let (wechat, server) = at(move |_| answered(status, &text)).await;
            match (wechat.query(&payment()).await, wanted) {
                (QueryAnswer::Unknown(_), QueryAnswer::Unknown(_)) => {}
                (said, wanted) => assert_eq!(said, wanted, "{body}"),
            }
            assert_eq!(server.asked()[0].path, "/v3/pay/transactions/out-trade-no/P7345000000001?mchid=1900000001");
        }
        // What we know to be paid stays so, whatever of it went back.
        let text = with("trade_state", json!("REFUND"));
        let (wechat, _server) = at(move |_| answered(200, &text)).await;
        let known = Payment { status: PaymentStatus::Succeeded, ..payment() };
        assert_eq!(wechat.query(&known).await, QueryAnswer::Paid(receipt()));
    });
}

#[test]
fn a_close_that_is_declined_asks_how_it_stands() {
    run(async {
        let closed = CloseAnswer::Closed;
        let unknown = || CloseAnswer::Unknown(String::new());
        for (close, state, wanted) in [
            (204, "NOTPAY", closed.clone()),
            (400, "SUCCESS", CloseAnswer::AlreadyPaid),
            (400, "REFUND", CloseAnswer::AlreadyPaid),
            (400, "CLOSED", closed),
            (403, "USERPAYING", unknown()),
            (404, "", CloseAnswer::CannotClose),
        ] {
            let (wechat, _server) = at(move |asked| match (asked.method.as_str(), close, state) {
                ("POST", 204, _) => answered(204, ""),
                ("POST", status, _) => answered(status, r#"{"code":"SOMETHING","message":"-"}"#),
                (_, _, "") => answered(404, r#"{"code":"ORDER_NOT_EXIST","message":"-"}"#),
                (_, _, state) => answered(200, &but(paid(), "trade_state", Some(state.into())).to_string()),
            })
            .await;
            match (wechat.close(&payment()).await, wanted) {
                (CloseAnswer::Unknown(_), CloseAnswer::Unknown(_)) => {}
                (said, wanted) => assert_eq!(said, wanted, "{close} {state}"),
            }
        }
    });
}

#[test]
fn every_state_of_a_refund_has_its_answer() {
    run(async {
        let state = |status: &str, amount: i64| {
            let (payment, refund) = refund();
            json!({
                "refund_id": "50300000002027011500000001", "out_refund_no": refund.no, "out_trade_no": payment.no,
                "status": status, "amount": { "total": 1234, "refund": amount, "currency": "CNY" },
            })
        };
        let other = but(state("SUCCESS", 234), "out_refund_no", Some("R42".into()));
        for (status, body, wanted) in [
            (200, state("SUCCESS", 234), "Succeeded"),
            (200, state("PROCESSING", 234), "Pending"),
            (200, state("CLOSED", 234), "Failed"),
            (200, state("ABNORMAL", 234), "Stuck"),
            (200, state("NEW", 234), "Pending"),
            (200, state("SUCCESS", 233), "Stuck"),
            (200, other, "Pending"),
            (200, json!({}), "Pending"),
            (202, json!({}), "Pending"),
            (403, json!({ "code": "NOT_ENOUGH", "message": "-" }), "Stuck/Pending"),
            (404, json!({ "code": "RESOURCE_NOT_EXISTS", "message": "-" }), "Stuck/Absent"),
        ] {
            let text = body.to_string();
            let (wechat, server) = at(move |_| answered(status, &text)).await;
            let (payment, refund) = refund();
            let (of_refund, of_query) = wanted.split_once('/').unwrap_or((wanted, wanted));
            let said = format!("{:?}", wechat.refund(&payment, &refund).await);
            assert!(said.starts_with(of_refund), "{body}: {said}");
            let said = format!("{:?}", wechat.query_refund(&payment, &refund).await);
            assert!(said.starts_with(of_query), "{body}: {said}");
            let asked = server.asked();
            let sent: Value = serde_json::from_slice(&asked[0].body).unwrap();
            let wanted = json!({
                "out_trade_no": "P7345000000001", "out_refund_no": RefundNo(7_345_000_000_009), "notify_url": NOTIFY_URL,
                "amount": { "refund": 234, "total": 1234, "currency": "CNY" },
            });
            assert_eq!(sent, wanted);
            assert_eq!(asked[1].path, "/v3/refund/domestic/refunds/R7345000000009");
        }
    });
}

#[test]
fn a_book_is_believed_by_its_hash() {
    let bill = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n`2027-01-14 10:00:00,`wx1,`1900000001,`0,`,`4200001,`P7,`o1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`12.30,`0.00,`0,`0,`0.00,`0.00,`,`,`Order 7,`,`0.07000,`0.60%,`12.30,`0.00,`\r\n总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`1,`12.30,`0.00,`0.00,`0.07,`12.30,`0.00\r\n";
    run(async {
        for (spoil, place, good) in
            [(false, None, true), (true, None, false), (false, Some("http://127.0.0.1:1/x"), false)]
        {
            let (wechat, server) = at(move |asked| {
                if asked.path.starts_with("/v3/bill/tradebill") {
                    let host = &asked.headers.iter().find(|(name, _)| name == "host").unwrap().1;
                    let place = place.map_or(format!("http://{host}/v3/billdownload/file?token=t"), str::to_owned);
                    let hash = "60e9ea019e479a9b34c5921ee0d541b55f85d353";
                    let body = json!({ "hash_type": "SHA1", "hash_value": hash, "download_url": place });
                    return answered(200, &body.to_string());
                }
                Given::ok(if spoil { bill.replace("12.30", "12.31") } else { bill.to_owned() })
            })
            .await;
            let book = wechat.book("2027-01-14").await;
            assert_eq!(book.is_ok(), good, "{book:?}");
            if let Ok(entries) = book {
                assert_eq!((entries.len(), entries[0].kind, entries[0].amount), (1, BookKind::Payment, 1230));
                assert_eq!(server.asked()[0].path, "/v3/bill/tradebill?bill_date=2027-01-14&bill_type=ALL");
                assert_eq!(server.asked()[1].path, "/v3/billdownload/file?token=t");
            }
        }
        let (wechat, _server) = at(|_| answered(400, r#"{"code":"NO_STATEMENT_EXIST","message":"-"}"#)).await;
        assert_eq!(wechat.book("2027-01-14").await, Ok(vec![]));
        let (wechat, _server) = at(|_| answered(400, r#"{"code":"STATEMENT_CREATING","message":"-"}"#)).await;
        assert!(matches!(wechat.book("2027-01-14").await, Err(NoBook::Later(_))));
    });
}

#[test]
fn only_cny_above_zero_is_taken_and_the_words_are_the_providers() {
    let wechat = wechat();
    assert_eq!(wechat.takes("CNY".parse().unwrap(), 1), Ok(()));
    for (currency, amount) in [("USD", 1), ("HKD", 1), ("CNY", 0), ("CNY", -1)] {
        let refused = wechat.takes(currency.parse().unwrap(), amount).unwrap_err();
        assert!(refused.starts_with("WeChat Pay takes"), "{refused}");
    }
    assert_eq!(wechat.words(Verdict::Taken), "");
    for verdict in [Verdict::Unbelieved, Verdict::Refused, Verdict::Later] {
        let words: Value = serde_json::from_str(&wechat.words(verdict)).unwrap();
        assert_eq!(words["code"], "FAIL");
        assert!(words["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}
