//! How goods reach the buyer.

use hookline_goods::Goods;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{Script, item, order};
use serde_json::json;

#[test]
fn nothing_outside_is_asked() {
    let order = order([item("tea", 2, 4_000)]);
    assert_eq!(Script::new(&order).deduct::<Goods>().done(), Deducted::new());
}

#[test]
fn a_warehouse_ships_by_notice() {
    let order = order([item("tea", 2, 4_000)]);
    assert_eq!(Script::new(&order).ship::<Goods>().done(), Shipped::prepared());
}

#[test]
fn an_automatic_waybill_comes_from_the_orders_number() {
    let order = order([item("tea", 2, 4_000), item("cup", 1, 990)]);
    let played = Script::new(&order).settings(json!({"auto_waybill": {"carrier": "SF"}})).ship::<Goods>();
    let shipment = played.done().shipments.remove(0);
    assert_eq!((shipment.carrier.as_str(), shipment.waybill.as_str()), ("SF", "SF7000000000000000200"));
    assert_eq!(shipment.progress, Progress::Shipped);
    assert_eq!(shipment.items, [Packed { line: 0, quantity: 2 }, Packed { line: 1, quantity: 1 }]);
}

#[test]
fn buyer_carrier_and_timer_confirm_a_parcel() {
    let order = order([item("tea", 2, 4_000)]);
    for trigger in [Trigger::Buyer, Trigger::Delivered, Trigger::Timer] {
        assert_eq!(Script::new(&order).receive::<Goods>(&trigger).done(), Received::confirmed());
    }
}
