//! Anything that buyers, merchants, providers, carriers and clocks may do, in any order and repeated.

use std::collections::BTreeMap;

use super::super::super::aftersale::{
    self, Application, Priced, arbitrate, confirm, reject, resubmit, sent_back, withdraw,
};
use super::super::super::divide::divide;
use super::super::super::refund::Wanted;
use super::super::*;
use super::life::{Life, numbers_from, rules};
use crate::domain::aftersale::{Aftersale, AftersaleKind as Kind, AftersaleStatus as State, Evidence};
use crate::domain::fulfilment::{ExceptionKind, Packed, Shipment, ShipmentStatus};
use crate::domain::ids::AftersaleNo;

const A: AftersaleNo = AftersaleNo(500);

/// What a buyer, a merchant, a provider, a carrier and a clock may do next.
fn act(life: &mut Life, op: u8, pick: usize, quantity: u32, amount: Option<i64>) {
    let numbers: BTreeMap<usize, AftersaleNo> = life.tree.aftersales.iter().map(|a| a.no).enumerate().collect();
    let no = numbers.get(&(pick % numbers.len().max(1))).copied().unwrap_or(A);
    let items = life.shop().items.len();
    let wanted = vec![Wanted { item_no: life.shop().items[pick % items].no, quantity, amount }];
    let priced =
        |life: &Life| vec![Priced { item_no: life.shop().items[pick % items].no, amount: amount.unwrap_or(0) }];
    let pending = life.tree.refunds.iter().filter(|r| r.status == RefundStatus::Pending).nth(pick % 3).cloned();
    match op {
        0 | 1 => life.forward(),
        2 => life.ship(),
        3 => life.receive(),
        4 => drop(life.apply(Kind::Refund, wanted, vec![])),
        5 => {
            let priced = priced(life);
            drop(life.apply(Kind::Refund, vec![Wanted { amount: None, ..wanted[0] }], priced));
        }
        6 => drop(life.apply(Kind::Return, vec![Wanted { amount: None, ..wanted[0] }], vec![])),
        7 => drop(life.apply(Kind::Exchange, vec![Wanted { amount: None, ..wanted[0] }], vec![])),
        8 => drop(life.approve(no)),
        9 => drop(life.attempt(|d, _| reject(d, no, &rules(), "no"))),
        10 => drop(life.attempt(|d, _| withdraw(d, no))),
        11 => drop(life.attempt(|d, _| arbitrate(d, no))),
        12 => drop(life.attempt(|d, _| {
            let application =
                Application { no, kind: Kind::Refund, wanted, priced: vec![], reason: "x".into(), evidence: None };
            resubmit(d, application, &rules())
        })),
        13 => drop(life.attempt(|d, n| sent_back(d, no, "SF".into(), format!("B{n}"), &rules()))),
        14 => {
            drop(life.attempt(|d, n| confirm(d, no, ShipmentNo(n), "")));
            life.forward();
        }
        15 => {
            if let Some(owed) = pending {
                life.step(|d, _| undo::refunded(d, owed, &rules()));
            }
        }
        16 => {
            if let Some(owed) = pending.filter(|r| r.way == Way::Provider) {
                life.step(|d, _| refund::failed(d, owed, "no"));
            }
        }
        17 => {
            let failed = life.tree.refunds.iter().find(|r| r.status == RefundStatus::Failed && r.replaced_by.is_none());
            match failed.cloned() {
                Some(failed) if pick == 0 => life.step(|d, _| undo::refunded_by_hand(d, failed, &rules(), "in cash")),
                Some(failed) => life.step(|d, n| refund::replace(d, &failed, RefundNo(n))),
                None => {}
            }
        }
        18 => {
            life.at += 86_400_000 * i64::from(quantity + 1);
            life.deadlines();
        }
        19 if judge(Event::Undo, life.shop().status, life.shop().sub_status) == Judgement::Apply && pick == 0 => {
            life.step(|d, n| {
                let numbers = numbers_from(n);
                undo::undo(d, SHOP, &Reason::new("refused", ""), &rules(), &numbers);
            });
        }
        22 => goes_wrong(life, pick),
        24 => arrives(life, pick),
        25 => drop(life.attempt(|d, _| aftersale::parcel_arrived(d, no))),
        26 => drop(life.attempt(|d, _| {
            let evidence = Evidence { by: "buyer:li".into(), at: d.at(), text: "look".into(), links: vec![] };
            aftersale::add_evidence(d, no, evidence)
        })),
        27 => divide_one(life),
        20 => {
            let waits =
                life.tree.refunds.iter().any(Refund::is_owed) || life.tree.aftersales.iter().any(Aftersale::is_open);
            if life.shop().status == Status::Received && life.shop().sub_status == SubStatus::None && !waits {
                life.step(|d, _| settle::complete(d, SHOP, &rules()));
            }
        }
        _ => {
            let package = life.tree.shipments.iter().find(|s| s.aftersale_no.is_some()).cloned();
            if let Some(package) = package {
                let waybill = format!("N{}", life.next);
                let notice =
                    ShipNotice { shipment_no: Some(package.no), carrier: "SF".into(), waybill, by_service: false };
                drop(life.attempt(|d, _| aftersale::shipped(d, &package, &notice).map(drop)));
                let package = life.tree.shipments.iter().find(|s| s.no == package.no).unwrap().clone();
                let kind = [ExceptionKind::Lost, ExceptionKind::Refused, ExceptionKind::Delayed][pick % 3];
                if quantity == 0 {
                    drop(life.attempt(|d, _| aftersale::went_wrong(d, &package, kind, "").map(drop)));
                }
                drop(life.attempt(|d, _| aftersale::delivered(d, &package).map(drop)));
            }
        }
    }
}

/// A package is handed over; the last one asks whether the order is received.
fn arrives(life: &mut Life, pick: usize) {
    let arrives = life.tree.shipments_of(SHOP).find(|s| s.status == ShipmentStatus::Shipped).cloned();
    let takes = judge(Event::Deliver, life.shop().status, life.shop().sub_status) == Judgement::Apply;
    if let Some(shipment) = arrives.filter(|_| takes) {
        life.step(|d, _| {
            ship::delivered(d, &shipment);
        });
        let last = life.tree.shipments_of(SHOP).filter(|s| s.remains()).all(|s| s.status == ShipmentStatus::Delivered);
        if last && pick.is_multiple_of(2) {
            life.receive();
        }
    }
}

/// A package on its way is late, lost or refused.
fn goes_wrong(life: &mut Life, pick: usize) {
    let on_its_way = life.tree.shipments_of(SHOP).find(|s| s.status == ShipmentStatus::Shipped).cloned();
    let takes = judge(Event::Exception, life.shop().status, life.shop().sub_status) == Judgement::Apply;
    if let Some(shipment) = on_its_way.filter(|_| takes) {
        let kind = [ExceptionKind::Delayed, ExceptionKind::Lost, ExceptionKind::Refused][pick % 3];
        life.step(|d, n| {
            let numbers = numbers_from(n);
            exception::happened(d, &shipment, kind, "", &rules(), &numbers);
        });
    }
}

/// A waiting package of several units gives one to a package of its own.
fn divide_one(life: &mut Life) {
    let packed = life.shop().status == Status::Paid && life.shop().sub_status != SubStatus::Closing;
    let waits = |s: &&Shipment| s.status == ShipmentStatus::Created && s.items.iter().any(|p| p.quantity > 1);
    let Some(shipment) = life.tree.shipments_of(SHOP).find(waits).filter(|_| packed).cloned() else { return };
    let line = shipment.items.iter().find(|p| p.quantity > 1).map(|p| p.line).unwrap();
    let mut rest = shipment.items.clone();
    rest.iter_mut().filter(|p| p.line == line).for_each(|p| p.quantity -= 1);
    let packages = [rest, vec![Packed { line, quantity: 1 }]];
    life.step(|d, n| drop(divide(d, &shipment, &packages, &[ShipmentNo(n)])));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: nothing is refunded twice or above what was paid, stock is conserved, and an
    /// order ends with its after-sales.
    #[test]
    fn any_sequence_of_after_sales_keeps_every_invariant(
        prices in prop::collection::vec(1_i64..5_000, 1..4), wallet in 0_i64..100,
        platform in 0_i64..50, third_party in 0_i64..50,
        acts in prop::collection::vec((0_u8..29, 0_usize..6, 0_u32..3, prop::option::of(0_i64..3_000)), 1..60),
    ) {
        let goods = 2 * prices.iter().sum::<i64>();
        let made = made_less(&prices, goods * platform / 100, goods * third_party / 100);
        let balance = (made.1.pay.amounts.to_pay - 1) * wallet / 100;
        let mut life = Life::paid_for(made, balance);
        for (op, pick, quantity, amount) in acts {
            act(&mut life, op, pick, quantity, amount);
        }
    }

    /// Everything goes back, piece by piece, at any time before shipping: exactly what was paid, to the minor unit.
    #[test]
    fn pieces_refunded_before_shipping_add_up_to_what_was_paid(
        prices in prop::collection::vec(1_i64..5_000, 1..4), wallet in 0_i64..100, begun: bool,
        platform in 0_i64..50, third_party in 0_i64..50,
        pieces in prop::collection::vec((0_usize..4, 1_u32..3), 0..10),
    ) {
        let goods = 2 * prices.iter().sum::<i64>();
        let made = made_less(&prices, goods * platform / 100, goods * third_party / 100);
        let balance = (made.1.pay.amounts.to_pay - 1) * wallet / 100;
        let mut life = Life::paid_for(made, balance);
        if begun {
            life.forward();
        }
        let mut asked = pieces.into_iter().map(|(index, quantity)| life.item(index % prices.len(), quantity)).collect::<Vec<_>>();
        asked.push(vec![]);
        for wanted in asked {
            let wanted = if wanted.is_empty() { life.all() } else { wanted };
            if wanted.is_empty() || life.shop().sub_status == SubStatus::Closing || life.shop().status == Status::Closed {
                continue;
            }
            if let Ok(no) = life.apply(Kind::Refund, wanted, vec![]) {
                if life.state(no) == State::Applied {
                    life.approve(no).unwrap();
                }
                life.forward();
                life.refunds_succeed();
            }
        }
        prop_assert_eq!(life.shop().status, Status::Closed);
        prop_assert_eq!(life.back(), life.tree.pay.amounts.to_pay);
        let to_wallet: i64 = life.tree.refunds.iter().filter(|r| r.way == Way::Balance).map(|r| r.amount).sum();
        let coins: i64 = life.tree.refunds.iter().filter(|r| r.way == Way::Coins).map(|r| r.amount).sum();
        prop_assert_eq!((to_wallet, coins), (balance, 7));
        prop_assert_eq!(life.stock, [1_000, 0, 0]);
    }
}
