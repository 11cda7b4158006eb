//! Mixed payments, partial refunds, disputes and merging.

use std::sync::Arc;

use super::super::merge::{CannotMerge, merge};
use super::super::refund::{self, CannotRefund, REFUNDS, Wanted};
use super::super::unpaid::{self, CannotSettle};
use super::*;
use crate::domain::order::{Refunded, Share};
use crate::domain::payment::Arrived;
use crate::domain::resource::Account;

/// One unit of the first item that has one left, and if none has, nothing.
pub(super) fn one_unit(tree: &OrderTree) -> Vec<Wanted> {
    let left = refund::left(tree, &tree.shops[0]);
    let line = left.iter().find(|line| line.quantity > 0).and_then(|line| line.item_no);
    line.map(|item_no| Wanted { item_no, quantity: 1, amount: None }).into_iter().collect()
}

pub(super) fn refund_parts(tree: &mut OrderTree, wanted: &[Wanted], first_number: i64) -> Result<(), CannotRefund> {
    let shop = tree.shops[0].clone();
    let parts = refund::parts(&refund::left(tree, &shop), wanted)?;
    let numbers: Vec<RefundNo> = (0..REFUNDS).map(|n| RefundNo(first_number + i64::try_from(n).unwrap())).collect();
    step(tree, |d| {
        d.stay(SHOP, "refund_owed", "");
        refund::owe(d, &shop, &parts, ("", None), &numbers);
    });
    Ok(())
}

fn back(tree: &OrderTree, way: Way) -> i64 {
    tree.refunds.iter().filter(|r| r.way == way).map(|r| r.amount).sum()
}

#[test]
fn a_mixed_payment_holds_captures_and_divides_every_line() {
    let (_, mut tree) = made(&[1_000, 333]);
    let held = open(&mut tree, 60, 500);
    let buyer: crate::domain::ids::BuyerId = "li".parse().unwrap();
    assert_eq!(
        (held.transfers[0].operation.as_str(), &held.transfers[0].to),
        ("hold:P60", &Account::Held(buyer.clone()))
    );
    let payment = tree.payments[0].clone();
    assert_eq!(payment.total(), tree.pay.amounts.to_pay);
    let change = step(&mut tree, |d| pay::succeed(d, Write::Update(payment), paid(), &[ShipmentNo(70)], 20_000));
    assert!(change.transfers.iter().any(|t| t.operation == "capture:P60" && t.amount == 500));
    let shop = &tree.shops[0];
    let parts: i64 = shop.items.iter().map(|i| i.share.balance).sum::<i64>() + shop.amounts.freight_share.balance;
    assert_eq!(parts, 500, "the lines' wallet parts add up");
    undone(&mut tree, "");
    assert_eq!((back(&tree, Way::Balance), back(&tree, Way::Provider)), (500, tree.pay.amounts.to_pay - 500));
}

#[test]
fn an_attempt_that_ends_gives_its_wallet_part_back_and_pays_nothing_later() {
    let (_, mut tree) = made(&[1_000]);
    open(&mut tree, 60, 300);
    let attempt = tree.payments[0].clone();
    let change = step(&mut tree, |d| unpaid::fail(d, attempt, "declined"));
    assert_eq!(change.transfers[0].operation, "release:P60");
    let failed = tree.payments[0].clone();
    step(&mut tree, |d| unpaid::too_late(d, failed, paid(), RefundNo(80)));
    assert_eq!(tree.refunds[0].amount, tree.pay.amounts.to_pay - 300, "only what the provider took goes back");
    assert_eq!(tree.status(), Status::Created);
}

#[test]
fn a_refund_above_what_is_left_changes_nothing_and_says_what_is_left() {
    let (_, mut tree) = made(&[1_000]);
    pay_by_provider(&mut tree);
    let item = tree.shops[0].items[0].clone();
    let want = |quantity, amount| [Wanted { item_no: item.no, quantity, amount }];
    let above = |quantity, cash| Err(CannotRefund::AboveLeft { no: item.no, quantity, cash });
    assert_eq!(refund_parts(&mut tree, &want(3, None), 80), above(2, item.share.cash));
    assert_eq!(refund_parts(&mut tree, &want(0, Some(item.share.cash + 1)), 80), above(2, item.share.cash));
    assert_eq!(refund_parts(&mut tree, &want(0, None), 80), Err(CannotRefund::Nothing(item.no)));
    refund_parts(&mut tree, &want(1, None), 80).unwrap();
    let half = item.share.cash / 2;
    assert_eq!(refund_parts(&mut tree, &want(2, None), 90), above(1, item.share.cash - half));
}

#[test]
fn a_failed_refund_is_owed_again_under_a_new_number_only() {
    let (_, mut tree) = made(&[1_000]);
    pay_by_provider(&mut tree);
    undone(&mut tree, "");
    let owed = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).unwrap().clone();
    let change = step(&mut tree, |d| refund::failed(d, owed.clone(), "account closed"));
    assert_eq!(change.discrepancies.len(), 1);
    assert!(tree.shops[0].attention.is_some());
    let failed = tree.refunds.iter().find(|r| r.no == owed.no).unwrap().clone();
    step(&mut tree, |d| refund::replace(d, &failed, RefundNo(99)));
    let again = tree.refunds.iter().find(|r| r.no == RefundNo(99)).unwrap().clone();
    assert_eq!(again.amount, owed.amount);
    step(&mut tree, |d| undo::refunded(d, again, &LineRules::default()));
    assert_eq!(tree.shops[0].status, Status::Closed);
}

fn disputed(amount: i64, currency: &str) -> OrderTree {
    let (_, mut tree) = made(&[1_000]);
    open(&mut tree, 60, 0);
    let attempt = tree.payments[0].clone();
    let arrived = Arrived { amount: tree.pay.amounts.to_pay + amount, currency: currency.into() };
    let change = step(&mut tree, |d| unpaid::dispute(d, attempt, Some("T1".into()), arrived, "another amount"));
    assert_eq!(change.discrepancies[0].id(), "sandbox:default:wrong_amount:P60");
    tree
}

fn accept(tree: &mut OrderTree) -> Result<(), CannotSettle> {
    let (before, payment) = (tree.clone(), tree.payments[0].clone());
    let mut draft = Draft::new(&before, AT + 2, "operator");
    unpaid::accept_arrived(&mut draft, payment, RefundNo(80), &[ShipmentNo(70)], 20_000)?;
    *tree = draft.finish().1;
    Ok(())
}

#[test]
fn a_dispute_is_settled_by_refunding_or_by_accepting_what_arrived() {
    let mut tree = disputed(-1, "CNY");
    let payment = tree.payments[0].clone();
    step(&mut tree, |d| unpaid::refund_arrived(d, payment, RefundNo(80)).unwrap());
    assert_eq!((tree.status(), tree.refunds[0].amount), (Status::Created, tree.pay.amounts.to_pay - 1));
    assert!(tree.shops[0].attention.is_none());

    let mut less = disputed(-7, "CNY");
    let to_pay = less.pay.amounts.to_pay;
    accept(&mut less).unwrap();
    assert_eq!(
        (less.status(), less.pay.amounts.to_pay, less.paid_by().unwrap().amount),
        (Status::Paid, to_pay - 7, to_pay - 7)
    );
    let cash: i64 =
        less.shops[0].items.iter().map(|i| i.share.cash).sum::<i64>() + less.shops[0].amounts.freight_share.cash;
    assert_eq!(cash, to_pay - 7, "the shares hold what was paid");

    let mut more = disputed(9, "CNY");
    accept(&mut more).unwrap();
    assert_eq!((more.status(), more.refunds[0].amount, more.refunds[0].shop_no), (Status::Paid, 9, None));

    assert_eq!(accept(&mut disputed(0, "USD")), Err(CannotSettle::Currency));
    assert_eq!(accept(&mut less), Err(CannotSettle::OrderMoved), "once only");
}

#[test]
fn merged_orders_keep_every_share_and_hold_what_they_held() {
    let (_, one) = made(&[1_000]);
    let (_, mut two) = made(&[333]);
    two.pay.no = OrderNo(101);
    two.shops[0].no = OrderNo(102);
    two.shops[0].pay_no = OrderNo(101);
    let trees = [Arc::new(one.clone()), Arc::new(two.clone())];
    let (change, merged) = merge(&trees, OrderNo(201), vec!["sandbox".into()], AT + 1, "buyer:li").unwrap();
    assert_eq!(merged.pay.amounts.to_pay, one.pay.amounts.to_pay + two.pay.amounts.to_pay);
    assert_eq!(
        merged.shops.iter().map(|s| (s.no, s.pay_no)).collect::<Vec<_>>(),
        [(SHOP, OrderNo(201)), (OrderNo(102), OrderNo(201))]
    );
    assert_eq!(merged.shops[1].items, two.shops[0].items);
    let reason = change.pay_orders[0].row.reason.clone().unwrap();
    assert_eq!((reason.code.as_str(), reason.text.as_str()), ("merged", "201"));
    let held: i64 = change.transfers.iter().filter(|t| t.operation == "hold:coins").map(|t| t.amount).sum();
    let released: i64 = change.transfers.iter().filter(|t| t.operation == "release:coins").map(|t| t.amount).sum();
    assert_eq!((held, released), (14, 14));
    assert!(change.stock.is_empty() && change.events.is_empty(), "nothing is released");

    let same = [trees[0].clone(), trees[0].clone()];
    let refused = |trees: &[Arc<OrderTree>]| merge(trees, OrderNo(201), vec!["sandbox".into()], AT, "").unwrap_err();
    assert_eq!(refused(&same), CannotMerge::Count);
    let mut open_one = one;
    open(&mut open_one, 60, 0);
    assert_eq!(refused(&[Arc::new(open_one), trees[1].clone()]), CannotMerge::Open(OrderNo(1)));
}

proptest! {
    /// Any sequence of partial refunds, by units or by amount, and then all the rest: exactly what was paid, in the way
    /// it was paid.
    #[test]
    fn any_partial_refunds_and_the_rest_add_up_to_what_was_paid(
        prices in prop::collection::vec(1_i64..5_000, 1..5), wallet in 0_i64..100,
        wanted in prop::collection::vec((0_usize..5, 0_u32..3, prop::option::of(0_i64..3_000)), 0..12),
    ) {
        let (_, mut tree) = made(&prices);
        let balance = (tree.pay.amounts.to_pay - 1) * wallet / 100;
        pay_with(&mut tree, balance);
        for (n, (index, quantity, amount)) in wanted.into_iter().enumerate() {
            let item_no = tree.shops[0].items[index % prices.len()].no;
            let number = 1_000 + i64::try_from(n).unwrap() * 10;
            let before = tree.clone();
            if refund_parts(&mut tree, &[Wanted { item_no, quantity, amount }], number).is_err() {
                prop_assert_eq!(&before, &tree);
            }
        }
        undone(&mut tree, "");
        while let Some(owed) = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
            step(&mut tree, |d| undo::refunded(d, owed, &LineRules::default()));
        }
        prop_assert_eq!(back(&tree, Way::Balance), balance);
        prop_assert_eq!(back(&tree, Way::Provider), tree.pay.amounts.to_pay - balance);
        prop_assert_eq!(back(&tree, Way::Coins), 7);
        let shop = &tree.shops[0];
        prop_assert_eq!(shop.status, Status::Closed);
        prop_assert!(shop.items.iter().all(|i| i.refunded.quantity == i.quantity && i.refunded.cash == i.share.cash));
    }
}

#[test]
fn what_others_gave_is_earned_by_the_units_that_stay() {
    let (_, mut tree) = made(&[1_000]);
    let shop = &mut tree.shops[0];
    let item = &mut shop.items[0];
    item.share = Share { due: 300, cash: 200, third_party: 100, platform_discount: 101, ..Share::default() };
    shop.amounts.freight_share = Share { due: 500, third_party: 500, ..Share::default() };
    assert_eq!(settle::gross(shop), 200 + 201 + 500, "freight that somebody else paid is earned too");
    shop.items[0].refunded = Refunded { quantity: 1, cash: 100, ..Refunded::default() };
    assert_eq!(settle::gross(shop), 100 + 100 + 500, "one of two units went back");
    shop.items[0].refunded = Refunded { quantity: 2, cash: 200, ..Refunded::default() };
    assert_eq!(settle::gross(shop), 500, "the freight was spent");
    shop.amounts.freight_refunded.quantity = 1;
    assert_eq!(settle::gross(shop), 0);
}
