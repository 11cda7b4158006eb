//! Several packages and what can go wrong with each of them.

use super::super::divide::{CannotDivide, PACKAGES_MAX, divide};
use super::super::receive::{CannotExtend, extend};
use super::super::{exception, tell};
use super::*;
use crate::domain::fulfilment::{ExceptionKind, Packed, Shipment, ShipmentStatus};
use crate::domain::lifecycle::judge_shipment;

const FIRST: ShipmentNo = ShipmentNo(70);

fn units(line: u32, quantity: u32) -> Packed {
    Packed { line, quantity }
}

/// Paid, deducted and packed: one shipment waits with everything in it.
fn packed_order(prices: &[i64]) -> OrderTree {
    let (_, mut tree) = made(prices);
    pay_with(&mut tree, 100);
    step(&mut tree, |d| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
    step(&mut tree, |d| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
    tree
}

fn divided(tree: &mut OrderTree, packages: &[Vec<Packed>]) -> Result<Change, CannotDivide> {
    let numbers: Vec<ShipmentNo> = (71..=75).map(ShipmentNo).collect();
    let (shipment, mut done) = (tree.shipments[0].clone(), Ok(()));
    let before = tree.clone();
    let change = step(tree, |d| done = divide(d, &shipment, packages, &numbers));
    match done {
        Ok(()) => Ok(change),
        Err(cannot) => {
            assert_eq!(*tree, before, "a refusal writes nothing");
            Err(cannot)
        }
    }
}

fn by_number(tree: &OrderTree, no: ShipmentNo) -> Shipment {
    tree.shipments.iter().find(|s| s.no == no).unwrap().clone()
}

fn leaves(tree: &mut OrderTree, no: ShipmentNo) -> Change {
    let notice =
        ShipNotice { shipment_no: Some(no), carrier: "SF".into(), waybill: format!("SF{no}"), by_service: false };
    step(tree, |d| ship::shipped(d, SHOP, &notice).unwrap())
}

fn arrives(tree: &mut OrderTree, no: ShipmentNo) -> bool {
    let (shipment, mut last) = (by_number(tree, no), false);
    step(tree, |d| last = ship::delivered(d, &shipment));
    last
}

/// Answers what changed and whether the receive hook has to be asked.
fn goes_wrong(tree: &mut OrderTree, no: ShipmentNo, kind: ExceptionKind) -> (Change, bool) {
    let first = 1_000 + 10 * i64::try_from(tree.refunds.len()).unwrap();
    let numbers = [RefundNo(first), RefundNo(first + 1), RefundNo(first + 2)];
    let (shipment, rules, mut asks) = (by_number(tree, no), LineRules::default(), false);
    let change = step(tree, |d| asks = exception::happened(d, &shipment, kind, "", &rules, &numbers));
    (change, asks)
}

fn tags(change: &Change) -> Vec<&str> {
    change.events.iter().map(|e| e.tag.as_str()).filter(|tag| tag.starts_with("SHIPMENT")).collect()
}

fn back(tree: &OrderTree, coins: bool) -> i64 {
    tree.refunds.iter().filter(|r| (r.way == Way::Coins) == coins).map(|r| r.amount).sum()
}

fn all_refunds_succeed(tree: &mut OrderTree) {
    while let Some(owed) = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
        step(tree, |d| undo::refunded(d, owed, &LineRules::default()));
    }
}

#[test]
fn the_only_package_lost_is_refunded_whole_closed_and_its_stock_stays_sold() {
    let mut tree = packed_order(&[1_000, 333]);
    leaves(&mut tree, FIRST);
    let (change, asks) = goes_wrong(&mut tree, FIRST, ExceptionKind::Lost);
    assert!(!asks);
    assert_eq!(tags(&change), ["SHIPMENT_LOST"]);
    assert!(change.stock.is_empty(), "lost goods are not there to be sold again");
    assert_eq!((tree.shops[0].status, tree.shops[0].sub_status), (Status::Shipped, SubStatus::Closing));
    assert_eq!(tree.shops[0].reason.as_ref().unwrap().code, "lost");
    assert_eq!((back(&tree, false), back(&tree, true)), (tree.pay.amounts.to_pay, 7), "freight and coins too");
    all_refunds_succeed(&mut tree);
    assert_eq!(tree.shops[0].status, Status::Closed);
    assert_eq!(by_number(&tree, FIRST).status, ShipmentStatus::Lost);
}

#[test]
fn a_refused_package_comes_back_into_stock() {
    let mut tree = packed_order(&[1_000, 333]);
    leaves(&mut tree, FIRST);
    let (change, _) = goes_wrong(&mut tree, FIRST, ExceptionKind::Refused);
    let moves: Vec<_> = change.stock.iter().map(|m| (m.kind, m.quantity, m.reason.as_str())).collect();
    assert_eq!(moves, [(StockMoveKind::Restock, 4, "restock:S70")], "once, and not again by the undo");
    assert_eq!(tree.shops[0].reason.as_ref().unwrap().code, "refused");
}

#[test]
fn a_late_package_is_marked_and_nothing_else() {
    let mut tree = packed_order(&[1_000]);
    leaves(&mut tree, FIRST);
    let (change, asks) = goes_wrong(&mut tree, FIRST, ExceptionKind::Delayed);
    assert_eq!((tags(&change), asks), (vec!["SHIPMENT_DELAYED"], false));
    assert_eq!(by_number(&tree, FIRST).delayed_at, Some(AT + 1));
    assert_eq!((tree.shops[0].status, tree.refunds.len()), (Status::Shipped, 0));
    assert!(arrives(&mut tree, FIRST));
}

#[test]
fn one_of_several_lost_is_refunded_alone_and_the_others_are_received() {
    let mut tree = packed_order(&[1_000, 333]);
    let change = divided(&mut tree, &[vec![units(0, 2), units(1, 1)], vec![units(1, 1)]]).unwrap();
    assert_eq!(tags(&change), ["SHIPMENT_CREATED"]);
    let second = ShipmentNo(71);
    leaves(&mut tree, FIRST);
    assert_eq!(tree.shops[0].sub_status, SubStatus::PartShipped);
    leaves(&mut tree, second);
    assert_eq!(tree.shops[0].status, Status::Shipped);
    assert!(!arrives(&mut tree, FIRST), "one is still on its way");
    let (_, asks) = goes_wrong(&mut tree, second, ExceptionKind::Lost);
    assert!(asks, "all that remains was delivered");
    let item = &tree.shops[0].items[1];
    let [coins, cash] = [true, false].map(|coins| back(&tree, coins));
    assert!(cash <= item.share.cash / 2 + 1 && cash >= item.share.cash / 2 - 1, "one unit of the second line: {cash}");
    assert!(coins <= item.share.coins / 2 + 1);
    assert_eq!(item.refunded.restocked, 1, "its stock is settled");
    assert_eq!(tree.shops[0].status, Status::Shipped);

    // Undone later, the order gives back the stock of what was not lost.
    let change = undone(&mut tree, "");
    assert_eq!(change.stock.iter().map(|m| m.quantity).sum::<i64>(), 3);
    all_refunds_succeed(&mut tree);
    assert_eq!(back(&tree, false), tree.pay.amounts.to_pay);
}

#[test]
fn a_package_lost_before_the_others_left_takes_the_order_back_to_waiting() {
    let mut tree = packed_order(&[1_000]);
    divided(&mut tree, &[vec![units(0, 1)], vec![units(0, 1)]]).unwrap();
    leaves(&mut tree, FIRST);
    goes_wrong(&mut tree, FIRST, ExceptionKind::Lost);
    assert_eq!((tree.shops[0].status, tree.shops[0].sub_status), (Status::Paid, SubStatus::ToShip));
    leaves(&mut tree, ShipmentNo(71));
    assert_eq!(tree.shops[0].status, Status::Shipped);
    let confirmed =
        hook::Received { verdict: hook::Verdict::Confirmed, attributes: vec![], events: vec![], extra: vec![] };
    step(&mut tree, |d| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
    assert_eq!(by_number(&tree, FIRST).status, ShipmentStatus::Lost, "what was lost does not arrive");
}

#[test]
fn each_unit_goes_into_exactly_one_package() {
    let mut tree = packed_order(&[1_000, 333]);
    let wrong = |line, packed, wanted| Err(CannotDivide::Units { line, packed, wanted });
    assert_eq!(divided(&mut tree, &[vec![units(0, 2), units(1, 2)]]).map(drop), Err(CannotDivide::Count));
    let many = vec![vec![units(0, 1)]; PACKAGES_MAX + 1];
    assert_eq!(divided(&mut tree, &many).map(drop), Err(CannotDivide::Count));
    assert_eq!(divided(&mut tree, &[vec![units(0, 2)], vec![units(1, 1)]]).map(drop), wrong(1, 2, 1));
    assert_eq!(divided(&mut tree, &[vec![units(0, 2)], vec![units(0, 1), units(1, 2)]]).map(drop), wrong(0, 2, 3));
    assert_eq!(divided(&mut tree, &[vec![units(0, 2), units(1, 2)], vec![units(7, 1)]]).map(drop), wrong(7, 0, 1));
    assert_eq!(divided(&mut tree, &[vec![units(0, 2), units(1, 2)], vec![]]).map(drop), Err(CannotDivide::Package(1)));
    let twice = [vec![units(0, 1), units(0, 1)], vec![units(1, 2)]];
    assert_eq!(divided(&mut tree, &twice).map(drop), Err(CannotDivide::Package(0)));
    let none = [vec![units(0, 2), units(1, 0)], vec![units(1, 2)]];
    assert_eq!(divided(&mut tree, &none).map(drop), Err(CannotDivide::Package(0)));
    step(&mut tree, |d| tell::telling(d, SHOP));
    let told = by_number(&tree, FIRST).clone();
    step(&mut tree, |d| tell::taken(d, &told, ""));
    let good = [vec![units(0, 2)], vec![units(1, 2)]];
    assert_eq!(divided(&mut tree, &good).map(drop), Err(CannotDivide::Told), "somebody packs it already");
}

#[test]
fn the_automatic_receipt_is_put_off_once_with_its_timer() {
    let mut tree = packed_order(&[1_000]);
    let attempt = |tree: &mut OrderTree, by| {
        let mut told = Ok(0);
        let change = step(tree, |d| told = extend(d, SHOP, by));
        (told, change)
    };
    assert_eq!(attempt(&mut tree, 5).0, Err(CannotExtend::NotShipped));
    leaves(&mut tree, FIRST);
    assert_eq!(attempt(&mut tree, 0).0, Err(CannotExtend::Forbidden));
    let due = tree.shops[0].expire_time.unwrap();
    let (told, change) = attempt(&mut tree, 5_000);
    assert_eq!((told, tree.shops[0].expire_time), (Ok(due + 5_000), Some(due + 5_000)));
    assert_eq!(
        change.arm.iter().map(|t| (t.key.kind, t.due)).collect::<Vec<_>>(),
        [(TimerKind::AutoReceive, due + 5_000)]
    );
    assert_eq!(attempt(&mut tree, 5_000).0, Err(CannotExtend::Already));
}

#[test]
fn the_fulfilment_service_hears_of_packages_that_wait_and_of_those_that_must_not_leave() {
    let mut tree = packed_order(&[1_000]);
    divided(&mut tree, &[vec![units(0, 1)], vec![units(0, 1)]]).unwrap();
    let untold = |tree: &OrderTree| tell::untold(tree, SHOP).map(|s| s.no).collect::<Vec<_>>();
    assert_eq!(untold(&tree), [FIRST, ShipmentNo(71)]);
    step(&mut tree, |d| tell::telling(d, SHOP));
    let told = by_number(&tree, FIRST).clone();
    step(&mut tree, |d| tell::taken(d, &told, ""));
    assert_eq!(untold(&tree), [ShipmentNo(71)]);
    let change = undone(&mut tree, "");
    let recalled = tell::recalled(&tree, SHOP).map(|s| s.no).collect::<Vec<_>>();
    assert_eq!(recalled, [FIRST, ShipmentNo(71)], "it may know of the one it did not answer for too");
    assert!(change.arm.iter().any(|t| t.key.kind == TimerKind::Fulfilment), "it is told to keep it");
    assert!(untold(&tree).is_empty());
    let cancelled = by_number(&tree, FIRST).clone();
    step(&mut tree, |d| tell::taken(d, &cancelled, ""));
    let recalled = tell::recalled(&tree, SHOP).map(|s| s.no).collect::<Vec<_>>();
    assert_eq!(recalled, [ShipmentNo(71)], "what it took is not told again");
}

#[test]
fn the_fulfilment_service_must_not_send_what_the_seller_sent() {
    for (by_service, recalled) in [(true, false), (false, true)] {
        let mut tree = packed_order(&[1_000]);
        step(&mut tree, |d| tell::telling(d, SHOP));
        let left = step(&mut tree, |d| {
            let (carrier, waybill) = ("SF".into(), "SF1".into());
            let notice = ShipNotice { shipment_no: Some(FIRST), carrier, waybill, by_service };
            ship::shipped(d, SHOP, &notice).unwrap();
        });
        let armed = left.arm.iter().any(|t| t.key.kind == TimerKind::Fulfilment);
        let named = tell::recalled(&tree, SHOP).any(|s| s.no == FIRST);
        assert_eq!((armed, named), (recalled, recalled), "by the service: {by_service}");
    }
}

/// The state that the packages of an order that goes on give it.
fn state_by_rule(tree: &OrderTree) -> (Status, SubStatus) {
    let any = |status| tree.shipments_of(SHOP).any(|s| s.status == status);
    let left = any(ShipmentStatus::Shipped) || any(ShipmentStatus::Delivered);
    match (any(ShipmentStatus::Created), left) {
        (true, true) => (Status::Paid, SubStatus::PartShipped),
        (true, false) => (Status::Paid, SubStatus::ToShip),
        (false, true) => (Status::Shipped, SubStatus::None),
        (false, false) => (Status::Shipped, SubStatus::Closing),
    }
}

proptest! {
    /// Whatever happens to the packages of an order, in any order and repeated.
    #[test]
    fn any_fate_of_several_packages_keeps_every_invariant(
        prices in prop::collection::vec(1_i64..5_000, 1..4),
        cuts in prop::collection::vec(0_usize..4, 6),
        events in prop::collection::vec((0_usize..7, 0_usize..4), 1..30),
        all_fail in any::<bool>(),
    ) {
        let mut tree = packed_order(&prices);
        let mut packages: Vec<Vec<Packed>> = vec![vec![]; 4];
        for (nth, cut) in cuts.iter().enumerate().take(2 * prices.len()) {
            let line = u32::try_from(nth / 2).unwrap();
            match packages[*cut].iter_mut().find(|p| p.line == line) {
                Some(packed) => packed.quantity += 1,
                None => packages[*cut].push(units(line, 1)),
            }
        }
        packages.retain(|package| !package.is_empty());
        if packages.len() > 1 {
            divided(&mut tree, &packages).unwrap();
        }
        let paid: i64 = tree.payments.iter().map(|p| p.amount + p.balance).sum();
        let mut sold: i64 = tree.shops[0].items.iter().map(|i| i64::from(i.quantity)).sum();
        let confirmed = hook::Received { verdict: hook::Verdict::Confirmed, attributes: vec![], events: vec![], extra: vec![] };
        // At the end everything that is left leaves, and is delivered or lost.
        let count = tree.shipments.len();
        let mut rest: Vec<(usize, usize)> = (0..count).map(|at| (0, at)).collect();
        rest.extend((0..count).map(|at| (if all_fail { 2 } else { 1 }, at)));
        for (event, at) in events.into_iter().chain(rest) {
            let (shop, shipment) = (tree.shops[0].clone(), tree.shipments[at % count].clone());
            let may = |event: Event| judge(event, shop.status, shop.sub_status) == Judgement::Apply
                && judge_shipment(event, shipment.status) == Judgement::Apply;
            let kind = [ExceptionKind::Lost, ExceptionKind::Refused, ExceptionKind::Delayed];
            let mut moved = false;
            match event {
                0 if may(Event::Ship) => {
                    leaves(&mut tree, shipment.no);
                    moved = true;
                }
                1 if may(Event::Deliver) && !all_fail => {
                    let last = arrives(&mut tree, shipment.no);
                    let open = tree.shipments_of(SHOP).any(|s| s.remains() && s.status != ShipmentStatus::Delivered);
                    prop_assert_eq!(last, !open);
                    moved = true;
                }
                2..=4 if may(Event::Exception) => {
                    let (change, asks) = goes_wrong(&mut tree, shipment.no, kind[event - 2]);
                    sold -= change.stock.iter().map(|m| m.quantity).sum::<i64>();
                    let open = tree.shipments_of(SHOP).any(|s| s.remains() && s.status != ShipmentStatus::Delivered);
                    let all = tree.shops[0].status == Status::Shipped && tree.shops[0].sub_status == SubStatus::None && !open;
                    prop_assert_eq!(asks, all && event != 4);
                    moved = true;
                }
                5 if !all_fail && judge(Event::Receive, shop.status, shop.sub_status) == Judgement::Apply => {
                    step(&mut tree, |d| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
                }
                6 => {
                    if let Some(owed) = tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
                        step(&mut tree, |d| undo::refunded(d, owed, &LineRules::default()));
                    }
                }
                _ => {
                    step(&mut tree, |d| d.ignore(SHOP, "late", ""));
                }
            }
            let shop = &tree.shops[0];
            if moved && shop.status != Status::Closed {
                prop_assert_eq!((shop.status, shop.sub_status), state_by_rule(&tree));
            }
            prop_assert!(back(&tree, false) <= paid && back(&tree, true) <= 7);
            prop_assert!(shop.items.iter().all(|i| i.refunded.restocked <= i.quantity));
        }
        all_refunds_succeed(&mut tree);
        let gone = |status| -> i64 {
            let units = tree.shipments.iter().filter(|s| s.status == status).flat_map(|s| &s.items);
            units.map(|p| i64::from(p.quantity)).sum()
        };
        let total: i64 = tree.shops[0].items.iter().map(|i| i64::from(i.quantity)).sum();
        prop_assert_eq!(sold, total - gone(ShipmentStatus::Refused), "refused goods come back, lost ones stay sold");
        if tree.shipments.iter().any(Shipment::remains) {
            prop_assert!(!all_fail);
            let refunded: i64 = tree.shops[0].items.iter().map(|i| i64::from(i.refunded.quantity)).sum();
            prop_assert_eq!(refunded, gone(ShipmentStatus::Lost) + gone(ShipmentStatus::Refused), "those items alone");
        } else {
            prop_assert_eq!(tree.shops[0].status, Status::Closed);
            prop_assert_eq!((back(&tree, false), back(&tree, true)), (paid, 7), "everything failed: everything goes back");
            prop_assert!(tree.shops[0].items.iter().all(|i| i.refunded.quantity == i.quantity));
        }
    }
}
