//! What a stay costs.

use hookline_hotel::Hotel;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{NOW, cart, item_request, quote, shop};
use serde_json::{Value, json};

fn settings() -> Value {
    json!({"supplier_url": "https://hotel.example"})
}

/// Two nights over New Year, in so many rooms.
fn room(rooms: u32, guests: &str) -> ItemRequest {
    let facts = json!({
        "kind": "room", "title": "Sea view", "picture": "sea.jpg", "price": 30_000,
        "calendar": {"2026-12-31": 90_000}, "occupancy": 2
    });
    stay(item_request("room-12", rooms, facts), "2026-12-30", "2027-01-01", guests)
}

fn stay(mut item: ItemRequest, checkin: &str, checkout: &str, guests: &str) -> ItemRequest {
    item.extra = vec![pair("checkin", checkin), pair("checkout", checkout), pair("guests", guests)];
    item
}

fn deposit(quantity: u32) -> ItemRequest {
    item_request("deposit", quantity, json!({"kind": "deposit", "title": "Deposit", "price": 10_000}))
}

fn codes(request: &QuoteRequest) -> Vec<(u32, String)> {
    let refusals = quote::<Hotel>(request).expect_err("a refusal");
    refusals.lines().iter().map(|line| (line.line, line.code.clone())).collect()
}

#[test]
fn each_night_has_its_price_and_its_stock() {
    let quoted = quote::<Hotel>(&cart(settings(), [shop("h1", [room(2, "4"), deposit(2)])])).expect("a price");
    insta::assert_debug_snapshot!(quoted.shops[0]);
}

#[test]
fn a_required_deposit_must_be_a_line_of_the_cart() {
    let mut settings = settings();
    settings["deposit_required"] = json!(true);
    let cart = |items: Vec<ItemRequest>| cart(settings.clone(), [shop("h1", items)]);
    assert_eq!(codes(&cart(vec![room(1, "2")])), [(0, "deposit-missing".to_owned())]);
    assert_eq!(codes(&cart(vec![room(2, "2"), deposit(1)])), [(0, "deposit-missing".to_owned())]);
    assert!(quote::<Hotel>(&cart(vec![room(2, "2"), deposit(2)])).is_ok());
}

#[test]
fn stays_that_can_not_be_are_refused() {
    let refused = |checkin, checkout, guests| {
        codes(&cart(settings(), [shop("h1", [stay(room(1, "1"), checkin, checkout, guests)])])).remove(0).1
    };
    assert_eq!(refused("2026-12-32", "2027-01-01", "1"), "bad-date");
    assert_eq!(refused("2026-12-31", "", "1"), "bad-date");
    assert_eq!(refused("2026-05-31", "2026-06-02", "1"), "past-date");
    assert_eq!(refused("2026-12-31", "2026-12-31", "1"), "bad-stay");
    assert_eq!(refused("2026-12-31", "2027-02-01", "1"), "bad-stay");
    assert_eq!(refused("2026-12-31", "2027-01-01", "none"), "bad-guests");
    assert_eq!(refused("2026-12-31", "2027-01-01", "3"), "too-many-guests");
}

#[test]
fn a_night_without_a_price_is_not_for_sale() {
    let facts = json!({"kind": "room", "title": "Attic", "calendar": {"2026-12-30": 100}, "occupancy": 1});
    let item = stay(item_request("attic", 1, facts), "2026-12-30", "2027-01-01", "1");
    assert_eq!(codes(&cart(settings(), [shop("h1", [item])])), [(0, "not-for-sale".to_owned())]);
}

#[test]
fn the_receipt_is_due_a_day_after_departure_unless_settings_say_otherwise() {
    let automatic = |settings| {
        let quoted = quote::<Hotel>(&cart(settings, [shop("h1", [room(1, "1")])])).expect("a price");
        i64::from(quoted.shops[0].auto_receive_s)
    };
    let departure = Date::parse("2027-01-01").expect("a day").begins(480);
    assert_eq!(automatic(settings()), (departure - NOW) / 1_000 + 86_400);
    assert_eq!(automatic(json!({"supplier_url": "x", "auto_receive_s": 3})), 3);
}
