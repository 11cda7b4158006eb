//! Each invariant of a step, broken once.

use super::*;
use crate::domain::hook::{Answer, Auth, DeliverySecret, Packed, Repeat};
use crate::plugin::sample;

fn frame(entries: usize) -> OrderFrame {
    let entry = JournalEntry { at: 5_000, answer: Answer::TimedOut };
    OrderFrame::of(&sample::order(2), 1_000, &vec![entry; entries], 16)
}

fn request() -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        url: "https://supplier.example/book".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{}".to_vec(),
        auth: Auth::None,
        repeat: Repeat::ByKey,
        timeout_ms: 0,
    }
}

fn shipment(items: &[(u32, u32)]) -> Shipment {
    Shipment {
        items: items.iter().map(|&(line, quantity)| Packed { line, quantity }).collect(),
        delivery: Delivery::Parcel,
        progress: Progress::Prepared,
        carrier: String::new(),
        waybill: String::new(),
        secrets: vec![],
        attributes: vec![],
    }
}

fn ship(shipments: Vec<Shipment>) -> Result<Step<Shipped>, Refusal> {
    frame(0).shipped(Step::Done(Shipped { shipments, ..Shipped::default() }))
}

#[test]
fn shipments_cover_what_was_bought_exactly() {
    assert!(ship(vec![]).is_ok());
    assert!(ship(vec![shipment(&[(0, 1)]), shipment(&[(1, 1)])]).is_ok());
    for bad in [
        vec![shipment(&[(0, 1)])],
        vec![shipment(&[(0, 1), (1, 2)])],
        vec![shipment(&[(0, 1), (1, 1), (2, 1)])],
        vec![shipment(&[(0, 1), (1, 1)]), shipment(&[])],
        vec![shipment(&[(0, 0), (0, 1), (1, 1)])],
    ] {
        assert!(matches!(ship(bad), Err(Refusal::Bad(_))));
    }
}

#[test]
fn a_parcel_on_its_way_has_a_waybill() {
    let mut sent = shipment(&[(0, 1), (1, 1)]);
    sent.progress = Progress::Shipped;
    assert_eq!(ship(vec![sent.clone()]), Err(BadOutput::Waybill.into()));
    (sent.carrier, sent.waybill) = ("sf".into(), "1".into());
    sent.secrets = vec![DeliverySecret { name: "pin".into(), value: "1234".into() }];
    assert!(ship(vec![sent.clone()]).is_ok());
    sent.secrets[0].value = "x".repeat(4_097);
    assert!(ship(vec![sent]).is_err());
}

#[test]
fn requests_are_sane() {
    let call = |change: fn(&mut HttpRequest)| {
        let mut request = request();
        change(&mut request);
        frame(0).deducted(Step::Call(request))
    };
    assert!(call(|_| ()).is_ok());
    assert!(call(|r| r.method = "TRACE".into()).is_err());
    assert!(call(|r| r.url = "file:///etc/passwd".into()).is_err());
    assert!(call(|r| r.headers[0].1 = "a\r\nx: y".into()).is_err());
    assert!(call(|r| r.headers[0].0 = "a b".into()).is_err());
    assert!(call(|r| r.timeout_ms = 30_001).is_err());
    assert!(matches!(call(|r| r.body = vec![0; 40_000]), Err(Refusal::TooLarge(_))));
}

#[test]
fn a_hook_makes_sixteen_calls_and_every_wait_ends() {
    assert!(frame(15).deducted(Step::Call(request())).is_ok());
    assert!(matches!(frame(16).deducted(Step::Call(request())), Err(Refusal::Bad(BadOutput::TooMany(_)))));
    let wait = |entries, until, redo_last, signal: Option<&str>| {
        frame(entries).deducted(Step::Wait(Wait { signal: signal.map(Into::into), until, redo_last }))
    };
    assert!(wait(0, 60_000, false, Some("carrier-result")).is_ok());
    assert!(wait(1, 60_000, true, None).is_ok());
    assert!(wait(0, 60_000, true, None).is_err());
    assert!(wait(0, i64::MAX, false, None).is_err());
    assert!(wait(0, -1, false, None).is_err());
    assert!(wait(0, 1, false, Some("Not A Name")).is_err());
    assert!(wait(16, 1, false, None).is_err());
}

#[test]
fn attributes_stay_within_the_orders_limit_after_the_merge() {
    let mut order = sample::order(1);
    order.attributes = vec![("old".into(), "x".repeat(5_000))];
    let frame = OrderFrame::of(&order, 0, &[], 16);
    let done = |attributes: Pairs| frame.deducted(Step::Done(Deducted { attributes, ..Deducted::default() }));
    assert!(done(vec![("new".into(), "x".repeat(3_000))]).is_ok());
    assert!(done(vec![("new".into(), "x".repeat(4_000))]).is_err());
    assert!(done(vec![("new".into(), "x".repeat(4_000)), ("old".into(), String::new())]).is_ok());
}
