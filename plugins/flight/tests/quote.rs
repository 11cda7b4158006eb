//! What tickets cost.

use hookline_flight::Flight;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{NOW, cart, item_request, quote, shop};
use serde_json::{Value, json};

const HOUR: Millis = 3_600_000;

fn tickets(class: &str, passengers: &Value) -> ItemRequest {
    let facts = json!({
        "title": "Hangzhou – Chengdu", "flight": "HL123", "departs_at": NOW + 48 * HOUR, "tax": 5_000,
        "fares": {
            "economy": {"price": 80_000, "refund_fee_percent": 40, "change_fee_percent": 10},
            "light": {"price": 60_000}
        }
    });
    let count = u32::try_from(passengers.as_array().map_or(0, Vec::len)).expect("few").max(1);
    let mut item = item_request("HL123-0603", count, facts);
    item.extra = vec![pair("class", class), pair("passengers", passengers.to_string())];
    item
}

fn two() -> Value {
    json!([{"name": "Ada", "id": "E1"}, {"name": "Bo", "id": "E2"}])
}

fn quoted(item: ItemRequest) -> Result<Quoted, Refusals> {
    quote::<Flight>(&cart(json!({"supplier_url": "https://air.example"}), [shop("air", [item])]))
}

fn refused(item: ItemRequest) -> String {
    quoted(item).expect_err("a refusal").lines()[0].code.clone()
}

#[test]
fn fare_and_taxes_count_for_each_passenger() {
    let quoted = quoted(tickets("economy", &two())).expect("a price");
    insta::assert_debug_snapshot!(quoted.shops[0]);
}

#[test]
fn a_class_must_be_one_of_the_flight() {
    assert_eq!(refused(tickets("first", &two())), "unknown-class");
}

#[test]
fn each_ticket_needs_a_passenger_of_its_own() {
    for passengers in [
        json!([]),
        json!("Ada"),
        json!([{"name": "Ada"}]),
        json!([{"name": " ", "id": "E1"}]),
        json!([{"name": "Ada", "id": "E1"}, {"name": "Bo", "id": "E1"}]),
    ] {
        assert_eq!(refused(tickets("light", &passengers)), "bad-passengers", "{passengers}");
    }
    let mut one_short = tickets("light", &two());
    one_short.quantity = 3;
    assert_eq!(refused(one_short), "bad-passengers");
}

#[test]
fn a_flight_closes_an_hour_before_departure() {
    let mut request = cart(json!({"supplier_url": "x"}), [shop("air", [tickets("light", &two())])]);
    request.now = NOW + 47 * HOUR;
    assert!(quote::<Flight>(&request).is_ok());
    request.now += 1;
    assert_eq!(quote::<Flight>(&request).expect_err("a refusal").lines()[0].code, "closed");
}
