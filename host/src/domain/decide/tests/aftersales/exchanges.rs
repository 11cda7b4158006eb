//! After-sales that end otherwise than they were asked for: exchanges without new goods, suppliers that refuse.

use super::life::Life;
use super::*;
use crate::domain::decide::aftersale::{Moved, into_return, not_revoked};
use crate::domain::fulfilment::{ExceptionKind, Shipment, ShipmentStatus};
use crate::domain::ids::AftersaleNo;

/// One of two units is back at the merchant, and the new one waits to be sent.
fn reshipping() -> (Life, AftersaleNo) {
    let mut life = Life::received(&[1_000]);
    let no = life.apply(Kind::Exchange, life.item(0, 1), vec![]).unwrap();
    life.approve(no).unwrap();
    life.step(|d, _| sent_back(d, no, "SF".into(), "BACK".into(), &rules()).unwrap());
    life.step(|d, n| confirm(d, no, ShipmentNo(n), "").unwrap());
    assert_eq!((life.state(no), life.stock), (State::Reshipping, [998, 0, 2]));
    (life, no)
}

fn package(life: &Life, no: AftersaleNo) -> Shipment {
    life.tree.shipments.iter().find(|s| s.aftersale_no == Some(no)).unwrap().clone()
}

fn sent(life: &mut Life, no: AftersaleNo) {
    let package = package(life, no);
    let notice =
        ShipNotice { shipment_no: Some(package.no), carrier: "SF".into(), waybill: "NEW".into(), by_service: false };
    life.step(|d, _| assert_eq!(aftersale::shipped(d, &package, &notice).unwrap(), Moved::Yes));
}

/// The money of the unit goes back, and the order goes on.
fn ends_with_money(mut life: Life, no: AftersaleNo) {
    life.forward();
    life.refunds_succeed();
    assert_eq!((life.state(no), life.shop().status), (State::Refunded, Status::Received));
    assert_eq!(life.back(), life.shop().items[0].share.cash / 2);
}

#[test]
fn new_goods_that_are_lost_or_refused_are_money_instead() {
    for (kind, stock) in [(ExceptionKind::Lost, [998, 0, 2]), (ExceptionKind::Refused, [999, 0, 1])] {
        let (mut life, no) = reshipping();
        sent(&mut life, no);
        let package = package(&life, no);
        life.step(|d, _| assert_eq!(aftersale::went_wrong(d, &package, kind, "").unwrap(), Moved::Yes));
        assert_eq!(life.stock, stock, "{kind}: what is lost stays sold");
        ends_with_money(life, no);
    }
}

#[test]
fn new_goods_that_nobody_sends_are_money_instead() {
    let (mut life, no) = reshipping();
    life.at = life.tree.aftersales[0].deadline.unwrap();
    life.deadlines();
    assert_eq!((package(&life, no).status, life.stock), (ShipmentStatus::Cancelled, [999, 0, 1]));
    ends_with_money(life, no);
}

#[test]
fn new_goods_are_received_when_their_time_is_over() {
    let (mut life, no) = reshipping();
    sent(&mut life, no);
    life.at = life.tree.aftersales[0].deadline.unwrap();
    life.deadlines();
    assert_eq!((life.state(no), life.back()), (State::Exchanged, 0));
}

#[test]
fn an_exchange_of_what_is_out_of_stock_is_a_return() {
    let mut life = Life::received(&[1_000]);
    let before = life.stock;
    let no = life.apply(Kind::Exchange, life.item(0, 1), vec![]).unwrap();
    life.step(|d, n| {
        into_return(d, no).unwrap();
        approve(d, no, &rules(), ShipmentNo(n), "").unwrap();
    });
    assert_eq!((life.tree.aftersales[0].kind, life.state(no), life.stock), (Kind::Return, State::Approved, before));
    life.step(|d, _| sent_back(d, no, "SF".into(), "BACK".into(), &rules()).unwrap());
    assert_eq!(life.back(), 0, "the goods first");
    life.step(|d, n| confirm(d, no, ShipmentNo(n), "").unwrap());
    ends_with_money(life, no);
}

#[test]
fn what_a_supplier_does_not_take_back_is_rejected_and_the_order_goes_on() {
    let mut life = Life::received(&[1_000]);
    let no = life.apply(Kind::Refund, life.all(), vec![]).unwrap();
    life.step(|d, n| approve(d, no, &rules(), ShipmentNo(n), "").unwrap());
    life.step(|d, _| {
        d.stay(SHOP, "revoke", "");
        not_revoked(d, no, &rules(), "the stay has begun").unwrap();
    });
    assert_eq!((life.state(no), life.back(), life.shop().status), (State::Rejected, 0, Status::Received));
    life.forward();
    assert_eq!(life.back(), 0);
}
