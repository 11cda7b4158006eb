//! What a pay order takes hold of besides stock: coupons and coins. Every hold is let go once, under the same names.

use crate::domain::change::Change;
use crate::domain::ids::CouponCode;
use crate::domain::order::{PayOrder, ShopOrder};
use crate::domain::resource::{Account, CouponMove, CouponState, Transfer, Unit};

/// Locks the coupons of a pay order and of its shop orders, and holds its coins.
pub fn everything(change: &mut Change, pay: &PayOrder, shops: &[ShopOrder]) {
    let codes = shops.iter().flat_map(|s| &s.facts.coupons).chain(&pay.facts.coupons);
    coupons(change, pay, codes, CouponState::Free, CouponState::Locked);
    coins(change, pay);
}

/// Moves coupons of a pay order.
pub fn coupons<'c>(
    change: &mut Change,
    pay: &PayOrder,
    codes: impl IntoIterator<Item = &'c CouponCode>,
    from: CouponState,
    to: CouponState,
) {
    change.coupons.extend(codes.into_iter().map(|code| CouponMove {
        code: code.clone(),
        buyer: pay.buyer.clone(),
        order_no: pay.no,
        from,
        to,
    }));
}

/// Holds the coins of a pay order.
pub fn coins(change: &mut Change, pay: &PayOrder) {
    let buyer = &pay.buyer;
    let (from, to) = (Account::Available(buyer.clone()), Account::Held(buyer.clone()));
    post(change, pay, "hold:coins".into(), pay.amounts.coins, (from, to));
}

/// Gives `amount` of the coins that a pay order holds back to its buyer, under the name `operation`.
pub fn release_coins(change: &mut Change, pay: &PayOrder, operation: String, amount: i64) {
    let buyer = &pay.buyer;
    let (from, to) = (Account::Held(buyer.clone()), Account::Available(buyer.clone()));
    post(change, pay, operation, amount, (from, to));
}

fn post(change: &mut Change, pay: &PayOrder, operation: String, amount: i64, (from, to): (Account, Account)) {
    if amount > 0 {
        change.transfers.push(Transfer { order_no: pay.no, operation, from, to, unit: Unit::Coins, amount });
    }
}
