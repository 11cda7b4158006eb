//! Lists, page by page.

use hookline::domain::catalogue::{AdminWrite, Business, Grant, LineRules};
use hookline::domain::change::Change;
use hookline::domain::ids::{OrderNo, ShopId};
use hookline::domain::order::Status;
use hookline::store::{Cursor, Filter, StoreError, testing};

use crate::harness::on_both;
use crate::make::*;

fn nos(orders: &[hookline::domain::order::ShopOrder]) -> Vec<OrderNo> {
    orders.iter().map(|order| order.no).collect()
}

on_both! {
    async fn shop_orders_are_listed_from_the_newest(db) {
        stocked(&db.store).await;
        let business = Business {
            code: goods(), name: "Goods".into(), kinds: vec![], rules: LineRules::default(),
            settings: serde_json::json!({}), grant: Grant::default(), active: None, enabled: true,
        };
        let admin = vec![AdminWrite::PutBusiness(business)];
        db.store.commit(Change { admin, ..Change::default() }).await.unwrap();
        let mut trees = vec![];
        for seed in 1..=7 {
            trees.push(created(&db.store, seed, if seed == 4 { "hanmeimei" } else { "lilei" }).await);
        }
        let mine: Vec<OrderNo> = trees.iter().rev().filter(|t| t.pay.buyer == buyer("lilei")).map(|t| t.shops[0].no).collect();
        let of_buyer = Filter { buyer: Some(buyer("lilei")), ..Filter::default() };
        let first = db.store.shop_orders(&of_buyer, None, 4).await.unwrap().orders;
        assert_eq!(first[0], trees[6].shops[0]);
        let second = db.store.shop_orders(&of_buyer, Some(Cursor(first[3].no)), 4).await.unwrap().orders;
        assert_eq!([nos(&first), nos(&second)].concat(), mine);
        let of_shop = Filter { shop: Some(ShopId::new("shop-1").unwrap()), ..Filter::default() };
        assert_eq!(db.store.shop_orders(&of_shop, None, 50).await.unwrap().orders.len(), 7);
        for (status, count) in [(Status::Created, 7), (Status::Closed, 0)] {
            let of_line = Filter { business: Some(goods()), status: Some(status), ..Filter::default() };
            assert_eq!(db.store.shop_orders(&of_line, None, 50).await.unwrap().orders.len(), count);
        }
        let since = Filter { from: Some(NOW + 1), ..Filter::default() };
        assert_eq!(db.store.shop_orders(&since, None, 50).await.unwrap().orders.len(), 0);
        assert_eq!(db.store.shop_orders(&Filter::default(), None, 3).await.unwrap().orders.len(), 3);
    }

    async fn orders_for_people_are_listed_until_they_are_dealt_with(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let mark = |why: Option<&str>| {
            let why = why.map(str::to_owned);
            move |tree: &hookline::domain::tree::OrderTree| Change {
                shop_orders: vec![next_shop(tree, |shop| shop.attention = why)],
                ..Change::default()
            }
        };
        let change = mark(Some("provider silent"))(&tree);
        let tree = step(&db.store, tree, change).await;
        let listed = db.store.attention(Some(&goods()), None, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].no, listed[0].why.as_str()), (1, tree.shops[0].no, "provider silent"));
        assert_eq!(db.store.attention_count().await.unwrap(), 1);
        let plan = testing::plan_of(&db.store, "count orders for people", &[]).await;
        assert!(plan.contains("shop_orders_attention"), "{plan}");
        let change = mark(None)(&tree);
        step(&db.store, tree, change).await;
        assert_eq!(db.store.attention(None, None, 10).await.unwrap(), []);
    }

    async fn a_bad_row_is_named(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        db.side().await.run("UPDATE shop_orders SET status = 77").await;
        let error = db.store.order_tree(tree.pay.no).await.unwrap_err();
        let expected = format!("table shop_orders, column status, row {}: 77 is no code", tree.shops[0].no);
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error, StoreError::BadRow { .. }));
    }
}
