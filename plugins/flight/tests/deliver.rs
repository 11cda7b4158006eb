//! Ticketing, flying and giving tickets back.

use hookline_flight::Flight;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{Asked, NOW, Outcome, Script, item, order, refund};
use serde_json::{Value, json};

const HOUR: Millis = 3_600_000;

fn settings() -> Value {
    json!({"supplier_url": "https://air.example", "poll_s": 5, "give_up_s": 60})
}

fn paid() -> Order {
    let departs = (NOW + 48 * HOUR).to_string();
    let mut tickets = item("HL123-0603", 2, 170_000);
    tickets.tax = 10_000;
    tickets.attributes = vec![
        pair("flight", "HL123"),
        pair("class", "economy"),
        pair("departs-at", departs),
        pair("refund-fee-percent", "40"),
        pair("change-fee-percent", "10"),
    ];
    tickets.extra = vec![pair("passengers", r#"[{"name":"Ada","id":"E1"},{"name":"Bo","id":"E2"}]"#)];
    Order { delivery: Delivery::Ticket, ..order([tickets]) }
}

fn ticketed() -> Order {
    Order { attributes: vec![pair("flight.ticketing", "tk-1")], ..paid() }
}

fn script(order: &Order) -> Script {
    Script::new(order).settings(settings())
}

#[test]
fn ticketing_is_polled_until_the_tickets_are_issued() {
    let played = script(&paid())
        .reply(202, json!({"id": "tk-1"}))
        .reply(200, json!({"status": "pending"}))
        .reply(200, json!({"status": "pending"}))
        .reply(200, json!({"status": "issued", "tickets": [{"number": "781-1"}, {"number": "781-2"}]}))
        .ship::<Flight>();
    insta::assert_snapshot!(played.calls().join("\n"), @r#"
    POST https://air.example/tickets {"order":"7000000000000000200","segments":[{"line":0,"flight":"HL123","class":"economy","passengers":[{"name":"Ada","id":"E1"},{"name":"Bo","id":"E2"}]}]}
    GET https://air.example/tickets/tk-1
    GET https://air.example/tickets/tk-1
    GET https://air.example/tickets/tk-1
    "#);
    assert_eq!(played.asked.iter().filter(|asked| matches!(asked, Asked::Wait(wait) if wait.redo_last)).count(), 2);
    let shipped = played.done();
    assert_eq!(shipped.attributes, [pair("flight.ticketing", "tk-1")]);
    insta::assert_debug_snapshot!(shipped.shipments);
}

#[test]
fn a_ticketing_that_hangs_needs_a_person() {
    let played = script(&paid())
        .reply(202, json!({"id": "tk-1"}))
        .reply(200, json!({"status": "pending"}))
        .after(60_000)
        .reply(200, json!({"status": "pending"}))
        .ship::<Flight>();
    assert!(matches!(played.outcome, Outcome::Attention(_)), "{played:?}");
}

#[test]
fn an_airline_that_declines_rejects_the_order() {
    let sold_out = script(&paid()).reply(409, json!({"reason": "sold out"})).ship::<Flight>();
    assert_eq!(sold_out.outcome, Outcome::Rejected("sold out".to_owned()));
    let failed = script(&paid())
        .reply(202, json!({"id": "tk-1"}))
        .reply(200, json!({"status": "failed", "reason": "name on the no-fly list"}))
        .ship::<Flight>();
    assert_eq!(failed.outcome, Outcome::Rejected("name on the no-fly list".to_owned()));
}

#[test]
fn a_passenger_refunded_before_ticketing_gets_no_ticket() {
    let mut order = paid();
    order.items[0].refunded = 1;
    let played = script(&order).reply(409, json!({})).ship::<Flight>();
    assert!(!played.calls()[0].contains("Bo"), "{:?}", played.calls());
}

#[test]
fn flying_and_the_timer_confirm_but_not_the_buyer() {
    let receive = |trigger: Trigger| script(&ticketed()).receive::<Flight>(&trigger).done().verdict;
    let signal =
        |name: &str| Trigger::Signal(Signal { name: name.to_owned(), id: "1".to_owned(), payload: "{}".to_owned() });
    assert_eq!(receive(signal("flown")), Verdict::Confirmed);
    assert_eq!(receive(Trigger::Timer), Verdict::Confirmed);
    assert_eq!(receive(signal("delayed")), Verdict::NotYet);
    assert_eq!(receive(Trigger::Buyer), Verdict::NotYet);
    assert_eq!(receive(Trigger::Delivered), Verdict::NotYet);
}

#[test]
fn each_fare_class_keeps_its_fee_and_taxes_go_back() {
    let refund = |reason: &str, now| {
        let request = RefundRequest { reason: reason.to_owned(), ..refund(&ticketed(), &[(0, 1)], now, &settings()) };
        let quote = Flight::quote_refund(&request).expect("a refund");
        (quote.items[0].amount, quote.items[0].fee)
    };
    assert_eq!(refund("illness", NOW), (53_000, 32_000), "85000 with 5000 tax, 40 % of the fare kept");
    assert_eq!(refund("change", NOW), (77_000, 8_000));
    assert_eq!(refund("illness", NOW + 48 * HOUR), (0, 85_000), "the flight has left");
}

#[test]
fn tickets_are_given_back_to_the_airline() {
    let played = script(&ticketed()).reply(200, json!({})).revoke::<Flight>(&[(0, 1)]);
    assert_eq!(played.calls(), [r#"POST https://air.example/tickets/tk-1/refund {"lines":[{"line":0,"quantity":1}]}"#]);
    assert_eq!(played.done(), Revoked::new());
    let used = script(&ticketed()).reply(409, json!({})).revoke::<Flight>(&[(0, 1)]);
    assert_eq!(used.outcome, Outcome::Rejected("the ticket was used".to_owned()));
}
