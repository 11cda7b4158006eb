//! A top-up from its price to its credit.

use hookline_sdk::prelude::*;
use hookline_sdk::testing::{Asked, NOW, Outcome, Script, cart, item, item_request, order, quote, shop};
use hookline_sdk::types::Wait;
use hookline_topup::Topup;
use serde_json::{Value, json};

fn settings() -> Value {
    json!({"supplier_url": "https://carrier.example", "result_wait_s": 60})
}

fn topup(phone: &str) -> ItemRequest {
    let facts =
        json!({"title": "100 yuan", "face": 10_000, "price": 9_950, "carrier": "cmcc", "prefixes": ["138", "139"]});
    let mut item = item_request("cmcc-100", 1, facts);
    item.extra = vec![pair("phone", phone)];
    item
}

fn refused(items: Vec<ItemRequest>) -> Vec<(u32, String)> {
    let refusals = quote::<Topup>(&cart(settings(), [shop("t1", items)])).expect_err("a refusal");
    refusals.lines().iter().map(|line| (line.line, line.code.clone())).collect()
}

fn paid() -> Order {
    let mut item = item("cmcc-100", 1, 9_950);
    item.attributes = vec![pair("face", "10000"), pair("carrier", "cmcc")];
    item.extra = vec![pair("phone", "13800000001")];
    Order { delivery: Delivery::Credit, ..order([item]) }
}

/// The carrier has accepted.
fn accepted() -> Script {
    Script::new(&paid()).settings(settings()).reply(202, json!({"id": "tu-1"}))
}

#[test]
fn the_buyer_pays_less_than_the_face_value() {
    let quoted = quote::<Topup>(&cart(settings(), [shop("t1", [topup("13800000001")])])).expect("a price");
    insta::assert_debug_snapshot!(quoted);
}

#[test]
fn a_number_that_can_not_be_topped_up_is_refused() {
    for phone in ["", "1380000000", "138000000011", "12800000001", "1380000000x", "２３８00000001"] {
        assert_eq!(refused(vec![topup(phone)]), [(0, "bad-number".to_owned())], "{phone}");
    }
    assert_eq!(refused(vec![topup("18600000001")]), [(0, "other-carrier".to_owned())]);
}

#[test]
fn an_order_is_one_top_up() {
    let mut three = topup("13800000001");
    three.quantity = 3;
    assert_eq!(refused(vec![three]), [(0, "one-at-a-time".to_owned())]);
    assert_eq!(refused(vec![topup("13800000001"), topup("13900000001")]), [(1, "one-at-a-time".to_owned())]);
}

#[test]
fn the_carrier_is_called_once_and_its_result_awaited() {
    let played = accepted().signal("carrier-result", json!({"id": "tu-1", "result": "success", "serial": "S9"}));
    let played = played.deduct::<Topup>();
    assert_eq!(
        played.calls(),
        [
            r#"POST https://carrier.example/topups {"order":"7000000000000000200","phone":"13800000001","carrier":"cmcc","amount":10000,"currency":"CNY"}"#
        ]
    );
    let wait = Wait { signal: Some("carrier-result".to_owned()), until: NOW + 250 + 60_000, redo_last: false };
    assert_eq!(played.asked[1], Asked::Wait(wait));
    assert_eq!(played.done().attributes, [pair("topup.id", "tu-1"), pair("topup.serial", "S9")]);
}

#[test]
fn a_carrier_that_refuses_or_fails_rejects_the_order() {
    let refused = Script::new(&paid()).settings(settings()).reply(422, json!({"reason": "number is blocked"}));
    assert_eq!(refused.deduct::<Topup>().outcome, Outcome::Rejected("number is blocked".to_owned()));
    let failed = accepted().signal("carrier-result", json!({"result": "failed", "reason": "switched off"}));
    assert_eq!(failed.deduct::<Topup>().outcome, Outcome::Rejected("switched off".to_owned()));
}

#[test]
fn a_silent_carrier_is_asked_when_the_time_is_over() {
    let asked = |result: &str| accepted().time_out().reply(200, json!({"result": result})).deduct::<Topup>();
    assert_eq!(asked("success").calls()[1], "GET https://carrier.example/topups/tu-1");
    assert_eq!(asked("success").done().attributes, [pair("topup.id", "tu-1")]);
    assert!(matches!(asked("failed").outcome, Outcome::Rejected(_)));
    assert!(matches!(asked("pending").outcome, Outcome::Attention(_)));
}

#[test]
fn a_result_that_is_not_understood_needs_a_person() {
    for payload in [json!({}), json!({"result": "perhaps"}), json!({"id": "tu-2", "result": "success"})] {
        let played = accepted().signal("carrier-result", payload.clone()).deduct::<Topup>();
        assert!(matches!(played.outcome, Outcome::Attention(_)), "{payload}: {played:?}");
    }
}

#[test]
fn credit_is_delivered_and_received_at_once() {
    let shipped = Script::new(&paid()).ship::<Topup>().done();
    assert_eq!(shipped.shipments[0].progress, Progress::Delivered);
    assert_eq!(shipped.shipments[0].delivery, Delivery::Credit);
    assert_eq!(Script::new(&paid()).receive::<Topup>(&Trigger::Delivered).done(), Received::confirmed());
}
