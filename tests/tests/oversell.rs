//! Forty buyers for ten pieces: exactly ten get one, the others a conflict, and nothing is kept for them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use futures_util::future::join_all;
use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::history::Outcome;
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::platform::{Order, problem_code};
use hookline_tests::servers::TestDatabase;
use hookline_tests::world::catalogue::SkuFacts;
use hookline_tests::world::{Line, World, catalogue};
use hyper::{Method, StatusCode};
use serde_json::json;

const BUYERS: usize = 40;
const PIECES: i64 = 10;

async fn stock(world: &World, key: &str) -> (i64, i64, i64) {
    let query = format!("SELECT available, reserved, sold FROM stock WHERE stock_key = '{key}'");
    let rows = world.database().rows(&query).await.unwrap();
    (rows[0].int(0), rows[0].int(1), rows[0].int(2))
}

async fn forty_for_ten(world: &World) {
    world.admin().skus(Line::Goods.code(), &[SkuFacts::goods("scarce", 1_000, PIECES)]).await.unwrap();
    let items = json!([{"sku_id": "scarce", "quantity": 1}, {"sku_id": catalogue::goods(1), "quantity": 1}]);
    world.sells(Line::Goods, items.clone()).await.unwrap();
    let plenty_before = stock(world, &catalogue::goods(1)).await;
    let buy = |_| async {
        let mut journey = Journey::new(world, Line::Goods);
        let cart = journey::cart(Line::Goods, items.clone(), Paying::Sandbox, journey.name());
        let call = Call::new(Method::POST, "/api/v1/orders").json(&cart);
        let answer = journey.buyer().send("create", call).await.unwrap();
        let order = answer.clone().success().ok().map(|answer| answer.json::<Order>().unwrap());
        let outcome = order.as_ref().map_or(Outcome::Refused, |o| Outcome::Acknowledged(o.order_no.parse().unwrap()));
        world.history.create(journey.name(), outcome);
        journey.order.clone_from(&order);
        (journey, answer)
    };
    let mut lucky = Vec::new();
    for (journey, answer) in join_all((0..BUYERS).map(buy)).await {
        if journey.order.is_some() {
            lucky.push(journey);
        } else {
            assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "stock-short"));
        }
    }
    assert_eq!(lucky.len(), 10);
    assert_eq!(stock(world, "scarce").await, (0, PIECES, 0));
    let plenty = stock(world, &catalogue::goods(1)).await;
    assert_eq!(plenty.1 - plenty_before.1, PIECES, "only those who got one hold the other item too");

    // Four give theirs back, six pay.
    for (n, journey) in lucky.iter_mut().enumerate() {
        let order = journey.order.clone().unwrap();
        if n < 4 {
            journey.buyer().cancel(&order.order_no).await.unwrap();
        } else {
            journey.pay(&order, Paying::Sandbox).await.unwrap();
            journey.deliver(&order).await.unwrap();
        }
    }
    assert_eq!(stock(world, "scarce").await, (4, 0, 6));
    checker::check_world(world).await.unwrap().assert_clean();
}

#[tokio::test]
async fn on_sqlite() {
    forty_for_ten(&World::on_sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    forty_for_ten(&World::on_postgres(&database.url()).await.unwrap()).await;
}
