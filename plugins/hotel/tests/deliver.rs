//! Booking, arrival and cancellation.

use hookline_hotel::Hotel;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{Asked, NOW, Outcome, Script, item, order, refund};
use hookline_sdk::types::{Auth, Repeat};
use serde_json::{Value, json};

const HOUR: Millis = 3_600_000;

fn settings() -> Value {
    json!({
        "supplier_url": "https://hotel.example",
        "cancellation": [{"hours_before": 24, "fee_percent": 50}, {"hours_before": 72, "fee_percent": 0}]
    })
}

fn paid() -> Order {
    let mut room = item("room-12", 2, 240_000);
    room.attributes = ["kind", "checkin", "checkout", "guests"]
        .into_iter()
        .zip(["room", "2026-12-30", "2027-01-01", "4"])
        .map(|(key, value)| pair(key, value))
        .collect();
    let mut deposit = item("deposit", 2, 20_000);
    deposit.attributes = vec![pair("kind", "deposit")];
    Order { delivery: Delivery::Booking, ..order([room, deposit]) }
}

fn booked() -> Order {
    Order { attributes: vec![pair("hotel.booking", "bk-1")], ..paid() }
}

fn script(order: &Order) -> Script {
    Script::new(order).settings(settings())
}

#[test]
fn a_paid_order_is_booked_once_under_the_hosts_key() {
    let played = script(&paid()).reply(201, json!({"id": "bk-1"})).deduct::<Hotel>();
    insta::assert_snapshot!(played.calls().join("\n"), @r#"POST https://hotel.example/bookings {"order":"7000000000000000200","rooms":[{"line":0,"sku":"room-12","rooms":2,"checkin":"2026-12-30","checkout":"2027-01-01","guests":"4"}]}"#);
    let Asked::Call(call) = &played.asked[0] else { panic!("a call") };
    assert_eq!((&call.auth, call.repeat), (&Auth::Bearer("supplier-token".to_owned()), Repeat::ByKey));
    assert_eq!(played.done().attributes, [pair("hotel.booking", "bk-1")]);
}

#[test]
fn a_full_hotel_rejects_the_order() {
    for status in [409, 410] {
        let played = script(&paid()).reply(status, json!({"reason": "fully booked"})).deduct::<Hotel>();
        assert_eq!(played.outcome, Outcome::Rejected("fully booked".to_owned()));
    }
}

#[test]
fn a_supplier_that_is_down_is_asked_again() {
    let down = script(&paid()).reply(503, json!({})).deduct::<Hotel>();
    assert!(matches!(down.outcome, Outcome::Retry(_)), "{down:?}");
    let later = script(&paid()).unreachable().reply(201, json!({"id": "bk-1"})).deduct::<Hotel>();
    assert_eq!(later.calls().len(), 2);
    assert_eq!(later.done().attributes, [pair("hotel.booking", "bk-1")]);
}

#[test]
fn answers_that_nobody_agreed_on_need_a_person() {
    for played in [
        script(&paid()).reply(400, json!({})).deduct::<Hotel>(),
        script(&paid()).reply(200, json!({"ident": 7})).deduct::<Hotel>(),
    ] {
        assert!(matches!(played.outcome, Outcome::Attention(_)), "{played:?}");
    }
}

#[test]
fn the_reference_is_a_secret_of_the_shipment() {
    let played = script(&booked())
        .reply(200, json!({"status": "pending"}))
        .reply(200, json!({"status": "confirmed", "reference": "R-778"}))
        .ship::<Hotel>();
    assert_eq!(played.calls(), ["GET https://hotel.example/bookings/bk-1"; 2]);
    insta::assert_debug_snapshot!(played.done().shipments);
}

#[test]
fn a_booking_that_the_hotel_declines_rejects_the_order() {
    let declined = json!({"status": "rejected", "reason": "burst pipe"});
    let played = script(&booked()).reply(200, declined).ship::<Hotel>();
    assert_eq!(played.outcome, Outcome::Rejected("burst pipe".to_owned()));
}

#[test]
fn only_the_desk_and_the_timer_confirm() {
    let signal = Signal { name: "checked-in".to_owned(), id: "1".to_owned(), payload: r#"{"room":"1204"}"#.to_owned() };
    let arrived = script(&booked()).receive::<Hotel>(&Trigger::Signal(signal)).done();
    assert_eq!((arrived.verdict, arrived.attributes), (Verdict::Confirmed, vec![pair("hotel.room", "1204")]));
    assert_eq!(script(&booked()).receive::<Hotel>(&Trigger::Timer).done(), Received::confirmed());
    assert_eq!(script(&booked()).receive::<Hotel>(&Trigger::Buyer).done(), Received::not_yet());
    assert_eq!(script(&booked()).receive::<Hotel>(&Trigger::Delivered).done(), Received::not_yet());
}

#[test]
fn the_fee_grows_as_arrival_comes_near_and_the_deposit_always_goes_back() {
    let arrival = Date::parse("2026-12-30").expect("a day").begins(480) + 14 * HOUR;
    let refund = |now| {
        let quote = Hotel::quote_refund(&refund(&booked(), &[(0, 1), (1, 2)], now, &settings())).expect("a refund");
        quote.items.iter().map(|item| (item.amount, item.fee)).collect::<Vec<_>>()
    };
    assert_eq!(refund(NOW), [(120_000, 0), (20_000, 0)]);
    assert_eq!(refund(arrival - 72 * HOUR), [(120_000, 0), (20_000, 0)]);
    assert_eq!(refund(arrival - 72 * HOUR + 1), [(60_000, 60_000), (20_000, 0)]);
    assert_eq!(refund(arrival - 24 * HOUR + 1), [(0, 120_000), (20_000, 0)]);
}

#[test]
fn a_cancelled_stay_is_cancelled_at_the_hotel() {
    let played = script(&booked()).reply(200, json!({})).revoke::<Hotel>(&[(0, 1), (1, 1)]);
    insta::assert_snapshot!(played.calls().join("\n"), @r#"POST https://hotel.example/bookings/bk-1/cancel {"rooms":[{"line":0,"sku":"room-12","rooms":1,"checkin":"2026-12-30","checkout":"2027-01-01","guests":"4"}]}"#);
    assert_eq!(played.done(), Revoked::new());
}

#[test]
fn a_deposit_or_an_order_never_booked_is_no_matter_of_the_hotel() {
    assert_eq!(script(&booked()).revoke::<Hotel>(&[(1, 1)]).done(), Revoked::new());
    assert_eq!(script(&paid()).revoke::<Hotel>(&[(0, 1)]).done(), Revoked::new());
}

#[test]
fn a_guest_who_is_in_the_room_can_not_cancel_it() {
    let played = script(&booked()).reply(409, json!({})).revoke::<Hotel>(&[(0, 2)]);
    assert_eq!(played.outcome, Outcome::Rejected("the guest has checked in".to_owned()));
}
