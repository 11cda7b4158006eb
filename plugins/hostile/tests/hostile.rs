//! The hostile line does what it is told, and nothing else.

use hookline_hostile::Hostile;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{NOW, Outcome, Script, cart, item, item_request, order, quote, refund, shop};
use serde_json::{Value, json};

fn request(settings: Value) -> QuoteRequest {
    cart(settings, [shop("s", [item_request("a", 2, json!({"price": 500})), item_request("b", 1, json!({}))])])
}

fn told(hook: &str, behave: &str) -> Value {
    json!({"hook": hook, "behave": behave})
}

#[test]
fn without_orders_it_is_a_good_line() {
    for settings in [json!({}), told("ship", "negative-price")] {
        let quoted = quote::<Hostile>(&request(settings)).expect("a price");
        let prices: Vec<_> = quoted.shops[0].items.iter().map(|item| item.original).collect();
        assert_eq!(prices, [500, 100]);
    }
    let order = order([item("a", 2, 1_000)]);
    assert_eq!(Script::new(&order).deduct::<Hostile>().done(), Deducted::new());
    assert_eq!(Script::new(&order).ship::<Hostile>().done().shipments.len(), 1);
    assert_eq!(Script::new(&order).receive::<Hostile>(&Trigger::Timer).done(), Received::confirmed());
    let refund = Hostile::quote_refund(&refund(&order, &[(0, 1)], NOW, &json!({}))).expect("a refund");
    assert_eq!(refund.items, [Refundable { line: 0, amount: 500, fee: 0 }]);
}

#[test]
fn prices_are_spoiled_where_it_was_told() {
    let spoiled = |behave| Hostile::quote(&request(told("quote", behave))).expect("a price");
    assert_eq!(spoiled("negative-price").shops[0].items[0].original, -1);
    assert_eq!(spoiled("missing-line").shops[0].items.len(), 1);
    assert_eq!(spoiled("double-line").shops[0].items.len(), 3);
    assert_eq!(spoiled("lie-stock").shops[0].items[0].stock[0].key, "not-of-this-line");
    assert_eq!(spoiled("huge-answer").shops[0].items[0].title.len(), 1 << 20);
    assert!(Hostile::quote(&request(told("quote", "reject"))).is_err());
}

#[test]
fn steps_stop_where_it_was_told() {
    let order = order([item("a", 2, 1_000)]);
    let outcome = |behave| Script::new(&order).settings(told("deduct", behave)).deduct::<Hostile>().outcome;
    assert!(matches!(outcome("reject"), Outcome::Rejected(_)));
    assert!(matches!(outcome("retry"), Outcome::Retry(_)));
    assert!(matches!(outcome("attention"), Outcome::Attention(_)));
    let called = Script::new(&order).settings(told("ship", "call")).reply(200, json!({})).ship::<Hostile>();
    assert_eq!(called.calls(), ["POST https://supplier.example/hostile"]);
}

#[test]
#[should_panic(expected = "trap, as asked")]
fn a_trap_is_a_panic() {
    let _ = Hostile::quote(&request(told("quote", "trap")));
}

#[test]
fn an_unknown_misbehaviour_is_not_taken_for_a_good_line() {
    assert!(Hostile::quote(&request(told("quote", "be-nice"))).is_err());
}
