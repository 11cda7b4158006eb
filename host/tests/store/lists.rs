//! Lists and counts go by an index and answer at once, however many orders there are.

use std::time::{Duration, Instant};

use hookline::domain::catalogue::{AdminWrite, Business, Grant, LineRules};
use hookline::domain::change::Change;
use hookline::domain::ids::{OrderNo, ShopId, Slot};
use hookline::domain::number::number;
use hookline::domain::order::{Status, Visible};
use hookline::store::{COUNT_MAX, Cursor, Filter, testing};

use crate::harness::{Db, Side, on_both};
use crate::make::*;

/// Statements about orders of somebody, and the index that finds them.
const FOUND_BY: [(&str, &str); 8] = [
    ("orders of a buyer", "shop_orders_buyer"),
    ("orders of a shop", "shop_orders_shop"),
    ("open orders of a shop", "shop_orders_open_shop"),
    ("ended orders of a shop", "shop_orders_ended_shop"),
    ("orders of a business", "shop_orders_business"),
    ("open orders of a business", "shop_orders_open"),
    ("ended orders of a business", "shop_orders_ended_business"),
    ("orders of a reference", "shop_orders_out_id"),
];

/// The same of after-sales.
const AFTERSALES_FOUND_BY: [(&str, &str); 6] = [
    ("after-sales of a shop", "aftersales_shop"),
    ("open after-sales of a shop", "aftersales_open_shop"),
    ("after-sales of a shop in a state", "aftersales_shop_status"),
    ("after-sales of a business", "aftersales_business"),
    ("open after-sales of a business", "aftersales_open"),
    ("after-sales of a business in a state", "aftersales_business_status"),
];

/// Fails unless the plan goes by the index, reads no table whole, and sorts nothing where the index is in order.
fn assert_by_index(plan: &str, index: &str, what: &str, in_order: bool) {
    let names = [format!("INDEX {index} ("), format!("using {index} on"), format!("{index} (cost")];
    assert!(names.iter().any(|name| plan.contains(name)), "{what} does not go by {index}:\n{plan}");
    let bounded = plan.contains("no<?") || plan.contains("(no < '1'");
    assert!(bounded, "{what} reads all of {index}:\n{plan}");
    // What is counted comes from the index; only that is read whole.
    let whole = plan.contains("Seq Scan") || plan.contains("SCAN s") && !plan.contains("CO-ROUTINE s\n");
    assert!(!whole, "{what} reads a table whole:\n{plan}");
    for sort in ["Sort", "TEMP B-TREE FOR ORDER BY"] {
        assert!(!(in_order && plan.contains(sort)), "{what} sorts:\n{plan}");
    }
}

on_both! {
    async fn every_list_goes_by_its_index(db) {
        use testing::Cell::{Int, NoInt, NoText, Text};
        for (name, index) in FOUND_BY {
            let buyers = index == "shop_orders_buyer";
            let status = if index.contains("_ended_") { Int } else { NoInt };
            let out_id = if index == "shop_orders_out_id" { Text } else { NoText };
            let mut asked = vec![Text, Int, Int, NoText, NoText, status, NoInt, NoInt, NoInt, NoText, out_id, Int];
            asked.extend(buyers.then_some(Int));
            assert_by_index(&testing::plan_of(&db.store, name, &asked).await, index, name, true);
            let mut reached = vec![Text, Int, Int, Int];
            reached.extend((buyers || matches!(status, Int)).then_some(Int));
            reached.extend(matches!(out_id, Text).then_some(Text));
            let plan = testing::plan_of(&db.store, &format!("reach among {name}"), &reached).await;
            assert_by_index(&plan, index, name, true);
            if !matches!(index, "shop_orders_shop" | "shop_orders_business") {
                let plan = testing::plan_of(&db.store, &format!("count {name}"), &asked).await;
                assert_by_index(&plan, index, name, false);
            }
        }
    }

    async fn every_list_of_aftersales_goes_by_its_index(db) {
        use testing::Cell::{Int, NoInt, NoText, Text, Zero};
        for (name, index) in AFTERSALES_FOUND_BY {
            let status = if index.ends_with("_status") { Int } else { NoInt };
            let open = if index.contains("_open") { Int } else { Zero };
            let asked = [Text, Int, NoText, NoText, status, open, Int];
            assert_by_index(&testing::plan_of(&db.store, name, &asked).await, index, name, true);
        }
    }

    async fn a_million_orders_are_listed_and_counted_at_once(db) {
        fill(&db).await;
        let shop = |name: &str| Filter { shop: Some(ShopId::new(name).unwrap()), ..Filter::default() };
        let line = |name: &str| Filter { business: Some(name.parse().unwrap()), ..Filter::default() };
        let of_buyer = |name: &str| Filter { buyer: Some(buyer(name)), ..Filter::default() };
        let mut asked: Vec<(String, Filter)> = vec![("everything".to_owned(), Filter::default())];
        for (name, whose) in [
            ("reseller", of_buyer("reseller")),
            ("big shop", shop("big")),
            ("big line", line("goods")),
            ("small line", line("hotel")),
        ] {
            asked.push((format!("{name}, seen by its buyer"), Filter { visible: Some(Visible::Normal), ..whose.clone() }));
            asked.push((format!("{name}, recycle bin"), Filter { visible: Some(Visible::Deleted), ..whose.clone() }));
            asked.push((format!("{name}, one reference"), Filter { out_id: Some("ref-500008".into()), ..whose.clone() }));
            asked.push((format!("{name}, many of one reference"), Filter { out_id: Some("same".into()), ..whose.clone() }));
            for status in Status::ALL {
                asked.push((format!("{name}, {status}"), Filter { status: Some(*status), ..whose.clone() }));
            }
            let (from, to) = (Some(NOW + SPAN_MS / 3), Some(NOW + SPAN_MS / 3 + 60_000));
            asked.push((format!("{name}, a minute"), Filter { from, to, ..whose.clone() }));
            asked.push((name.to_owned(), whose));
        }
        asked.push(("a shop's orders of another line".to_owned(), Filter { business: Some("hotel".parse().unwrap()), ..shop("big") }));
        asked.push(("a line's orders of one shop".to_owned(), Filter { business: Some(goods()), ..shop("shop-17") }));
        let middle = Cursor(OrderNo(number(NOW + SPAN_MS / 2, 0, Slot::of("reseller"))));
        let (mut slow, mut worst) = (vec![], [Duration::ZERO; 2]);
        for (what, filter) in &asked {
            for (page, below) in [("first page", None), ("middle page", Some(middle))] {
                let list = async || drop(db.store.shop_orders(filter, below, 50).await.unwrap());
                let took = best(PAGE_BOUND, list).await;
                worst[0] = worst[0].max(took);
                slow.extend((took > PAGE_BOUND).then(|| format!("{what}, {page}: {took:?}")));
            }
            if filter.buyer.is_some() || filter.shop.is_some() || filter.business.is_some() {
                let count = async || drop(db.store.count_orders(filter).await.unwrap());
                let took = best(COUNT_BOUND, count).await;
                worst[1] = worst[1].max(took);
                slow.extend((took > COUNT_BOUND).then(|| format!("{what}, counts: {took:?}")));
            }
        }
        println!("{} lists and counts, the slowest {worst:?}", asked.len());
        assert!(slow.is_empty(), "too slow:\n{}", slow.join("\n"));

        let counts = db.store.count_orders(&line("goods")).await.unwrap();
        let of = |status: Status| counts.iter().find(|c| c.status == status).map(|c| (c.count, c.more)).unwrap();
        assert_eq!(of(Status::Completed), (COUNT_MAX, true));
        let rare = Filter { status: Some(Status::Created), ..shop("big") };
        assert_eq!(every(&db, &rare).await, ROWS / RARE, "short pages lead to all of them");
        let bin = Filter { visible: Some(Visible::Deleted), ..of_buyer("reseller") };
        assert_eq!(every(&db, &bin).await, ROWS / 1_000);
    }
}

/// How many shop orders there are.
const ROWS: i64 = 1_000_000;
/// One in so many is still to be paid, all in the big shop.
const RARE: i64 = 50_000;
/// They were made in this time.
const SPAN_MS: i64 = ROWS * 100;
/// For a page of a list; a scan takes seconds.
const PAGE_BOUND: Duration = Duration::from_millis(400);
/// For counts, which look at as many as 40,000 open and 30,000 ended orders.
const COUNT_BOUND: Duration = Duration::from_secs(2);
/// How often something slow is tried: other tests run beside this one.
const TRIES: usize = 4;

/// How long it takes, at best where it was slow.
async fn best(bound: Duration, work: impl AsyncFn()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        let began = Instant::now();
        work().await;
        best = best.min(began.elapsed());
        if best <= bound {
            break;
        }
    }
    best
}

/// Follows all pages: how many there are.
async fn every(db: &Db, filter: &Filter) -> i64 {
    let (mut count, mut below) = (0, None);
    loop {
        let page = db.store.shop_orders(filter, below, 200).await.unwrap();
        count += i64::try_from(page.orders.len()).unwrap();
        if page.next.is_none() {
            return count;
        }
        below = page.next;
    }
}

/// A million orders: half of them of one shop, most of one line, a tenth of one buyer; four in five have ended.
async fn fill(db: &Db) {
    let began = Instant::now();
    let mut side = db.side().await;
    let indexes = indexes(&mut side).await;
    if !db.is_postgres() {
        run(&mut side, "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA temp_store = MEMORY".to_owned())
            .await;
    }
    for (name, _) in &indexes {
        run(&mut side, format!("DROP INDEX {name}")).await;
    }
    let amounts = r#"{"price":1,"quantity":1,"discount":0,"freight":0,"tax":0,"freight_share":{"due":0,"shop_discount":0,
        "platform_discount":0,"coins":0,"coins_value":0,"third_party":0,"cash":0,"balance":0},
        "freight_refunded":{"quantity":0,"cash":0,"coins":0}}"#;
    let amounts = amounts.split_whitespace().collect::<String>();
    let facts =
        r#"{"delivery":"parcel","auto_receive_ms":1,"aftersale_window_ms":1,"ship_within_ms":1,"stock":"reserve"}"#;
    let sequences = r#"{"order":0,"payment":0,"fulfilment":0,"aftersale":0}"#;
    let (series, plugin) = if db.is_postgres() {
        (format!("generate_series(0::bigint, {}) AS g(i)", ROWS - 1), "decode(repeat('07', 32), 'hex')")
    } else {
        let digits = "(SELECT value AS d FROM json_each('[0,1,2,3,4,5,6,7,8,9]'))";
        let tens = (0..6).map(|p| format!("t{p}.d * {}", 10_i64.pow(p))).collect::<Vec<_>>().join(" + ");
        let from = (0..6).map(|p| format!("{digits} AS t{p}")).collect::<Vec<_>>().join(", ");
        (format!("(SELECT {tens} AS i FROM {from}) AS g"), "zeroblob(32)")
    };
    let slot = format!("CASE WHEN i % 10 = 0 THEN {} ELSE i % 1024 END", Slot::of("reseller").index());
    let second = number(NOW, 0, Slot::of_number(0)) >> 32;
    run(&mut side, format!(
        "INSERT INTO shop_orders (slot, no, pay_no, buyer, shop, business, kind, status, sub_status, version, visible, \
         amounts, plugin, pending_signals, decisions, attributes, sequences, created_at, ended_at, updated_at, out_id, facts, mark) \
         SELECT slot, no, 1, \
         CASE WHEN i % 10 = 0 THEN 'reseller' ELSE 'b' || i END, \
         CASE WHEN i % 10 < 5 THEN 'big' ELSE 'shop-' || i % 1000 END, \
         CASE WHEN i % 20 = 1 THEN 'hotel' ELSE 'goods' END, 1, \
         CASE WHEN i % {RARE} = 0 THEN 0 WHEN i % 5 = 0 THEN 2 + i / 5 % 3 WHEN i % 5 = 1 THEN 1 WHEN i % 5 = 2 THEN 5 ELSE 6 END, \
         0, 0, CASE WHEN i % 1000 = 0 THEN 1 ELSE 0 END, '{amounts}', {plugin}, 0, 0, '{{}}', '{sequences}', {NOW} + i * 100, \
         CASE WHEN i % 5 = 0 THEN NULL ELSE {NOW} END, {NOW}, \
         CASE WHEN i % 10 = 7 THEN 'same' WHEN i % 10 = 8 THEN 'ref-' || i ELSE NULL END, '{facts}', 0 \
         FROM (SELECT i, slot, (({second} + i / 10) << 32) | (i << 10) | slot AS no \
               FROM (SELECT i, {slot} AS slot FROM {series}) AS numbered ORDER BY 2, 3 LIMIT {ROWS}) AS made"
    ))
    .await;
    for (_, sql) in indexes {
        run(&mut side, sql).await;
    }
    for code in ["goods", "hotel"] {
        let business = Business {
            code: code.parse().unwrap(),
            name: code.into(),
            kinds: vec![],
            rules: LineRules::default(),
            settings: serde_json::json!({}),
            grant: Grant::default(),
            active: None,
            enabled: true,
        };
        let admin = vec![AdminWrite::PutBusiness(business)];
        db.store.commit(Change { admin, ..Change::default() }).await.unwrap();
    }
    println!("filled in {:?}", began.elapsed());
}

/// The table's own indexes with the statements that make them.
async fn indexes(side: &mut Side) -> Vec<(String, String)> {
    use sqlx::Row as _;
    match side {
        Side::Sqlite(conn) => {
            let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'shop_orders' AND sql IS NOT NULL";
            sqlx::query(sql).fetch_all(conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
        }
        Side::Postgres(conn) => {
            let sql = "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = 'shop_orders' AND indexname NOT LIKE '%pkey'";
            sqlx::query(sql).fetch_all(conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
        }
    }
}

async fn run(side: &mut Side, sql: String) {
    use sqlx::Executor as _;
    let sql = sqlx::AssertSqlSafe(sql);
    match side {
        Side::Sqlite(conn) => conn.execute(sql).await.map(drop),
        Side::Postgres(conn) => conn.execute(sql).await.map(drop),
    }
    .unwrap();
}
