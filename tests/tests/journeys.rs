//! Orders of four business lines, from create to completed through the public API, on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::future::try_join_all;
use hookline_tests::checker::{self, Database};
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::platform::state_in;
use hookline_tests::servers::TestDatabase;
use hookline_tests::world::{Line, World, catalogue};
use serde_json::Value;

/// Orders of each line and way of paying.
const EACH: usize = 3;
const WALLET: i64 = 10_000_000;

async fn four_lines_reach_their_end(world: &World) {
    for paying in [Paying::Sandbox, Paying::Balance, Paying::Prepaid] {
        let journeys = Line::ALL.into_iter().flat_map(|line| (0..EACH).map(move |_| line)).map(async |line| {
            let journey = Journey::new(world, line);
            if paying != Paying::Sandbox {
                world.admin().top_up(journey.buyer_id(), "CNY", WALLET).await?;
            }
            journey.to_completed(world, paying).await
        });
        for ended in try_join_all(journeys).await.unwrap() {
            assert_eq!(ended.status, "completed", "{ended:?}");
        }
    }
    let report = checker::check_world(world).await.unwrap();
    report.assert_clean();
}

async fn what_suppliers_refuse_is_refunded(world: &World) {
    world.suppliers.hotel.manners().refuse_any_with(&catalogue::refused_night());
    world.suppliers.flight.manners().refuse_any_with(catalogue::REFUSED_PASSENGER);
    for line in [Line::Hotel, Line::Flight, Line::Topup] {
        let mut journey = Journey::new(world, line);
        let cart = journey::cart(line, catalogue::refused_items(line), Paying::Sandbox, journey.name());
        let order = journey.create(world, &cart).await.unwrap();
        journey.open_and_pay(&order).await.unwrap();
        let ended = journey.ended(&order, &["closed"]).await.unwrap();
        let read = journey.buyer().read(&ended.pay_order).await.unwrap();
        let refunded: i64 = read["refunds"].as_array().unwrap().iter().map(|r| r["amount"].as_i64().unwrap()).sum();
        assert_eq!(refunded, order.to_pay, "{read}");
    }
    checker::check_world(world).await.unwrap().assert_clean();
}

async fn unpaid_orders_are_cancelled(world: &World) {
    let mut late = Journey::new(world, Line::Goods);
    let cart = late.cart(Paying::Prepaid);
    let order = late.create(world, &cart).await.unwrap();
    // Nobody filled the wallet; whatever forward answers, the order ends unpaid.
    let _ = late.service().forward(&order.shop().order_no).await;
    let ended = late.ended(&order, &["cancelled"]).await.unwrap();
    let read = late.buyer().read(&ended.pay_order).await.unwrap();
    assert_eq!(state_in(&read, &ended.shop_order).unwrap().0, "cancelled");
    assert_eq!(read["reason"], "insufficient_balance", "{read}");
    checker::check_world(world).await.unwrap().assert_clean();
}

/// Every column of every table.
async fn columns(database: &Database) -> Vec<(String, String)> {
    let query = match database {
        Database::Sqlite(_) => {
            "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"
        }
        Database::Postgres(_) => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema()"
        }
    };
    database.rows(query).await.unwrap().iter().map(|row| (row.text(0), row.text(1))).collect()
}

/// In how many rows a text stands in clear, in text or in bytes.
async fn in_clear(database: &Database, table: &str, column: &str, text: &str) -> i64 {
    let found = match database {
        Database::Sqlite(_) => {
            format!("instr(CAST({column} AS TEXT), '{text}') > 0 OR instr({column}, CAST('{text}' AS BLOB)) > 0")
        }
        Database::Postgres(_) => format!(
            "position('{text}' in {column}::text) > 0 \
             OR position(encode(convert_to('{text}', 'UTF8'), 'hex') in {column}::text) > 0"
        ),
    };
    let query = format!("SELECT CAST(count(*) AS BIGINT) FROM {table} WHERE {found}");
    database.rows(&query).await.unwrap()[0].int(0)
}

/// A text as it stands in the midst of a longer one in base64, which bodies are written in.
fn in_base64(text: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let encoded = BASE64_STANDARD.encode(format!("{}{text}", "x".repeat(before)));
        let known = encoded.trim_end_matches('=').len() - 1;
        encoded[(before * 8).div_ceil(6)..known].to_owned()
    })
}

async fn a_ticket_number_is_its_buyers_alone(world: &World) {
    let journey = Journey::new(world, Line::Flight);
    let mut buyer = world.host.client().with_token(&world.mint.buyer(journey.buyer_id()));
    let ended = journey.to_completed(world, Paying::Sandbox).await.unwrap();
    let read: Value = buyer.get(&format!("/api/v1/orders/{}/secrets", ended.shop_order)).await.unwrap();
    let number = read["shipments"][0]["secrets"][0]["value"].as_str().unwrap().to_owned();
    assert!(number.starts_with("781-"), "{read}");
    let mut told = vec![];
    for (table, column) in columns(world.database()).await {
        for text in in_base64(&number).into_iter().chain([number.clone()]) {
            let rows = in_clear(world.database(), &table, &column, &text).await;
            told.extend((rows > 0).then(|| format!("{table}.{column}")));
        }
    }
    assert!(told.is_empty(), "the supplier's ticket number stands in {told:?}");
    // Records of calls are compressed, where nothing could be found: those with a supplier's words begin as sealed ones.
    let byte = if let Database::Sqlite(_) = world.database() { "x'01'" } else { "'\\x01'::bytea" };
    let records = format!("SELECT seq FROM decisions WHERE subject = {} AND hook = 'ship'", ended.shop_order);
    let sealed = format!("{records} AND substr(input, 1, 1) = {byte}");
    let (all, sealed) = (world.database().rows(&records).await.unwrap(), world.database().rows(&sealed).await.unwrap());
    assert_eq!(sealed.len() + 1, all.len(), "only the first run knew nothing of the supplier");
    let look = format!(
        "SELECT operator FROM operate_logs WHERE order_no = {} AND operation = 'read_secrets'",
        ended.shop_order
    );
    assert_eq!(world.database().rows(&look).await.unwrap().len(), 1, "the look is in the operate log");
}

async fn all(world: &World) {
    four_lines_reach_their_end(world).await;
    what_suppliers_refuse_is_refunded(world).await;
    unpaid_orders_are_cancelled(world).await;
    a_ticket_number_is_its_buyers_alone(world).await;
}

#[tokio::test]
async fn on_sqlite() {
    all(&World::on_sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    all(&World::on_postgres(&database.url()).await.unwrap()).await;
}
