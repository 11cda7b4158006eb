//! Taking one unpaid shop order out of its pay order: a new pay order takes it over with its stored shares. The inverse
//! of [`super::merge`]: nothing is priced again and nothing is released.
//!
//! The shop's coupons go along. Platform coupons stay with the old pay order, which remembers how much of their discount
//! left ([`PayAmounts::split_off`]): as long as some did, they are used up when that order ends, not given back. A merge
//! does not undo that, as it cannot tell whose coupon what comes back belongs to.

use crate::domain::change::{Change, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::money::{Overflow, sum};
use crate::domain::order::{Mode, PayAmounts, PayFacts, PayOrder, Sequences, Share, ShopOrder, Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::resource::CouponState;
use crate::domain::tree::OrderTree;

use super::hold;

/// Why a shop order cannot be taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSplit {
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
    /// There is nothing to take it out of.
    #[error("{0} is the only shop order of its pay order")]
    Only(OrderNo),
    /// One of the two would have nothing to pay, and nothing would ever pay it.
    #[error("order {0} cannot be taken out: one of the two orders would have nothing to pay")]
    NothingToPay(OrderNo),
    /// No payment method takes it.
    #[error("no payment method takes this order alone")]
    NoMethod,
    /// Sums that are not right: a bug.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// What a split comes to.
#[derive(Debug)]
pub struct Split {
    /// What is written.
    pub change: Change,
    /// The old pay order with what is left of it.
    pub left: OrderTree,
    /// The new pay order.
    pub made: OrderTree,
}

/// Takes the shop order `shop_no` into a new pay order of number `no`. `methods` are those that take it.
pub fn split(
    tree: &OrderTree,
    shop_no: OrderNo,
    no: OrderNo,
    methods: Vec<String>,
    at: Millis,
    actor: &str,
) -> Result<Split, CannotSplit> {
    let old = tree.pay.no;
    let shop = check(tree, shop_no)?;
    if methods.is_empty() {
        return Err(CannotSplit::NoMethod);
    }
    let leaving = amounts(shop)?;
    if leaving.to_pay == 0 || leaving.to_pay == tree.pay.amounts.to_pay {
        return Err(CannotSplit::NothingToPay(shop_no));
    }
    let pay = pay_order(tree, no, leaving, methods, at);
    let coupons = shop.facts.coupons.clone();

    let mut draft = Draft::new(tree, at, actor);
    let moved = draft.stay(shop_no, "split", format!("{old} -> {no}"));
    moved.pay_no = no;
    moved.facts.quoted_under.get_or_insert(old);
    let rest = draft.pay();
    rest.amounts = less(rest.amounts, leaving);
    let rest = rest.clone();
    if let Some(due) = pay.expire_time {
        draft.arm(no, TimerKind::PayTimeout, due, 0);
    }
    let change = &mut draft.change;
    hold::coupons(change, &rest, &coupons, CouponState::Locked, CouponState::Free);
    hold::coupons(change, &pay, &coupons, CouponState::Free, CouponState::Locked);
    hold::release_coins(change, &rest, format!("split:{no}"), leaving.coins);
    hold::coins(change, &pay);
    change.new_pay_orders.push(pay.clone());
    let (change, mut left) = draft.finish();
    let (moved, kept) = left.shops.into_iter().partition(|s| s.no == shop_no);
    left.shops = kept;
    let made =
        OrderTree { pay, shops: moved, payments: vec![], refunds: vec![], shipments: vec![], aftersales: vec![] };
    Ok(Split { change, left, made })
}

fn check(tree: &OrderTree, shop_no: OrderNo) -> Result<&ShopOrder, CannotSplit> {
    let pay = &tree.pay;
    let waits = pay.status == Status::Created && pay.sub_status != SubStatus::Cancelling && pay.mode == Mode::Wait;
    let shop = tree.shop(shop_no).filter(|_| waits).ok_or(CannotSplit::State(shop_no))?;
    if tree.stock_pending() {
        return Err(CannotSplit::StockPending(shop_no));
    }
    if tree.payments.iter().any(|p| p.status == PaymentStatus::Disputed) {
        return Err(CannotSplit::Disputed(shop_no));
    }
    if tree.payments.iter().any(Payment::is_open) {
        return Err(CannotSplit::Open(shop_no));
    }
    if tree.shops.len() < 2 {
        return Err(CannotSplit::Only(shop_no));
    }
    Ok(shop)
}

/// The sums of a pay order that holds this shop order alone, from its shares.
fn amounts(shop: &ShopOrder) -> Result<PayAmounts, Overflow> {
    let total = |part: fn(&Share) -> i64| sum(shop.shares().map(part));
    let platform_discount = total(|s| s.platform_discount)?;
    Ok(PayAmounts {
        price: shop.amounts.price - platform_discount,
        quantity: shop.amounts.quantity,
        platform_discount,
        freight: shop.amounts.freight,
        tax: shop.amounts.tax,
        coins: total(|s| s.coins)?,
        coins_value: total(|s| s.coins_value)?,
        third_party: total(|s| s.third_party)?,
        to_pay: total(|s| s.cash)?,
        split_off: -platform_discount,
    })
}

/// What is left of sums. Together with what leaves they are what they were.
fn less(all: PayAmounts, leaving: PayAmounts) -> PayAmounts {
    PayAmounts {
        price: all.price - leaving.price,
        quantity: all.quantity - leaving.quantity,
        platform_discount: all.platform_discount - leaving.platform_discount,
        freight: all.freight - leaving.freight,
        tax: all.tax - leaving.tax,
        coins: all.coins - leaving.coins,
        coins_value: all.coins_value - leaving.coins_value,
        third_party: all.third_party - leaving.third_party,
        to_pay: all.to_pay - leaving.to_pay,
        split_off: all.split_off - leaving.split_off,
    }
}

/// The application's own id of the order stays with the order that it named.
fn pay_order(tree: &OrderTree, no: OrderNo, amounts: PayAmounts, methods: Vec<String>, at: Millis) -> PayOrder {
    PayOrder {
        no,
        version: 0,
        amounts,
        sequences: Sequences::default(),
        created_at: at,
        updated_at: at,
        facts: PayFacts { methods, coupons: vec![], promotions: vec![], out_id: None, ..tree.pay.facts.clone() },
        ..tree.pay.clone()
    }
}
