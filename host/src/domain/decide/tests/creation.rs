//! Orders of several shops; stock that is reserved later; orders that nobody sees before everything is held.

use super::super::reserve::{self, Next};
use super::*;
use crate::domain::hook::{PricedItem, PricedShop, Quoted, StockNeed};
use crate::domain::ids::{BusinessCode, StockKey};
use crate::domain::order::Visible;
use crate::domain::resource::{CouponState, StockMoveKind};

/// A shop order of a [`Spec`].
#[derive(Debug, Clone)]
pub(super) struct Shop {
    /// Original price of one, two of each.
    pub prices: Vec<i64>,
    pub discount: i64,
    pub freight: i64,
    pub reserving: Reserving,
    /// Whether its items take of the key `thing`.
    pub stock: bool,
}

/// What an order is made of. Coins are worth 1.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub shops: Vec<Shop>,
    pub platform_discount: i64,
    pub coins: i64,
    pub third_party: i64,
    pub mode: Mode,
    pub coupons: bool,
    /// The pay order's number; those below follow it.
    pub no: i64,
}

pub(super) fn shop(prices: &[i64]) -> Shop {
    Shop { prices: prices.to_vec(), discount: 0, freight: 500, reserving: Reserving::AtCreate, stock: true }
}

pub(super) fn spec(shops: Vec<Shop>) -> Spec {
    let (platform_discount, coins, third_party) = (0, 0, 0);
    Spec { shops, platform_discount, coins, third_party, mode: Mode::Wait, coupons: false, no: 1 }
}

pub(super) fn order(spec: &Spec) -> (Change, OrderTree) {
    let (mut cart, mut quoted) = cart(&[1]);
    let (one, answer) = (cart.shops.remove(0), quoted.shops.remove(0));
    let item = |line: &mut u32, original: i64, stock: bool| {
        *line += 1;
        PricedItem {
            line: *line - 1,
            original,
            stock: if stock { vec![StockNeed { key: "thing".into(), quantity: 2 }] } else { vec![] },
            ..answer.items[0].clone()
        }
    };
    let mut line = 0;
    for (n, wanted) in spec.shops.iter().enumerate() {
        let mut shop = one.clone();
        shop.shop = format!("shop-{n}").parse().unwrap();
        shop.items = vec![one.items[0].clone(); wanted.prices.len()];
        cart.shops.push(shop);
        quoted.shops.push(PricedShop {
            shop: format!("shop-{n}"),
            items: wanted.prices.iter().map(|price| item(&mut line, *price, wanted.stock)).collect(),
            discount: wanted.discount,
            freight: wanted.freight,
            ..answer.clone()
        });
    }
    (cart.mode, cart.coins) = (spec.mode, spec.coins);
    let coupon = |shop: &str, level| hook::Promotion {
        title: String::new(),
        level,
        shop: shop.into(),
        amount: 1,
        coupon: Some(if shop.is_empty() { "platform-coupon".into() } else { format!("coupon-{shop}") }),
    };
    let promotions = if spec.coupons {
        let of_shops = (0..spec.shops.len()).map(|n| coupon(&format!("shop-{n}"), hook::PromotionLevel::Shop));
        of_shops.chain([coupon("", hook::PromotionLevel::Platform)]).collect()
    } else {
        vec![]
    };
    let quoted = Quoted {
        platform_discount: spec.platform_discount,
        coins: u64::try_from(spec.coins).unwrap(),
        third_party_discount: spec.third_party,
        promotions,
        ..quoted
    };
    let line = |shop: &Shop| create::LineTerms {
        plugin: Digest([1; 32]),
        stock: StockMode::Reserve,
        reserving: shop.reserving,
        compensate_ms: 20_000,
    };
    let terms = create::Terms {
        at: AT,
        actor: "buyer:li".into(),
        pay_no: OrderNo(spec.no),
        numbers: (spec.no + 1..spec.no + 50).collect(),
        lines: spec.shops.iter().map(line).collect(),
        methods: vec!["sandbox".into()],
        coin_value: 1,
        catalogue_revision: 1,
    };
    create::create(&cart, price(&cart, &[quoted], 1).unwrap(), terms)
}

/// Every sum of the three levels, from the lines up.
pub(super) fn assert_sums(tree: &OrderTree) {
    let amounts = &tree.pay.amounts;
    for shop in &tree.shops {
        let goods: i64 = shop.items.iter().map(|i| i.price).sum();
        assert_eq!(shop.amounts.price, goods - shop.amounts.discount - shop.amounts.reprice);
        assert_eq!(shop.amounts.tax, shop.items.iter().map(|i| i.tax).sum::<i64>());
        assert_eq!(shop.amounts.freight, shop.amounts.freight_share.due);
        let lowered = |i: &crate::domain::order::ItemOrder| {
            i.price - i.share.shop_discount - i.share.platform_discount + i.tax - i.share.due
        };
        assert!(shop.items.iter().all(|i| lowered(i) >= 0));
        assert_eq!(shop.items.iter().map(lowered).sum::<i64>(), shop.amounts.reprice);
        for share in shop.shares() {
            assert_eq!(share.due, share.cash + share.coins_value + share.third_party);
            assert!(share.cash >= 0 && share.coins >= 0 && share.third_party >= 0);
        }
    }
    let over = |part: fn(&crate::domain::order::ShopOrder) -> i64| tree.shops.iter().map(part).sum::<i64>();
    let shares = |part: fn(&crate::domain::order::Share) -> i64| {
        tree.shops.iter().flat_map(crate::domain::order::ShopOrder::shares).map(part).sum::<i64>()
    };
    assert_eq!(amounts.price, over(|s| s.amounts.price) - amounts.platform_discount);
    assert_eq!(amounts.platform_discount, shares(|s| s.platform_discount));
    assert_eq!((amounts.freight, amounts.tax), (over(|s| s.amounts.freight), over(|s| s.amounts.tax)));
    assert_eq!(amounts.quantity, over(|s| s.amounts.quantity));
    assert_eq!((amounts.coins, amounts.coins_value), (shares(|s| s.coins), shares(|s| s.coins_value)));
    assert_eq!((amounts.third_party, amounts.to_pay), (shares(|s| s.third_party), shares(|s| s.cash)));
}

pub(super) fn tags(change: &Change) -> Vec<&str> {
    change.events.iter().map(|e| e.tag.as_str()).collect()
}

fn armed(change: &Change) -> Vec<(OrderNo, TimerKind)> {
    change.arm.iter().map(|t| (t.key.subject, t.key.kind)).collect()
}

const NUMBERS: [ShipmentNo; 3] = [ShipmentNo(70), ShipmentNo(71), ShipmentNo(72)];

pub(super) fn next() -> Next<'static> {
    Next { payment: PaymentNo(60), shipments: &NUMBERS, compensate_ms: 20_000 }
}

fn later(prices: &[i64]) -> Shop {
    Shop { reserving: Reserving::Later, ..shop(prices) }
}

fn short(tree: &mut OrderTree) -> Change {
    let (business, key): (BusinessCode, StockKey) = ("goods".parse().unwrap(), "thing".parse().unwrap());
    step(tree, |d| reserve::failed(d, &business, &key, "thing is short"))
}

#[test]
fn stock_is_held_after_the_order_is_written_and_once() {
    let (change, mut tree) = order(&spec(vec![shop(&[100]), later(&[200]), Shop { stock: false, ..later(&[300]) }]));
    let of = |change: &Change| change.stock.iter().map(|m| (m.shop_no.0, m.kind)).collect::<Vec<_>>();
    assert_eq!(of(&change), [(2, StockMoveKind::Reserve)], "only what is held at create");
    assert!(armed(&change).contains(&(OrderNo(1), TimerKind::Reserve)));
    let subs = |tree: &OrderTree| tree.shops.iter().map(|s| s.sub_status).collect::<Vec<_>>();
    let (held, none) = (SubStatus::StockReserved, SubStatus::None);
    assert_eq!((subs(&tree), tree.pay.sub_status), (vec![held, none, held], none), "nothing to reserve is reserved");

    let reserved = step(&mut tree, |d| reserve::reserve(d, &next()));
    let waiting = tree.shops[1].no.0;
    assert_eq!(of(&reserved), [(waiting, StockMoveKind::Reserve)]);
    assert_eq!((tags(&reserved), tree.pay.sub_status), (vec!["STOCK_RESERVED"], held));
    assert!(!tree.stock_pending() && reserved.disarm.iter().any(|k| k.kind == TimerKind::Reserve));
}

#[test]
fn what_is_short_cancels_everything_and_releases_what_was_held() {
    let (_, mut tree) = order(&spec(vec![shop(&[100]), later(&[200])]));
    let change = short(&mut tree);
    let moves: Vec<_> = change.stock.iter().map(|m| (m.shop_no, m.kind)).collect();
    assert_eq!(moves, [(OrderNo(2), StockMoveKind::Release)], "what was never reserved is not released");
    assert_eq!(tags(&change), ["STOCK_FAILED", "ORDER_CANCELLED", "ORDER_CANCELLED"]);
    assert_eq!(change.events[0].subject, tree.shops[1].no);
    assert_eq!(tree.status(), Status::Cancelled);
    assert!(tree.shops.iter().all(|s| s.reason.as_ref().unwrap().code == reserve::STOCK_FAILED));
    assert!(change.disarm.iter().any(|k| k.kind == TimerKind::Reserve));
}

#[test]
fn a_buyer_who_cancels_before_the_stock_is_held_gives_back_none() {
    let (_, mut tree) = order(&spec(vec![later(&[100]), later(&[200])]));
    let change = step(&mut tree, |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert!(change.stock.is_empty());
    assert!(change.disarm.iter().any(|k| k.kind == TimerKind::Reserve));
}

#[test]
fn nothing_to_pay_is_paid_in_the_reserving_change_and_a_prepaid_order_is_forwarded_only_then() {
    let free = Shop { freight: 0, ..later(&[100]) };
    let (_, mut tree) = order(&Spec { coins: 203, ..spec(vec![free]) });
    let change = step(&mut tree, |d| reserve::reserve(d, &next()));
    assert_eq!((tree.status(), tree.shops[0].sub_status), (Status::Paid, SubStatus::ToDeduct));
    assert_eq!(tags(&change), ["STOCK_RESERVED", "PAYMENT_SUCCEEDED", "ORDER_PAID", "SHIPMENT_CREATED"]);

    let (change, mut tree) = order(&Spec { mode: Mode::Prepaid, ..spec(vec![later(&[100])]) });
    assert!(!armed(&change).contains(&(SHOP, TimerKind::Compensate)));
    let change = step(&mut tree, |d| reserve::reserve(d, &next()));
    assert!(armed(&change).contains(&(SHOP, TimerKind::Compensate)));
}

fn hidden() -> Spec {
    let hidden = Shop { reserving: Reserving::BeforeVisible, ..shop(&[200]) };
    Spec { coins: 10, platform_discount: 5, coupons: true, ..spec(vec![shop(&[100]), hidden, later(&[300])]) }
}

#[test]
fn an_invisible_order_holds_nothing_and_tells_nobody() {
    let (change, mut tree) = order(&hidden());
    assert!(tree.is_hidden() && tree.shops.iter().all(|s| s.visible == Visible::NotYet && s.stock_pending()));
    assert!(change.stock.is_empty() && change.coupons.is_empty() && change.transfers.is_empty());
    assert_eq!((tags(&change), armed(&change)), (vec![], vec![(OrderNo(1), TimerKind::Reserve)]));

    let change = step(&mut tree, |d| reserve::void(d, "stock-short: thing is short"));
    assert!(change.stock.is_empty() && change.coupons.is_empty() && change.transfers.is_empty());
    assert!(change.events.is_empty() && tree.is_hidden());
    let reason = tree.pay.reason.as_ref().unwrap();
    assert_eq!((tree.status(), reason.code.as_str()), (Status::Cancelled, reserve::VOIDED));
    assert!(change.disarm.iter().any(|k| k.kind == TimerKind::Reserve));
}

#[test]
fn becoming_visible_holds_everything_in_one_change_as_create_does() {
    let (_, mut tree) = order(&hidden());
    let shown = step(&mut tree, |d| reserve::reveal(d, &next()));
    let seen = Spec { shops: vec![shop(&[100]), shop(&[200]), shop(&[300])], ..hidden() };
    let (at_once, other) = order(&seen);
    assert_eq!((&shown.stock, &shown.transfers), (&at_once.stock, &at_once.transfers));
    assert_eq!(shown.coupons, at_once.coupons);
    assert_eq!(tags(&shown), tags(&at_once));
    assert!(!tree.is_hidden() && armed(&shown).contains(&(OrderNo(1), TimerKind::PayTimeout)));
    assert_eq!(tree.pay.amounts, other.pay.amounts);
    // Then it is an order like any other: every lock goes back once.
    let change = step(&mut tree, |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert_eq!((change.stock.len(), change.coupons.len(), change.transfers.len()), (3, 4, 1));
    assert!(change.coupons.iter().all(|c| c.to == CouponState::Free));
}

#[test]
fn an_order_with_nothing_to_pay_is_paid_even_if_its_host_dies() {
    let reserve = (OrderNo(1), TimerKind::Reserve);
    let all = spec(vec![shop(&[100])]);
    let due = order(&all).1.pay.amounts.to_pay;
    let (change, tree) = order(&Spec { coins: due, ..all });
    assert_eq!((tree.pay.amounts.to_pay, tree.stock_pending()), (0, false));
    assert!(armed(&change).contains(&reserve));
    let gone = |change: &Change| change.disarm.iter().any(|k| (k.subject, k.kind) == reserve);
    let paid = step(&mut tree.clone(), |d| pay::nothing(d, PaymentNo(60), &NUMBERS, 20_000));
    let cancelled = step(&mut tree.clone(), |d| cancel::cancel(d, &Reason::new("buyer", "")));
    assert!(gone(&paid) && gone(&cancelled));
}
