//! Orders of four business lines, from create to completed through the public API, on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use futures_util::future::try_join_all;
use hookline_tests::checker;
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::platform::state_in;
use hookline_tests::servers::TestDatabase;
use hookline_tests::world::{Line, World, catalogue};

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

async fn all(world: &World) {
    four_lines_reach_their_end(world).await;
    what_suppliers_refuse_is_refunded(world).await;
    unpaid_orders_are_cancelled(world).await;
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
