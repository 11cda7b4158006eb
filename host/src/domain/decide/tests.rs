//! An order's life decided step by step, with the invariants checked after every step.

use proptest::prelude::*;

use super::*;
use crate::domain::cart::{Cart, CartItem, CartShop};
use crate::domain::catalogue::LineRules;
use crate::domain::change::{Change, ShipNotice, TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::hook;
use crate::domain::ids::{Digest, MerchantAccount, OrderNo, PaymentNo, RefundNo, ShipmentNo};
use crate::domain::lifecycle::{ANNOTATIONS, Event, Judgement, allowed, judge};
use crate::domain::order::{Channel, Mode, Pairs, Reason, Reserving, Status, StockMode, SubStatus};
use crate::domain::payment::{PaymentStatus, Refund, RefundStatus, Way};
use crate::domain::price::price;
use crate::domain::resource::{Account, StockMoveKind};
use crate::domain::tree::OrderTree;

const AT: i64 = 1_800_000_000_000;

fn cart(prices: &[i64]) -> (Cart, hook::Quoted) {
    let item = |i: usize| CartItem { sku: format!("sku-{i}").parse().unwrap(), quantity: 2, extra: Pairs::new() };
    let shop = CartShop {
        shop: "shop-1".parse().unwrap(),
        business: "goods".parse().unwrap(),
        kind: 1,
        address: None,
        coupons: vec![],
        buyer_comment: String::new(),
        items: (0..prices.len()).map(item).collect(),
        extra: Pairs::new(),
    };
    let cart = Cart {
        buyer: "li".parse().unwrap(),
        mode: Mode::Wait,
        channel: Channel::Api,
        platform: 0,
        marketplace: 0,
        currency: "CNY".parse().unwrap(),
        shops: vec![shop],
        platform_coupons: vec![],
        coins: 7,
        source: None,
        out_id: None,
        tags: vec![],
        extra: Pairs::new(),
    };
    let priced = |(line, original): (usize, &i64)| hook::PricedItem {
        line: u32::try_from(line).unwrap(),
        original: *original,
        discount: 0,
        tax: 3,
        title: "A thing".into(),
        picture: String::new(),
        attributes: vec![],
        // Every line takes of the same key: two lines are one move.
        stock: vec![hook::StockNeed { key: "sku-0".into(), quantity: 2 }],
        extra: vec![],
    };
    let shop = hook::PricedShop {
        shop: "shop-1".into(),
        items: prices.iter().enumerate().map(priced).collect(),
        discount: 0,
        freight: 500,
        delivery: hook::Delivery::Parcel,
        auto_receive_s: 10,
        aftersale_window_s: 20,
        ship_within_s: 30,
        extra: vec![],
    };
    let quoted = hook::Quoted {
        shops: vec![shop],
        platform_discount: 0,
        coins: 7,
        third_party_discount: 0,
        promotions: vec![],
        pay_timeout_s: 900,
        extra: vec![],
    };
    (cart, quoted)
}

/// An order of one shop order, with the change that makes it.
pub(crate) fn made(prices: &[i64]) -> (Change, OrderTree) {
    made_less(prices, 0, 0)
}

/// The same with discounts of the platform and of a third party.
fn made_less(prices: &[i64], platform: i64, third_party: i64) -> (Change, OrderTree) {
    let (cart, mut quoted) = cart(prices);
    (quoted.platform_discount, quoted.third_party_discount) = (platform, third_party);
    let priced = price(&cart, &[quoted], 10).unwrap();
    let terms = create::Terms {
        at: AT,
        actor: "buyer:li".into(),
        pay_no: OrderNo(1),
        numbers: (2..50).collect(),
        lines: vec![create::LineTerms {
            plugin: Digest([1; 32]),
            stock: StockMode::Reserve,
            reserving: Reserving::AtCreate,
            compensate_ms: 20_000,
        }],
        methods: vec!["sandbox".into(), "balance".into()],
        coin_value: 10,
        catalogue_revision: 1,
    };
    create::create(&cart, priced, terms)
}

const SHOP: OrderNo = OrderNo(2);

/// Every move is in the table, and the deadline of a state is the timer's.
fn moves_hold(change: &Change, after: &OrderTree) {
    for flow in change.flows.iter().filter(|flow| !flow.ignored) {
        let beside = ANNOTATIONS.contains(&flow.event.as_str()) && flow.from == Some(flow.to);
        assert!(beside || allowed(flow.from.unwrap().0, flow.to.0));
    }
    for timer in change.arm.iter().filter(|t| t.attempt == 0) {
        let deadline = match timer.key.kind {
            TimerKind::ShipOverdue | TimerKind::AutoReceive | TimerKind::Settle => {
                after.shop(timer.key.subject).unwrap().expire_time
            }
            TimerKind::PayTimeout if after.pay.sub_status != SubStatus::Cancelling => after.pay.expire_time,
            _ => continue,
        };
        assert_eq!(deadline, Some(timer.due), "expire_time is the timer's: {timer:?}");
    }
}

/// Applies a decision and checks what must hold after every one.
fn step(tree: &mut OrderTree, decide: impl FnOnce(&mut Draft)) -> Change {
    let before = tree.clone();
    let mut draft = Draft::new(&before, AT + 1, "test");
    decide(&mut draft);
    let (change, after) = draft.finish();
    assert_eq!(before.clone().after(&change), after, "a change leads to the tree the draft shows");
    for shop in &after.shops {
        let mut version = before.shop(shop.no).unwrap().version;
        for flow in change.flows.iter().filter(|f| !f.ignored && f.shop_no == shop.no) {
            version += 1;
            assert_eq!(flow.version, version, "each version has one flow row");
        }
        assert_eq!(shop.version, version);
    }
    moves_hold(&change, &after);
    for item in after.shops.iter().flat_map(|shop| &shop.items) {
        let (back, share) = (&item.refunded, &item.share);
        assert!(back.cash + back.retained <= share.cash && back.coins + back.retained_coins <= share.coins, "{back:?}");
        assert!(back.quantity <= item.quantity && back.restocked <= item.quantity, "{back:?}");
    }
    *tree = after;
    change
}

/// Opens an attempt at the sandbox with a part from the wallet.
fn open(tree: &mut OrderTree, no: i64, balance: i64) -> Change {
    let way = ("sandbox".parse().unwrap(), MerchantAccount::own());
    let payment = pay::attempt(tree, PaymentNo(no), way, balance, AT);
    step(tree, |d| pay::open(d, payment, 15_000))
}

fn paid() -> pay::Paid {
    pay::Paid { trade_no: Some("T1".into()), at: AT }
}

/// Pays with a part from the wallet.
fn pay_with(tree: &mut OrderTree, balance: i64) -> Change {
    open(tree, 60, balance);
    let payment = tree.payments[0].clone();
    step(tree, |d| pay::succeed(d, Write::Update(payment), paid(), &[ShipmentNo(70)], 20_000))
}

fn pay_by_provider(tree: &mut OrderTree) {
    pay_with(tree, 0);
}

fn undone(tree: &mut OrderTree, reason: &str) -> Change {
    let numbers = [RefundNo(80), RefundNo(81), RefundNo(82)];
    let (reason, rules) = (Reason::new("rejected", reason), LineRules::default());
    step(tree, |d| undo::undo(d, SHOP, &reason, &rules, &numbers))
}

fn goods_back(tree: &OrderTree) -> i64 {
    tree.refunds.iter().filter(|r| r.way != Way::Coins).map(|r| r.amount).sum()
}

#[test]
fn an_order_goes_from_cart_to_completed_and_settles_what_was_paid() {
    let (change, mut tree) = made(&[1_000, 333]);
    assert_eq!(change.stock.len(), 1, "two lines of one key are one move");
    assert_eq!(change.stock[0].quantity, 4);
    pay_by_provider(&mut tree);
    let deducted = step(&mut tree, |d| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
    assert_eq!(deducted.stock[0].kind, StockMoveKind::Confirm);
    step(&mut tree, |d| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
    assert_eq!(tree.shops[0].sub_status, SubStatus::ToShip);
    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into(), by_service: false };
    let shipped = step(&mut tree, |d| ship::shipped(d, SHOP, &notice).unwrap());
    assert!(shipped.arm.iter().any(|t| t.key.kind == TimerKind::AutoReceive));
    let received =
        hook::Received { verdict: hook::Verdict::Confirmed, attributes: vec![], events: vec![], extra: vec![] };
    let change = step(&mut tree, |d| receive::received(d, SHOP, &received, "buyer").unwrap());
    assert_eq!(
        change.events.iter().map(|e| e.tag.as_str()).collect::<Vec<_>>(),
        ["SHIPMENT_DELIVERED", "ORDER_RECEIVED"]
    );
    let rules = LineRules { technical_fee_bp: 100, ..LineRules::default() };
    let change = step(&mut tree, |d| settle::complete(d, SHOP, &rules));
    // 2×1000 + 2×333 + 2×3 tax + 500 freight; coins are worth money to the shop
    assert_eq!((change.settlements[0].gross, change.settlements[0].net), (3_172, 3_141));
    assert_eq!(tree.status(), Status::Completed);
}

#[test]
fn a_rejected_deduct_gives_everything_back_and_closes_after_the_refund() {
    let (_, mut tree) = made(&[1_000, 333]);
    let to_pay = tree.pay.amounts.to_pay;
    pay_by_provider(&mut tree);
    let change = undone(&mut tree, "no rooms");
    assert_eq!(change.stock[0].kind, StockMoveKind::Release);
    assert_eq!(tree.shops[0].sub_status, SubStatus::Closing, "closed only when nothing is owed");
    assert_eq!(goods_back(&tree), to_pay);
    assert_eq!(tree.refunds.iter().find(|r| r.way == Way::Coins).unwrap().amount, 7);
    let owed = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).unwrap().clone();
    let change = step(&mut tree, |d| undo::refunded(d, owed, &LineRules::default()));
    assert_eq!(tree.shops[0].status, Status::Closed);
    assert_eq!(settle::gross(&tree.shops[0]), 0, "nothing is left for the shop");
    assert!(change.events.iter().any(|e| e.tag == "ORDER_CLOSED"));
}

#[test]
fn a_wallet_order_is_undone_in_one_change() {
    let (_, mut tree) = made(&[1_000]);
    step(&mut tree, |d| pay::from_wallet(d, PaymentNo(60), &[ShipmentNo(70)], 20_000));
    assert_eq!(tree.shops[0].items[0].share.balance, tree.shops[0].items[0].share.cash);
    let change = undone(&mut tree, "");
    assert_eq!(tree.shops[0].status, Status::Closed);
    let back: i64 = change
        .transfers
        .iter()
        .filter(|t| t.to == Account::Available("li".parse().unwrap()) && t.operation.starts_with("refund:"))
        .map(|t| t.amount)
        .sum();
    assert_eq!(back, tree.pay.amounts.to_pay + 7);
}

#[test]
fn money_that_comes_too_late_is_recorded_and_owed_back() {
    let (_, mut tree) = made(&[1_000]);
    open(&mut tree, 60, 0);
    let open = tree.payments[0].clone();
    step(&mut tree, |d| {
        unpaid::close(d, open, "");
        cancel::cancel(d, &Reason::new("pay_timeout", ""));
    });
    assert_eq!(tree.status(), Status::Cancelled);
    let closed = tree.payments[0].clone();
    step(&mut tree, |d| unpaid::too_late(d, closed, paid(), RefundNo(80)));
    assert_eq!(tree.payments[0].status, PaymentStatus::Succeeded);
    assert_eq!((tree.refunds[0].amount, tree.refunds[0].shop_no), (tree.pay.amounts.to_pay, None));
    assert_eq!(tree.status(), Status::Cancelled);
}

mod adjust;
mod aftersales;
mod creation;
mod money;
mod packages;
mod split;
mod upkeep;

proptest! {
    /// Any sequence of events, in any order and repeated: what the table allows is applied, nothing breaks.
    #[test]
    fn any_sequence_of_events_keeps_every_invariant(
        events in prop::collection::vec(0_usize..9, 1..30), prices in prop::collection::vec(0_i64..5_000, 1..5),
    ) {
        let (_, mut tree) = made(&prices.iter().map(|p| p + 100).collect::<Vec<_>>());
        let confirmed = hook::Received { verdict: hook::Verdict::Confirmed, attributes: vec![], events: vec![], extra: vec![] };
        for event in events {
            let shop = tree.shops[0].clone();
            let may = |event| judge(event, shop.status, shop.sub_status) == Judgement::Apply;
            match event {
                0 if may(Event::Pay) && tree.payments.is_empty() => pay_by_provider(&mut tree),
                1 if may(Event::Deduct) => {
                    step(&mut tree, |d| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
                }
                2 if may(Event::Ship) && shop.packed_at.is_none() => {
                    step(&mut tree, |d| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
                }
                3 if may(Event::Ship) => {
                    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into(), by_service: false };
                    step(&mut tree, |d| ship::shipped(d, SHOP, &notice).unwrap());
                }
                4 if may(Event::Receive) => {
                    step(&mut tree, |d| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
                }
                5 if may(Event::Complete) && !tree.refunds.iter().any(Refund::is_owed) => {
                    step(&mut tree, |d| settle::complete(d, SHOP, &LineRules::default()));
                }
                6 if may(Event::Undo) => {
                    undone(&mut tree, "");
                }
                7 => {
                    if let Some(owed) = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
                        step(&mut tree, |d| undo::refunded(d, owed, &LineRules::default()));
                    }
                }
                8 if may(Event::Undo) => {
                    let number = 100 + i64::try_from(tree.refunds.len()).unwrap() * 10;
                    let part = money::one_unit(&tree);
                    money::refund_parts(&mut tree, &part, number).unwrap();
                }
                _ => {
                    step(&mut tree, |d| d.ignore(SHOP, "late", ""));
                }
            }
            let paid: i64 = tree.payments.iter().filter(|p| p.paid_at.is_some()).map(|p| p.amount + p.balance).sum();
            prop_assert!(goods_back(&tree) <= paid);
            if tree.shops[0].status == Status::Closed {
                prop_assert!(tree.refunds.iter().all(|r| r.status == RefundStatus::Succeeded), "a closed order owes nothing");
                prop_assert_eq!(goods_back(&tree), paid);
            }
        }
    }
}
