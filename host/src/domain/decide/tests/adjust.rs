//! The seller lowers a price; the goods go somewhere else.

use super::super::adjust::{self, CannotAdjust, Requoted};
use super::creation::{Shop, Spec, assert_sums, next, order, shop, spec, tags};
use super::*;
use crate::domain::order::Address;

fn lower(tree: &mut OrderTree, discount: i64) -> Result<Change, CannotAdjust> {
    let mut draft = Draft::new(tree, AT + 1, "shop:s");
    adjust::reprice(&mut draft, SHOP, discount, "a good customer")?;
    adjust::pay_nothing(&mut draft, &next());
    let (change, after) = draft.finish();
    assert_eq!(tree.clone().after(&change), after);
    *tree = after;
    Ok(change)
}

#[test]
fn a_lower_price_is_the_buyers_money_and_nothing_elses() {
    let spec = Spec { platform_discount: 60, coins: 30, third_party: 20, ..spec(vec![shop(&[100, 50]), shop(&[333])]) };
    let (_, mut tree) = order(&spec);
    let before = tree.pay.amounts;
    let change = lower(&mut tree, 50).unwrap();
    assert_sums(&tree);
    let after = tree.pay.amounts;
    assert_eq!((before.to_pay - after.to_pay, before.price - after.price), (50, 50));
    assert_eq!((after.coins, after.third_party, after.platform_discount), (30, 20, 60));
    assert_eq!((tree.shops[0].amounts.reprice, tree.shops[1].amounts.reprice), (50, 0));
    assert_eq!((tags(&change), change.pay_orders.len()), (vec!["ORDER_REPRICED"], 1));
    let log = &change.operations[0];
    assert_eq!((log.operation.as_str(), log.remark.as_str(), log.level), ("reprice", "a good customer", 2));
    let own: i64 = tree.shops[0].shares().map(|share| share.cash).sum();
    assert!(own < after.to_pay, "the seller is told of its own shop order");
    assert_eq!((log.before["to_pay"].as_i64(), log.after["to_pay"].as_i64()), (Some(own + 50), Some(own)));

    assert_eq!(lower(&mut tree, 49), Err(CannotAdjust::OnlyLowers { now: 50 }));
    lower(&mut tree, 70).unwrap();
    assert_eq!(before.to_pay - tree.pay.amounts.to_pay, 70, "the discount is the total");
    open(&mut tree, 60, 0);
    assert_eq!(lower(&mut tree, 80), Err(CannotAdjust::Open(SHOP)));
}

#[test]
fn coins_never_pay_more_of_a_line_than_it_costs() {
    let (_, mut tree) = order(&Spec { coins: 600, ..spec(vec![shop(&[100])]) });
    let cash = tree.shops[0].items[0].share.cash;
    assert_eq!(lower(&mut tree, cash + 1), Err(CannotAdjust::Covered));
    let most = 200;
    assert_eq!(lower(&mut tree, most + 1), Err(CannotAdjust::TooMuch { most }), "tax and freight are not the seller's");
    lower(&mut tree, cash).unwrap();
    assert_eq!(tree.shops[0].items[0].share.cash, 0);
    assert_sums(&tree);
}

#[test]
fn an_order_that_costs_nothing_any_more_is_paid_in_that_change_unless_it_waits_for_stock() {
    let gift = Shop { freight: 0, ..shop(&[100]) };
    let priced = Spec { coins: 3, ..spec(vec![gift.clone()]) };
    let (_, mut tree) = order(&priced);
    let cash = tree.pay.amounts.to_pay;
    let change = lower(&mut tree, cash).unwrap();
    assert_eq!((tree.status(), tree.pay.amounts.to_pay, tree.payments[0].total()), (Status::Paid, 0, 0));
    assert_eq!(tags(&change), ["ORDER_REPRICED", "PAYMENT_SUCCEEDED", "ORDER_PAID", "SHIPMENT_CREATED"]);
    assert_eq!(lower(&mut tree, cash), Err(CannotAdjust::State(SHOP)));

    let (_, mut tree) = order(&Spec { shops: vec![Shop { reserving: Reserving::Later, ..gift }], ..priced });
    lower(&mut tree, cash).unwrap();
    assert_eq!((tree.status(), tree.pay.amounts.to_pay), (Status::Created, 0));
    step(&mut tree, |d| super::super::reserve::reserve(d, &next()));
    assert_eq!(tree.status(), Status::Paid);
}

proptest! {
    #[test]
    fn any_re_pricing_keeps_every_sum(
        prices in prop::collection::vec(1_i64..5_000, 1..5), other in 1_i64..5_000, coins in 0_i64..100,
        platform in 0_i64..100, discounts in prop::collection::vec(0_i64..20_000, 0..6),
    ) {
        let goods = 2 * (prices.iter().sum::<i64>() + other);
        let platform_discount = goods * platform / 100;
        let coins = (goods - platform_discount) * coins / 100;
        let (_, mut tree) = order(&Spec { platform_discount, coins, ..spec(vec![shop(&prices), shop(&[other])]) });
        let to_pay = tree.pay.amounts.to_pay;
        for discount in discounts {
            let before = tree.clone();
            if lower(&mut tree, discount).is_err() {
                prop_assert_eq!(&before, &tree);
            }
            assert_sums(&tree);
            prop_assert_eq!(to_pay - tree.pay.amounts.to_pay, tree.shops[0].amounts.reprice);
        }
    }
}

fn far() -> Address {
    Address { city: "Lhasa".into(), ..Address::default() }
}

fn send(tree: &mut OrderTree, freight: i64, taxes: &[i64]) -> Result<Change, CannotAdjust> {
    let mut draft = Draft::new(tree, AT + 1, "buyer:li");
    adjust::readdress(&mut draft, SHOP, far(), &Requoted { freight, taxes: taxes.to_vec() })?;
    let (change, after) = draft.finish();
    *tree = after;
    Ok(change)
}

#[test]
fn another_address_costs_its_freight_and_tax_before_payment() {
    let (_, mut tree) = order(&Spec { coins: 300, ..spec(vec![shop(&[100, 50]), shop(&[1])]) });
    let before = tree.clone();
    let change = send(&mut tree, 900, &[5, 0]).unwrap();
    assert_sums(&tree);
    assert_eq!(tree.pay.amounts.to_pay - before.pay.amounts.to_pay, 400 + 2 - 3);
    assert_eq!(tree.pay.amounts.price, before.pay.amounts.price, "goods cost what they cost");
    assert_eq!(tree.shops[0].facts.address, Some(far()));
    assert_eq!(change.items.len(), 2);
    let event = &change.events[0];
    assert!(event.tag == "ORDER_ADDRESS_CHANGED" && !event.body.contains("Lhasa"), "{}", event.body);
    assert_eq!(change.operations[0].after["address"]["city"], "Lhasa");
    assert_eq!(send(&mut tree, 0, &[5, 0]), Err(CannotAdjust::Covered), "the coins pay a part of the freight");
}

#[test]
fn a_paid_order_goes_elsewhere_only_for_the_same_price_and_before_it_is_packed() {
    let (_, mut tree) = order(&spec(vec![shop(&[100])]));
    pay_by_provider(&mut tree);
    assert_eq!(send(&mut tree, 501, &[3]), Err(CannotAdjust::ChangesPrice));
    assert_eq!(send(&mut tree, 500, &[4]), Err(CannotAdjust::ChangesPrice));
    let version = tree.pay.version;
    let change = send(&mut tree, 500, &[3]).unwrap();
    assert_eq!((tree.pay.version, change.items.len()), (version + 1, 0), "a version of its own for the snapshot");
    step(&mut tree, |d| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
    send(&mut tree, 500, &[3]).unwrap();
    step(&mut tree, |d| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
    assert_eq!(send(&mut tree, 500, &[3]), Err(CannotAdjust::Shipped(SHOP)));
    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into(), by_service: false };
    step(&mut tree, |d| ship::shipped(d, SHOP, &notice).unwrap());
    assert_eq!(send(&mut tree, 500, &[3]), Err(CannotAdjust::Shipped(SHOP)));
}
