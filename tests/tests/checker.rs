//! The checker must be able to fail: one row of a sound database is changed, and the right invariant breaks.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::path::Path;

use hookline_tests::checker::{self, Database, Invariant, Outside, Report, Snapshot};
use hookline_tests::history::{Create, Differs, Outcome};
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::suppliers::Entry;
use hookline_tests::world::{Line, World, catalogue};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

/// What a fault would do to the tables, and what must be said to be broken. The indexes of the copy are dropped first.
const FAULTS: [(&str, Invariant); 37] = [
    ("DELETE FROM pay_orders WHERE no = (SELECT min(no) FROM pay_orders)", Invariant::NoLostOrder),
    ("DELETE FROM item_orders WHERE shop_no = (SELECT min(no) FROM shop_orders)", Invariant::NoLostOrder),
    ("DELETE FROM settlements", Invariant::Once),
    ("DELETE FROM snapshots", Invariant::Once),
    ("UPDATE shop_orders SET amounts = json_set(amounts, '$.reprice', 1, '$.price', 1)", Invariant::MoneyConserved),
    ("UPDATE shop_orders SET visible = 99 WHERE status = 1", Invariant::NoOversell),
    ("UPDATE shop_orders SET visible = 99 WHERE status = 6", Invariant::Legal),
    ("UPDATE shipments SET waybill = 'the same'", Invariant::Once),
    ("UPDATE stock SET sold = sold + 1 WHERE sold > 0", Invariant::NoOversell),
    ("UPDATE stock SET reserved = reserved + 1 WHERE sold > 0", Invariant::NoOversell),
    ("DELETE FROM stock_moves WHERE kind = 1", Invariant::NoOversell),
    ("DELETE FROM stock_moves WHERE kind = 2", Invariant::NoOversell),
    ("UPDATE item_orders SET price = price + 1", Invariant::MoneyConserved),
    ("UPDATE item_orders SET share = json_set(share, '$.cash', 1)", Invariant::MoneyConserved),
    ("UPDATE pay_orders SET amounts = json_set(amounts, '$.to_pay', 1)", Invariant::MoneyConserved),
    ("UPDATE shop_orders SET amounts = json_set(amounts, '$.freight', 1)", Invariant::MoneyConserved),
    ("UPDATE payments SET amount = amount - 1 WHERE status = 1", Invariant::MoneyConserved),
    ("UPDATE payments SET status = 0", Invariant::MoneyConserved),
    ("UPDATE refunds SET amount = amount + 1", Invariant::MoneyConserved),
    ("DELETE FROM refunds", Invariant::MoneyConserved),
    ("UPDATE settlements SET gross = gross + 1, net = net + 1", Invariant::MoneyConserved),
    ("UPDATE wallet_accounts SET available = available + 1", Invariant::MoneyConserved),
    (
        "DELETE FROM postings WHERE operation <> 'top_up' AND to_account NOT LIKE 'available:%'",
        Invariant::MoneyConserved,
    ),
    ("DELETE FROM outbox_sent WHERE sequence = 2", Invariant::Events),
    (
        "INSERT INTO outbox (grp, subject, topic, sequence, tag, body) \
      SELECT grp, subject, topic, sequence + 1, tag, body FROM outbox_sent WHERE sequence = 4",
        Invariant::Events,
    ),
    ("DELETE FROM flows WHERE version = 1", Invariant::Legal),
    ("UPDATE shop_orders SET version = version + 1", Invariant::Legal),
    ("UPDATE shop_orders SET status = 2 WHERE status = 6", Invariant::Legal),
    ("UPDATE flows SET to_status = 0 WHERE event = 'pay'", Invariant::Legal),
    ("UPDATE pay_orders SET status = 1 WHERE status = 2", Invariant::Legal),
    ("UPDATE pay_orders SET expire_time = expire_time + 1", Invariant::Deadlines),
    ("UPDATE shop_orders SET expire_time = expire_time + 1 WHERE status = 0", Invariant::Deadlines),
    ("UPDATE shop_orders SET expire_time = NULL WHERE status = 2", Invariant::Deadlines),
    ("UPDATE timers SET due = due - 1 WHERE kind = 3", Invariant::Deadlines),
    ("DELETE FROM timers WHERE kind = 2", Invariant::Deadlines),
    ("UPDATE shop_orders SET expire_time = 1 WHERE ended_at IS NOT NULL", Invariant::Deadlines),
    (
        "INSERT INTO timers (slot, subject, kind, grp, due, attempt) \
      SELECT slot, no, 1, 0, 0, 0 FROM shop_orders WHERE ended_at IS NOT NULL",
        Invariant::Legal,
    ),
];

/// A database with completed, cancelled, closed and wallet-paid orders, and what its outside says.
async fn sound(file: &Path) -> Outside {
    let mut world = World::on_sqlite().await.unwrap();
    for line in Line::ALL {
        for paying in [Paying::Sandbox, Paying::Balance] {
            let journey = Journey::new(&world, line);
            world.admin().top_up(journey.buyer_id(), "CNY", 1_000_000).await.unwrap();
            journey.to_completed(&world, paying).await.unwrap();
        }
    }
    let mut cancelled = Journey::new(&world, Line::Goods);
    let cart = cancelled.cart(Paying::Sandbox);
    let order = cancelled.create(&world, &cart).await.unwrap();
    cancelled.buyer().cancel(&order.order_no).await.unwrap();
    let mut closed = Journey::new(&world, Line::Topup);
    let cart = journey::cart(Line::Topup, catalogue::refused_items(Line::Topup), Paying::Sandbox, closed.name());
    let order = closed.create(&world, &cart).await.unwrap();
    closed.open_and_pay(&order).await.unwrap();
    closed.ended(&order, &["closed"]).await.unwrap();
    open_orders(&world).await;
    checker::check_world(&world).await.unwrap().assert_clean();
    let outside = Outside {
        creates: world.history.creates(),
        differing: Vec::new(),
        entries: world.suppliers.entries(),
        sink: None,
    };
    world.host.stop().await.unwrap();
    let Database::Sqlite(original) = world.database() else { panic!("this world is on SQLite") };
    std::fs::copy(original, file).unwrap();
    outside
}

/// An order that is to be paid, one that is to be shipped and one on its way.
async fn open_orders(world: &World) {
    for steps in 0..3 {
        let mut journey = Journey::new(world, Line::Goods);
        let cart = journey.cart(Paying::Sandbox);
        let order = journey.create(world, &cart).await.unwrap();
        if steps > 0 {
            journey.pay(&order, Paying::Sandbox).await.unwrap();
        }
        if steps > 1 {
            let shop_order = &order.shop().order_no;
            journey.service().forward(shop_order).await.unwrap();
            journey.shop().ship(shop_order).await.unwrap();
            journey.reached(&order, &["shipped"]).await.unwrap();
        }
    }
}

async fn check(file: &Path, outside: &Outside) -> Report {
    checker::check(&Snapshot::read(&Database::Sqlite(file.to_owned())).await.unwrap(), outside)
}

#[tokio::test]
async fn every_fault_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("sound.db");
    let outside = sound(&original).await;
    check(&original, &outside).await.assert_clean();
    let mut missed = Vec::new();
    for (n, (fault, invariant)) in FAULTS.into_iter().enumerate() {
        let copy = folder.path().join(format!("{n}.db"));
        std::fs::copy(&original, &copy).unwrap();
        let mut connection = SqliteConnectOptions::new().filename(&copy).connect().await.unwrap();
        connection.execute("PRAGMA ignore_check_constraints = 1").await.unwrap();
        let done = connection.execute(AssertSqlSafe(fault)).await.unwrap();
        connection.close().await.unwrap();
        let report = check(&copy, &outside).await;
        if done.rows_affected() == 0 || !report.breaks(invariant) {
            missed.push(format!("{invariant}: {fault} ({} rows): {report}", done.rows_affected()));
        }
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    what_others_say_is_heard(&original, outside).await;
}

/// Faults that only the outside knows of.
async fn what_others_say_is_heard(file: &Path, outside: Outside) {
    let mut lost = outside.clone();
    lost.creates.push(Create { out_id: "lost".to_owned(), outcome: Outcome::Acknowledged(42) });
    assert!(check(file, &lost).await.breaks(Invariant::NoLostOrder));
    let mut kept = outside.clone();
    kept.creates[0].outcome = Outcome::Refused;
    assert!(check(file, &kept).await.breaks(Invariant::NoLostOrder));
    let mut twice = outside.clone();
    let again = Entry { id: "again".to_owned(), ..twice.entries[0].clone() };
    twice.entries.push(again);
    assert!(check(file, &twice).await.breaks(Invariant::Once));
    let mut forgotten = outside.clone();
    forgotten.entries.truncate(1);
    assert!(check(file, &forgotten).await.breaks(Invariant::Once));
    let mut silent = outside.clone();
    silent.sink = Some(Vec::new());
    assert!(check(file, &silent).await.breaks(Invariant::Events));
    let mut differing = outside;
    differing.differing.push(Differs { what: "pay".to_owned(), first: "a".to_owned(), second: "b".to_owned() });
    assert!(check(file, &differing).await.breaks(Invariant::Idempotent));
}
