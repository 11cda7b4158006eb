//! Hiding, rating, commenting and tagging: beside the state, before and after the end.

use serde_json::json;

use super::super::upkeep::{self, Side, Unhidden};
use super::*;
use crate::domain::order::{RateStatus, Visible};
use crate::domain::rating;

const ITEM: OrderNo = OrderNo(3);
const WINDOW: i64 = 1_000;

fn received(prices: &[i64]) -> OrderTree {
    let (_, mut tree) = made(prices);
    pay_by_provider(&mut tree);
    step(&mut tree, |d| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
    step(&mut tree, |d| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into(), by_service: false };
    step(&mut tree, |d| ship::shipped(d, SHOP, &notice).unwrap());
    let confirmed =
        hook::Received { verdict: hook::Verdict::Confirmed, attributes: vec![], events: vec![], extra: vec![] };
    step(&mut tree, |d| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
    tree
}

fn completed() -> OrderTree {
    let mut tree = received(&[1_000, 333]);
    step(&mut tree, |d| settle::complete(d, SHOP, &LineRules::default()));
    tree
}

fn item_status(tree: &OrderTree, now: i64) -> RateStatus {
    rating::of_item(&tree.shops[0], &tree.shops[0].items[0], WINDOW, now)
}

#[test]
fn an_item_can_be_rated_twice_from_its_receipt_until_the_window_is_over() {
    use RateStatus::{Again, Closed};
    let (_, new) = made(&[1_000]);
    assert_eq!(item_status(&new, AT), RateStatus::NotYet);
    let mut tree = completed();
    let received_at = tree.shops[0].received_at.unwrap();
    assert_eq!(item_status(&tree, received_at), RateStatus::Open);
    assert_eq!(item_status(&tree, received_at + WINDOW - 1), RateStatus::Open);
    assert_eq!(item_status(&tree, received_at + WINDOW), RateStatus::Closed);
    let mut next = vec![];
    for _ in 0..3 {
        let status = item_status(&tree, received_at);
        let mut rated = false;
        let change = step(&mut tree, |d| rated = upkeep::rate(d, SHOP, ITEM, status));
        let told = change.events.iter().map(|e| e.tag.as_str()).collect::<Vec<_>>();
        assert_eq!(told, if rated { vec!["ORDER_RATED"] } else { vec![] });
        next.push((rated, item_status(&tree, received_at)));
    }
    assert_eq!(next, [(true, Again), (true, Closed), (false, Closed)]);
    assert_eq!((tree.shops[0].items[0].ratings, tree.shops[0].items[1].ratings), (2, 0));
    assert_eq!(tree.status(), Status::Completed, "a rating moves no state");
}

#[test]
fn what_failed_or_went_back_cannot_be_rated() {
    let mut closing = received(&[1_000]);
    undone(&mut closing, "broken");
    assert_eq!(closing.shops[0].sub_status, SubStatus::Closing);
    assert_eq!(item_status(&closing, AT), RateStatus::Closed);
    let owed = closing.refunds.iter().find(|r| r.status == RefundStatus::Pending).unwrap().clone();
    step(&mut closing, |d| undo::refunded(d, owed, &LineRules::default()));
    assert_eq!(closing.shops[0].status, Status::Closed);
    assert_eq!(item_status(&closing, AT), RateStatus::Closed);
    let mut one_back = received(&[1_000, 333]);
    one_back.shops[0].items[0].refunded.quantity = one_back.shops[0].items[0].quantity;
    assert_eq!(item_status(&one_back, AT), RateStatus::Closed);
}

#[test]
fn an_order_shows_what_can_be_done_first() {
    use RateStatus::{Again, Closed, NotYet, Open};
    for (items, all) in [
        (vec![Closed, Again, NotYet, Open], Open),
        (vec![Closed, NotYet, Again], Again),
        (vec![Closed, NotYet], NotYet),
        (vec![Closed, Closed], Closed),
        (vec![], NotYet),
    ] {
        assert_eq!(rating::of_all(items.clone()), all, "{items:?}");
    }
}

#[test]
fn an_ended_order_goes_to_the_bin_and_back_until_it_is_deleted_for_good() {
    let mut open = received(&[1_000]);
    step(&mut open, |d| assert_eq!(upkeep::show(d, SHOP, Visible::Deleted), Err(Unhidden::Open(Status::Received))));
    let mut tree = completed();
    for (to, moved) in [
        (Visible::Deleted, Ok(true)),
        (Visible::Deleted, Ok(false)),
        (Visible::Normal, Ok(true)),
        (Visible::Deleted, Ok(true)),
        (Visible::Gone, Ok(true)),
        (Visible::Normal, Err(Unhidden::Gone)),
        (Visible::Deleted, Err(Unhidden::Gone)),
    ] {
        step(&mut tree, |d| assert_eq!(upkeep::show(d, SHOP, to), moved, "{to}"));
    }
    assert_eq!((tree.shops[0].visible, tree.shops[0].status), (Visible::Gone, Status::Completed));
}

#[test]
fn every_deed_says_who_changed_what() {
    let (_, mut tree) = made(&[1_000]);
    let change = step(&mut tree, |d| {
        upkeep::comment(d, SHOP, Side::Seller, "fragile");
        upkeep::comment(d, SHOP, Side::Buyer, "ring twice");
        upkeep::tag(d, SHOP, &["vip".to_owned()], Some("erp-7"));
        upkeep::tag(d, SHOP, &[], Some(""));
    });
    let told: Vec<_> =
        change.operations.iter().map(|o| (o.operation.as_str(), o.before.clone(), o.after.clone())).collect();
    let expected = [
        ("comment", json!({"seller_comment": ""}), json!({"seller_comment": "fragile"})),
        ("comment", json!({"buyer_comment": ""}), json!({"buyer_comment": "ring twice"})),
        ("tags", json!({"tags": [], "out_id": null}), json!({"tags": ["vip"], "out_id": "erp-7"})),
        ("tags", json!({"tags": ["vip"], "out_id": "erp-7"}), json!({"tags": [], "out_id": null})),
    ];
    assert_eq!(told, expected);
    assert!(change.operations.iter().all(|o| (o.level, o.order_no, o.operator.as_str()) == (2, SHOP, "test")));
    let shop = &tree.shops[0];
    assert_eq!((shop.facts.seller_comment.as_str(), shop.facts.buyer_comment.as_str()), ("fragile", "ring twice"));
    assert_eq!((shop.facts.tags.len(), shop.out_id.as_deref()), (0, None));
}
