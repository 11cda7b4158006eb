//! Split and merge are each other's inverse: every share, every sum and every coin stays.

use std::sync::Arc;

use super::super::merge::{CannotMerge, MERGED_SHOPS_MAX, merge};
use super::super::split::{CannotSplit, Split, split};
use super::creation::{Shop, Spec, assert_sums, order, shop, spec};
use super::*;
use crate::domain::ids::CouponCode;
use crate::domain::order::{PayAmounts, ShopOrder};
use crate::domain::resource::{Account, CouponState};

fn taken(tree: &OrderTree, index: usize, no: i64) -> Split {
    split(tree, tree.shops[index].no, OrderNo(no), vec!["sandbox".into()], AT + 1, "buyer:li").unwrap()
}

fn joined(trees: &[&OrderTree], no: i64) -> (Change, OrderTree) {
    let trees: Vec<_> = trees.iter().map(|t| Arc::new((*t).clone())).collect();
    merge(&trees, OrderNo(no), vec!["sandbox".into()], AT + 2, "buyer:li").unwrap()
}

/// Coins that changes leave held more than before.
fn held(change: &Change) -> i64 {
    let sides = |t: &crate::domain::resource::Transfer| {
        i64::from(matches!(t.to, Account::Held(_))) - i64::from(matches!(t.from, Account::Held(_)))
    };
    change.transfers.iter().map(|t| sides(t) * t.amount).sum()
}

/// What a merge or split may never change.
fn kept(shop: &ShopOrder) -> impl PartialEq + std::fmt::Debug + use<> {
    (shop.no, shop.amounts, shop.items.clone(), shop.expire_time, shop.status, shop.sub_status, shop.plugin)
}

fn without_memory(amounts: PayAmounts) -> PayAmounts {
    PayAmounts { split_off: 0, ..amounts }
}

#[test]
fn a_shop_order_leaves_with_its_shares_and_both_can_be_paid() {
    let spec = Spec { platform_discount: 60, coins: 30, third_party: 20, ..spec(vec![shop(&[100, 50]), shop(&[333])]) };
    let (_, tree) = order(&spec);
    let Split { change, left, made } = taken(&tree, 1, 201);
    assert_sums(&left);
    assert_sums(&made);
    assert_eq!(left.pay.amounts.to_pay + made.pay.amounts.to_pay, tree.pay.amounts.to_pay);
    assert_eq!((made.shops[0].pay_no, made.pay.expire_time), (OrderNo(201), tree.pay.expire_time));
    assert_eq!((made.shops[0].facts.quoted_under, held(&change)), (Some(OrderNo(1)), 0));
    assert!(change.stock.is_empty() && change.events.is_empty(), "nothing is released");
    assert_eq!(left.clone().after(&change).pay, left.pay);
    assert_eq!(OrderTree::created(&change).unwrap(), made);
    let timers: Vec<_> = change.arm.iter().map(|t| (t.key.subject, t.key.kind)).collect();
    assert_eq!(timers, [(OrderNo(201), TimerKind::PayTimeout)]);
}

#[test]
fn only_an_unpaid_order_of_several_shops_with_its_stock_held_is_split() {
    let refused = |tree: &OrderTree| split(tree, SHOP, OrderNo(201), vec!["sandbox".into()], AT, "").unwrap_err();
    let two = vec![shop(&[100]), shop(&[200])];
    let (_, alone) = order(&spec(vec![shop(&[100])]));
    assert_eq!(refused(&alone), CannotSplit::Only(SHOP));
    let (_, mut tree) = order(&spec(two.clone()));
    open(&mut tree, 60, 0);
    assert_eq!(refused(&tree), CannotSplit::Open(SHOP));
    let (_, prepaid) = order(&Spec { mode: Mode::Prepaid, ..spec(two) });
    assert_eq!(refused(&prepaid), CannotSplit::State(SHOP));
    let later = Shop { reserving: Reserving::Later, ..shop(&[200]) };
    let (_, pending) = order(&spec(vec![shop(&[100]), later]));
    assert_eq!(refused(&pending), CannotSplit::StockPending(SHOP));
    let (_, other) = order(&Spec { no: 101, ..spec(vec![shop(&[1])]) });
    let merged = merge(&[Arc::new(pending), Arc::new(other)], OrderNo(201), vec!["sandbox".into()], AT, "");
    assert_eq!(merged.unwrap_err(), CannotMerge::StockPending(OrderNo(1)));
}

fn end_of(change: &Change, code: &str) -> Option<(OrderNo, CouponState)> {
    let code: CouponCode = code.parse().unwrap();
    change.coupons.iter().rfind(|c| c.code == code).map(|c| (c.order_no, c.to))
}

#[test]
fn shop_coupons_go_along_and_a_platform_coupon_in_part_use_is_never_given_back() {
    let spec = Spec { platform_discount: 60, coupons: true, ..spec(vec![shop(&[100]), shop(&[200])]) };
    let (_, tree) = order(&spec);
    let Split { change, mut left, mut made } = taken(&tree, 1, 201);
    assert_eq!(end_of(&change, "coupon-shop-1"), Some((OrderNo(201), CouponState::Locked)));
    assert_eq!((end_of(&change, "coupon-shop-0"), end_of(&change, "platform-coupon")), (None, None));

    let (_, mut merged) = joined(&[&left, &made], 301);
    let ended = step(&mut merged, |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert_eq!(
        end_of(&ended, "platform-coupon"),
        Some((OrderNo(301), CouponState::Used)),
        "what left stays remembered"
    );

    let ended = step(&mut left, |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert_eq!(end_of(&ended, "platform-coupon"), Some((OrderNo(1), CouponState::Used)));
    assert_eq!(end_of(&ended, "coupon-shop-0"), Some((OrderNo(1), CouponState::Free)));
    let mut draft = Draft::new(&made, AT + 2, "test");
    cancel::cancel(&mut draft, &Reason::new("buyer", ""));
    let (ended, after) = draft.finish();
    made = after;
    assert_eq!(end_of(&ended, "coupon-shop-1"), Some((OrderNo(201), CouponState::Free)));
    assert_eq!(made.status(), Status::Cancelled);
}

#[test]
fn what_left_by_one_coupon_is_not_brought_back_by_another() {
    let of = |no| Spec { platform_discount: 60, coupons: true, no, ..spec(vec![shop(&[100]), shop(&[200])]) };
    let ((_, mine), (_, other)) = (order(&of(1)), order(&of(101)));
    let (mine, other) = (taken(&mine, 0, 201), taken(&other, 1, 202));
    let (_, mut merged) = joined(&[&mine.left, &other.made], 301);
    let ended = step(&mut merged, |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert_eq!(end_of(&ended, "platform-coupon"), Some((OrderNo(301), CouponState::Used)));
}

#[test]
fn a_payment_of_another_price_is_not_whole() {
    let (_, mut tree) = order(&spec(vec![shop(&[100]), shop(&[200])]));
    open(&mut tree, 60, 0);
    let payment = tree.payments[0].clone();
    step(&mut tree, |d| unpaid::close(d, payment, "test"));
    assert!(unpaid::is_whole(&tree, &tree.payments[0]), "a late success of the whole price pays");
    let left = taken(&tree, 1, 201).left;
    assert!(!unpaid::is_whole(&left, &left.payments[0]));
}

#[test]
fn no_split_leaves_an_order_with_nothing_to_pay() {
    let free = Shop { discount: 200, ..shop(&[100]) };
    let tree = || {
        let (_, mut tree) = order(&spec(vec![shop(&[100]), free.clone()]));
        let shop = &mut tree.shops[1];
        let cash: i64 = shop.shares().map(|s| s.cash).sum();
        shop.amounts.freight_share.cash = 0;
        shop.items.iter_mut().for_each(|i| i.share.cash = 0);
        tree.pay.amounts.to_pay -= cash;
        tree
    };
    for index in 0..2 {
        let tree = tree();
        let no = tree.shops[index].no;
        let refused = split(&tree, no, OrderNo(201), vec!["sandbox".into()], AT, "");
        assert_eq!(refused.unwrap_err(), CannotSplit::NothingToPay(no));
    }
}

#[test]
fn an_order_with_a_disputed_payment_is_neither_split_nor_merged() {
    let (_, mut tree) = order(&spec(vec![shop(&[100]), shop(&[200])]));
    open(&mut tree, 60, 0);
    tree.payments[0].status = PaymentStatus::Disputed;
    let refused = split(&tree, SHOP, OrderNo(201), vec!["sandbox".into()], AT, "");
    assert_eq!(refused.unwrap_err(), CannotSplit::Disputed(SHOP));
    let (_, other) = order(&Spec { no: 101, ..spec(vec![shop(&[1])]) });
    let merged = merge(&[Arc::new(tree), Arc::new(other)], OrderNo(201), vec!["sandbox".into()], AT, "");
    assert_eq!(merged.unwrap_err(), CannotMerge::Disputed(OrderNo(1)));
}

#[test]
fn a_merged_order_has_a_limit_of_shop_orders() {
    let (_, mut tree) = order(&spec(vec![shop(&[100])]));
    tree.shops = vec![tree.shops[0].clone(); MERGED_SHOPS_MAX];
    let (_, other) = order(&Spec { no: 101, ..spec(vec![shop(&[1])]) });
    let merged = merge(&[Arc::new(tree), Arc::new(other)], OrderNo(201), vec!["sandbox".into()], AT, "");
    assert_eq!(merged.unwrap_err(), CannotMerge::TooLarge);
}

fn any_shop() -> impl Strategy<Value = Shop> {
    (prop::collection::vec(1_i64..5_000, 1..4), 0_i64..100, 0_i64..2_000).prop_map(|(prices, part, freight)| {
        let discount = 2 * prices.iter().sum::<i64>() * part / 100;
        Shop { prices, discount, freight, reserving: Reserving::AtCreate, stock: true }
    })
}

fn any_order(shops: std::ops::Range<usize>, no: i64) -> impl Strategy<Value = Spec> {
    (prop::collection::vec(any_shop(), shops), 0_i64..100, 0_i64..100, 0_i64..100).prop_map(move |(shops, a, b, c)| {
        let goods: i64 = shops.iter().map(|s| 2 * s.prices.iter().sum::<i64>() - s.discount).sum();
        let platform_discount = goods * a / 100;
        let more: i64 = shops.iter().map(|s| s.freight + 3 * i64::try_from(s.prices.len()).unwrap()).sum();
        let due = goods - platform_discount + more;
        let coins = due * b / 100;
        let third_party = (due - coins) * c / 100;
        Spec { platform_discount, coins, third_party, no, ..spec(shops) }
    })
}

proptest! {
    #[test]
    fn what_is_split_and_merged_again_is_what_it_was(spec in any_order(2..5, 1), index in 0_usize..5) {
        let (_, tree) = order(&spec);
        assert_sums(&tree);
        prop_assume!(tree.shops.iter().all(|shop| shop.shares().any(|share| share.cash > 0)));
        let Split { change, left, made } = taken(&tree, index % tree.shops.len(), 201);
        assert_sums(&left);
        assert_sums(&made);
        prop_assert_eq!((held(&change), left.pay.amounts.coins + made.pay.amounts.coins), (0, spec.coins));
        let (change, merged) = joined(&[&left, &made], 301);
        prop_assert_eq!(without_memory(merged.pay.amounts), without_memory(tree.pay.amounts));
        prop_assert_eq!(held(&change), 0);
        let shops = |tree: &OrderTree| tree.shops.iter().map(kept).collect::<Vec<_>>();
        prop_assert!(shops(&merged) == shops(&tree));
    }

    #[test]
    fn what_is_merged_and_split_again_is_what_it_was(one in any_order(1..3, 1), two in any_order(1..2, 101)) {
        let ((_, one), (_, two)) = (order(&one), order(&two));
        prop_assume!(one.pay.amounts.to_pay > 0 && two.pay.amounts.to_pay > 0);
        let (change, merged) = joined(&[&one, &two], 201);
        assert_sums(&merged);
        prop_assert_eq!(held(&change), 0);
        let Split { change, left, made } = taken(&merged, one.shops.len(), 301);
        prop_assert_eq!(without_memory(left.pay.amounts), without_memory(one.pay.amounts));
        prop_assert_eq!(without_memory(made.pay.amounts), without_memory(two.pay.amounts));
        prop_assert_eq!(held(&change), 0);
        prop_assert!(made.shops.iter().map(kept).eq(two.shops.iter().map(kept)));
        prop_assert!(left.shops.iter().map(kept).eq(one.shops.iter().map(kept)));
        prop_assert_eq!(made.shops[0].facts.quoted_under, Some(two.pay.no), "the first one is remembered");
    }
}
