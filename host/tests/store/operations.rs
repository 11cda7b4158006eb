//! The operate log and its archive, and the list of settlements.

use hookline::clock::Clock;
use hookline::domain::change::{Change, Settlement};
use hookline::domain::ids::{Millis, OrderNo, ShopId};
use hookline::domain::operation::{OPERATION_HOT_MS, Operation};
use hookline::store::{Entry, SettlementFilter, Store, testing};
use hookline::worker::{Archive, Worked, Worker as _};

use crate::harness::on_both;
use crate::make::*;

fn entry(seed: i64, operator: &str, operation: &str, at: Millis) -> Operation {
    Operation {
        order_no: OrderNo(no(seed, 1, &buyer("lilei"))),
        level: 2,
        operator: operator.into(),
        operation: operation.into(),
        remark: "one \"remark\" 备注".into(),
        before: serde_json::json!({"visible": 0}),
        after: serde_json::json!({"visible": 1}),
        at,
    }
}

async fn write(store: &Store, operations: Vec<Operation>) {
    store.commit(Change { at: NOW, operations, ..Change::default() }).await.unwrap();
}

/// All entries of an order, by pages of two.
async fn of_order(store: &Store, seed: i64) -> Vec<Operation> {
    let (numbers, mut below, mut all) = ([OrderNo(no(seed, 1, &buyer("lilei")))], Entry::LAST, vec![]);
    loop {
        let page = store.operations_of(&numbers, below, 2).await.unwrap();
        let Some((last, _)) = page.last() else { return all };
        below = *last;
        all.extend(page.into_iter().map(|(_, operation)| operation));
    }
}

on_both! {
    async fn the_operate_log_is_read_from_the_newest_by_order_and_by_operator(db) {
        let times = [NOW, NOW + 5, NOW + 5, NOW + 9];
        write(&db.store, times.iter().map(|at| entry(1, "operator:zhang", "refund", *at)).collect()).await;
        write(&db.store, vec![entry(2, "operator:zhang", "cancel", NOW + 7), entry(2, "shop:s", "tags", NOW + 8)]).await;
        let read: Vec<Millis> = of_order(&db.store, 1).await.iter().map(|operation| operation.at).collect();
        assert_eq!(read, [NOW + 9, NOW + 5, NOW + 5, NOW]);
        assert_eq!(of_order(&db.store, 2).await[0], entry(2, "shop:s", "tags", NOW + 8));
        let (both, mut below, mut read) = ([1, 2].map(|seed| OrderNo(no(seed, 1, &buyer("lilei")))), Entry::LAST, vec![]);
        while let Some((last, operation)) = db.store.operations_of(&both, below, 1).await.unwrap().pop() {
            below = last;
            read.push(operation.at - NOW);
        }
        assert_eq!(read, [9, 8, 7, 5, 5, 0], "of several orders together");
        assert!(db.store.operations_of(&[], Entry::LAST, 9).await.unwrap().is_empty());
        let by = async |by, limit| {
            let found = db.store.operations(by, Entry::LAST, limit).await.unwrap();
            found.iter().map(|(_, operation)| operation.at - NOW).collect::<Vec<_>>()
        };
        assert_eq!(by(None, 3).await, [9, 8, 7]);
        assert_eq!(by(Some(("operator:zhang", None)), 10).await, [9, 7, 5, 5, 0]);
        assert_eq!(by(Some(("operator:zhang", Some("cancel"))), 10).await, [7]);
        assert!(by(Some(("nobody", None)), 10).await.is_empty());
        let first = db.store.operations(Some(("operator:zhang", None)), Entry::LAST, 3).await.unwrap();
        let rest = db.store.operations(Some(("operator:zhang", None)), first[2].0, 3).await.unwrap();
        assert_eq!(rest.iter().map(|(_, operation)| operation.at - NOW).collect::<Vec<_>>(), [5, 0]);
    }

    async fn old_entries_move_to_the_archive_once_and_are_still_read(db) {
        let old = |n| entry(1, "operator:zhang", "refund", NOW - OPERATION_HOT_MS - 1 - n);
        write(&db.store, (0..4_500).map(old).collect()).await;
        write(&db.store, vec![entry(1, "operator:zhang", "refund", NOW - OPERATION_HOT_MS), entry(1, "operator:zhang", "refund", NOW)]).await;
        let (clock, hand) = Clock::manual(NOW);
        let mut worker = Archive::new(db.store.clone(), clock);
        assert_eq!(worker.run_once().await.unwrap(), Worked::More, "2,000 at a time");
        assert_eq!(db.number("SELECT count(*) FROM operate_logs_archive").await, 2_000);
        // Killed between its two steps: what was copied is in both.
        db.side().await.run(
            "INSERT INTO operate_logs_archive (slot, order_no, at, n, level, operator, operation, remark, before, after) \
             SELECT slot, order_no, at, n, level, operator, operation, remark, before, after FROM operate_logs \
             ORDER BY at LIMIT 700",
        ).await;
        assert_eq!(of_order(&db.store, 1).await.len(), 4_502, "none twice");
        while worker.run_once().await.unwrap() == Worked::More {}
        assert_eq!(db.number("SELECT count(*) FROM operate_logs_archive").await, 4_500);
        assert_eq!(db.number("SELECT count(*) FROM operate_logs").await, 2, "three months stay");
        assert_eq!(of_order(&db.store, 1).await.len(), 4_502);
        hand.advance(1);
        while worker.run_once().await.unwrap() == Worked::More {}
        assert_eq!(db.number("SELECT count(*) FROM operate_logs").await, 1);
        assert_eq!(of_order(&db.store, 1).await.len(), 4_502);
    }

    async fn settlements_are_listed_by_shop_and_line_and_time(db) {
        let settled = |seed: i64| Settlement {
            shop_no: OrderNo(no(seed, 1, &buyer("lilei"))),
            shop: ShopId::new(if seed % 2 == 0 { "shop-0" } else { "shop-1" }).unwrap(),
            business: goods(),
            currency: "JPY".parse().unwrap(),
            gross: 100 * seed,
            technical_fee: seed,
            promotion_fee: 0,
            net: 99 * seed,
            at: NOW + seed,
        };
        let settlements = (1..=7).map(settled).collect();
        db.store.commit(Change { at: NOW, settlements, ..Change::default() }).await.unwrap();
        let of_shop = SettlementFilter { shop: Some(ShopId::new("shop-1").unwrap()), ..SettlementFilter::default() };
        let first = db.store.settlements(&of_shop, None, 3).await.unwrap();
        assert_eq!(first.settlements, [settled(7), settled(5), settled(3)]);
        let second = db.store.settlements(&of_shop, first.next, 3).await.unwrap();
        assert_eq!((second.settlements, second.next), (vec![settled(1)], None));
        let of_line = SettlementFilter { business: Some(goods()), from: Some(NOW + 2), to: Some(NOW + 5), ..SettlementFilter::default() };
        assert_eq!(db.store.settlements(&of_line, None, 50).await.unwrap().settlements, [settled(4), settled(3), settled(2)]);
        let other = SettlementFilter { business: Some("hotel".parse().unwrap()), ..SettlementFilter::default() };
        assert_eq!(db.store.settlements(&other, None, 50).await.unwrap().settlements, []);
    }

    async fn the_operate_log_and_settlements_go_by_an_index(db) {
        use testing::Cell::{Int, Ints, NoInt, NoText, Text};
        let place = [Int, Int, Int, Int];
        let by_operator = [place.as_slice(), &[Text, Text]].concat();
        let settled = [Text, Int, Int, NoText, NoText, NoInt, NoInt, Int];
        let statements: [(&str, &[testing::Cell], &[&str]); 8] = [
            ("operate log of orders", &[Ints, Int, Int, Int, Int], &["operate_logs", "operate_logs_archive"]),
            ("operate log", &place, &["operate_logs_at"]),
            ("operate log of an operator", &by_operator, &["operate_logs_operator"]),
            ("what an operator does", &[Text], &["operate_logs_operator"]),
            ("settlements of a shop", &settled, &["settlements_shop"]),
            ("settlements of a business", &settled, &["settlements_business"]),
            ("reach among settlements of a shop", &[Text, Int, Int], &["settlements_shop"]),
            ("reach among settlements of a business", &[Text, Int, Int], &["settlements_business"]),
        ];
        for (name, cells, indexes) in statements {
            let plan = testing::plan_of(&db.store, name, cells).await;
            assert!(indexes.iter().all(|index| plan.contains(index)), "{name}:\n{plan}");
            let whole = ["Seq Scan", "SCAN operate_logs", "SCAN t", "SCAN o"];
            assert!(!whole.iter().any(|scan| plan.contains(scan)), "{name} reads a table whole:\n{plan}");
        }
    }
}
