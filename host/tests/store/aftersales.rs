//! What an order keeps of its life after the money.

use hookline::domain::aftersale::{
    Aftersale, AftersaleDetail, AftersaleKind, AftersaleStatus, Claim, Evidence, ReturnParcel,
};
use hookline::domain::change::{Change, Refusal, Write};
use hookline::domain::fulfilment::Track;
use hookline::domain::ids::{AftersaleNo, Digest, OrderNo, ShipmentNo};
use hookline::domain::operation::{ExternalNumber, Operation, Snapshot};
use hookline::domain::tree::OrderTree;
use hookline::store::{Carried, CommitError};
use serde_json::json;

use crate::harness::on_both;
use crate::make::*;

fn applied(tree: &OrderTree) -> Aftersale {
    let (shop, item) = (&tree.shops[0], &tree.shops[0].items[0]);
    Aftersale {
        no: AftersaleNo(no(1, 70, &tree.pay.buyer)),
        shop_no: shop.no,
        buyer: shop.buyer.clone(),
        shop: shop.shop.clone(),
        business: shop.business.clone(),
        kind: AftersaleKind::Return,
        status: AftersaleStatus::Applied,
        reason: "太小".into(),
        items: vec![Claim { item_no: item.no, quantity: 1, cash: 500, coins: 0, fee: 0, fee_coins: 0 }],
        detail: AftersaleDetail::default(),
        deadline: Some(NOW + 1_000),
        created_at: NOW,
        updated_at: NOW,
        ended_at: None,
    }
}

on_both! {
    async fn an_after_sale_is_read_with_its_order_and_found_by_its_number_and_waybill(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let mut row = applied(&tree);
        let asked = Change {
            shop_orders: vec![next_shop(&tree, |_| {})],
            aftersales: vec![Write::Insert(row.clone())],
            ..Change::default()
        };
        let tree = step(&db.store, tree, asked).await;
        assert_eq!(tree.aftersales, std::slice::from_ref(&row));
        row.status = AftersaleStatus::Returning;
        row.kind = AftersaleKind::Exchange;
        row.detail = AftersaleDetail {
            parcel: Some(ReturnParcel { carrier: "SF".into(), waybill: "BACK1".into(), sent_at: NOW }),
            shipment_no: Some(ShipmentNo(77)),
            evidence: vec![Evidence { by: "buyer:lilei".into(), at: NOW, text: "see".into(), links: vec![] }],
            ..AftersaleDetail::default()
        };
        let sent = Change {
            shop_orders: vec![next_shop(&tree, |_| {})],
            aftersales: vec![Write::Update(row.clone())],
            ..Change::default()
        };
        let tree = step(&db.store, tree, sent).await;
        assert_eq!(*db.store.order_tree(tree.pay.no).await.unwrap().unwrap(), tree);
        assert_eq!(*db.store.tree_of_aftersale(row.no).await.unwrap().unwrap(), tree);
        let (carried, found) = db.store.tree_of_waybill("BACK1").await.unwrap().unwrap();
        assert_eq!((carried, &*found), (Carried::Return(row.no), &tree));
    }

    async fn a_place_is_told_any_number_of_times_and_kept_once(db) {
        let track = |content: &str, at| Track {
            waybill: "SF1".into(), node_time: NOW, node_code: "HUB".into(), content: content.into(), at,
        };
        let twice = Change { at: NOW, tracks: vec![track("first", 1), track("again", 2)], ..Change::default() };
        db.store.commit(twice.clone()).await.unwrap();
        db.store.commit(twice).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM tracks").await, 1);
        assert_eq!(db.number("SELECT at FROM tracks").await, 1, "the first word stays");
    }

    async fn an_id_gets_one_number_for_ever(db) {
        let number = |seed| {
            let buyer = buyer("lilei");
            let no = OrderNo(no(seed, 1, &buyer));
            let external_numbers = vec![ExternalNumber { no, kind: "external", buyer, id: "E1".into() }];
            Change { at: NOW, external_numbers, ..Change::default() }
        };
        let first = number(1).external_numbers[0].no;
        db.store.commit(number(1)).await.unwrap();
        match db.store.commit(number(2)).await {
            Err(CommitError::Refused(Refusal::ExternalKnown { no })) => assert_eq!(no, first),
            other => panic!("{other:?}"),
        }
    }

    async fn operations_and_snapshots_are_written(db) {
        let order_no = OrderNo(no(1, 1, &buyer("lilei")));
        let operation = Operation {
            order_no, level: 2, operator: "shop:s".into(), operation: "reprice".into(), remark: "kind".into(),
            before: json!({"price": 2}), after: json!({"price": 1}), at: NOW,
        };
        let snapshot = |version| Snapshot { order_no, version, detail: vec![1, 2], digest: Digest([3; 32]), at: NOW };
        let change = Change {
            at: NOW,
            operations: vec![operation.clone(), operation],
            snapshots: vec![snapshot(0), snapshot(1)],
            ..Change::default()
        };
        db.store.commit(change).await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM operate_logs").await, 2);
        assert_eq!(db.number("SELECT count(*) FROM snapshots").await, 2);
    }
}
