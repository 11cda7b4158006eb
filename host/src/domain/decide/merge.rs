//! One payment for several unpaid orders of a buyer: a new pay order takes their shop orders over, with everything they
//! hold and every share as it is. Nothing is priced again and nothing is released.

use std::sync::Arc;

use crate::domain::change::{Change, Flow, Guarded, Timer, TimerKey, TimerKind};
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::money::{Overflow, sum};
use crate::domain::order::{Mode, PayAmounts, PayFacts, PayOrder, Reason, Sequences, ShopOrder, Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::resource::CouponState;
use crate::domain::tree::OrderTree;

use super::hold;

/// The reason of a pay order that was merged away; its text is the number of the one it went into.
pub const MERGED: &str = "merged";
/// Pay orders that are merged at a time.
pub const MERGED_MAX: usize = 20;
/// Shop orders that a merged order has at most: every change of it reads and writes them together.
pub const MERGED_SHOPS_MAX: usize = 100;

/// Why orders cannot be paid together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotMerge {
    /// One order, or one named twice, or too many.
    #[error("name 2 to {MERGED_MAX} different pay orders")]
    Count,
    /// Not waiting for payment.
    #[error("order {0} does not wait for payment")]
    State(OrderNo),
    /// Its stock is not held yet.
    #[error("order {0} still waits for its stock; try again in a moment")]
    StockPending(OrderNo),
    /// A payment is open.
    #[error("order {0} has an open payment that could not be closed")]
    Open(OrderNo),
    /// An operator settles a payment of it; the mark of that would stay on what moves away.
    #[error("order {0} has a disputed payment; an operator settles it first")]
    Disputed(OrderNo),
    /// More shop orders than one pay order takes.
    #[error("a merged order has at most {MERGED_SHOPS_MAX} shop orders")]
    TooLarge,
    /// Another buyer, currency or value of coins.
    #[error("order {0} has another buyer, currency or coin value than the first")]
    Other(OrderNo),
    /// No payment method takes all of them.
    #[error("no payment method takes all of these orders")]
    NoMethod,
    /// Too much money.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// The change that merges the orders into a pay order of number `no`, and the order it makes. `methods` are those that
/// take every shop order through one account.
pub fn merge(
    trees: &[Arc<OrderTree>],
    no: OrderNo,
    methods: Vec<String>,
    at: Millis,
    actor: &str,
) -> Result<(Change, OrderTree), CannotMerge> {
    let (first, rest) = trees.split_first().ok_or(CannotMerge::Count)?;
    check(first, rest)?;
    if methods.is_empty() {
        return Err(CannotMerge::NoMethod);
    }
    let expire_time = trees.iter().filter_map(|t| t.pay.expire_time).min();
    let pay = PayOrder {
        no,
        buyer: first.pay.buyer.clone(),
        status: Status::Created,
        sub_status: SubStatus::StockReserved,
        version: 0,
        mode: Mode::Wait,
        currency: first.pay.currency,
        amounts: amounts(trees)?,
        expire_time,
        reason: None,
        sequences: Sequences::default(),
        created_at: at,
        paid_at: None,
        paid_by: None,
        updated_at: at,
        facts: facts(trees, methods),
    };
    let mut change = Change { at, new_pay_orders: vec![pay.clone()], ..Change::default() };
    let mut shops: Vec<ShopOrder> = vec![];
    for tree in trees {
        end(&mut change, tree, no, at);
        hand_over(&mut change, tree, &pay);
        for before in &tree.shops {
            let mut row = before.clone();
            (row.pay_no, row.version, row.expire_time, row.updated_at) = (no, before.version + 1, expire_time, at);
            row.facts.quoted_under.get_or_insert(before.pay_no);
            let state = (row.status, row.sub_status);
            change.flows.push(Flow {
                shop_no: row.no,
                version: row.version,
                event: "merge".into(),
                from: Some(state),
                to: state,
                ignored: false,
                at,
                actor: actor.to_owned(),
                note: format!("{} -> {no}", tree.pay.no),
            });
            shops.push(row.clone());
            change.shop_orders.push(Guarded { version: before.version, status: before.status, row });
        }
    }
    hold::coins(&mut change, &pay);
    let key = TimerKey { subject: no, kind: TimerKind::PayTimeout };
    change.arm.extend(expire_time.map(|due| Timer { key, due, attempt: 0 }));
    shops.sort_by_key(|shop| shop.no);
    Ok((change, OrderTree { pay, shops, payments: vec![], refunds: vec![], shipments: vec![], aftersales: vec![] }))
}

fn check(first: &OrderTree, rest: &[Arc<OrderTree>]) -> Result<(), CannotMerge> {
    let same = |t: &OrderTree| {
        let (a, b) = (&first.pay, &t.pay);
        a.buyer == b.buyer && a.currency == b.currency && a.facts.coin_value == b.facts.coin_value
    };
    if rest.is_empty() || rest.len() >= MERGED_MAX {
        return Err(CannotMerge::Count);
    }
    if first.shops.len() + rest.iter().map(|t| t.shops.len()).sum::<usize>() > MERGED_SHOPS_MAX {
        return Err(CannotMerge::TooLarge);
    }
    for (index, tree) in std::iter::once(first).chain(rest.iter().map(|t| &**t)).enumerate() {
        let no = tree.pay.no;
        if index > 0 && (first.pay.no == no || rest[..index - 1].iter().any(|t| t.pay.no == no)) {
            return Err(CannotMerge::Count);
        }
        let waits = tree.pay.status == Status::Created
            && tree.pay.sub_status != SubStatus::Cancelling
            && tree.pay.mode == Mode::Wait;
        if !waits {
            return Err(CannotMerge::State(no));
        }
        if tree.stock_pending() {
            return Err(CannotMerge::StockPending(no));
        }
        if tree.payments.iter().any(|p| p.status == PaymentStatus::Disputed) {
            return Err(CannotMerge::Disputed(no));
        }
        if tree.payments.iter().any(Payment::is_open) {
            return Err(CannotMerge::Open(no));
        }
        if !same(tree) {
            return Err(CannotMerge::Other(no));
        }
    }
    Ok(())
}

fn amounts(trees: &[Arc<OrderTree>]) -> Result<PayAmounts, Overflow> {
    let total = |part: fn(&PayAmounts) -> i64| sum(trees.iter().map(|t| part(&t.pay.amounts)));
    Ok(PayAmounts {
        price: total(|a| a.price)?,
        quantity: total(|a| a.quantity)?,
        platform_discount: total(|a| a.platform_discount)?,
        freight: total(|a| a.freight)?,
        tax: total(|a| a.tax)?,
        coins: total(|a| a.coins)?,
        coins_value: total(|a| a.coins_value)?,
        third_party: total(|a| a.third_party)?,
        to_pay: total(|a| a.to_pay)?,
        // What left one order is not brought back by what another brings: they are of different coupons.
        split_off: total(|a| a.split_off.max(0))?,
    })
}

/// The first order's facts, with the coupons and promotions of all.
fn facts(trees: &[Arc<OrderTree>], methods: Vec<String>) -> PayFacts {
    let first = &trees[0].pay.facts;
    let same_out_id = trees.iter().all(|t| t.pay.facts.out_id == first.out_id);
    PayFacts {
        methods,
        coupons: trees.iter().flat_map(|t| t.pay.facts.coupons.clone()).collect(),
        promotions: trees.iter().flat_map(|t| t.pay.facts.promotions.clone()).collect(),
        catalogue_revision: trees.iter().map(|t| t.pay.facts.catalogue_revision).max().unwrap_or(0),
        out_id: first.out_id.clone().filter(|_| same_out_id),
        ..first.clone()
    }
}

/// The old pay order ends without its shop orders.
fn end(change: &mut Change, tree: &OrderTree, into: OrderNo, at: Millis) {
    let mut row = tree.pay.clone();
    row.status = Status::Cancelled;
    row.sub_status = SubStatus::None;
    row.version += 1;
    row.expire_time = None;
    row.reason = Some(Reason::new(MERGED, into.to_string()));
    row.updated_at = at;
    change.disarm.push(TimerKey { subject: row.no, kind: TimerKind::PayTimeout });
    if row.amounts.to_pay == 0 {
        change.disarm.push(TimerKey { subject: row.no, kind: TimerKind::Reserve });
    }
    change.pay_orders.push(Guarded { version: tree.pay.version, status: tree.pay.status, row });
}

/// Coupons and coins that the old order holds are held by the new one, in this very change.
fn hand_over(change: &mut Change, tree: &OrderTree, into: &PayOrder) {
    let codes = || tree.pay.facts.coupons.iter().chain(tree.shops.iter().flat_map(|s| &s.facts.coupons));
    hold::coupons(change, &tree.pay, codes(), CouponState::Locked, CouponState::Free);
    hold::coupons(change, into, codes(), CouponState::Free, CouponState::Locked);
    hold::release_coins(change, &tree.pay, "release:coins".into(), tree.pay.amounts.coins);
}
