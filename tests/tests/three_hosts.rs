//! Three hosts on one database, one of which is killed in the midst: every timer acts once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use hookline_tests::checker::{self, Database, Snapshot};
use hookline_tests::client::{Call, Client};
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::platform::Order;
use hookline_tests::servers::{HostProcess, TestDatabase, wait_until};
use hookline_tests::suppliers::DEPOT_SECRET;
use hookline_tests::world::line::merge;
use hookline_tests::world::{Line, LineSetup, Pace, World, WorldError, catalogue, host_settings};
use hyper::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);
/// Orders of each kind: enough that every host has some of each.
const EACH: usize = 16;

/// Goods whose deadlines are seconds and whose packages a depot is told of, and credit that nobody pays for.
async fn world(url: &str) -> World {
    let world = World::empty(host_settings().set("ORDER_DB_URL", url).set("REFUND_RETRY_MS", "200")).await.unwrap();
    let pace = Pace { auto_receive_s: 3, aftersale_window_s: 4, ..Pace::default() };
    let mut goods = LineSetup::new(Line::Goods, &pace, &world.suppliers);
    merge(&mut goods.settings, json!({"ship_within_s": 3}));
    merge(&mut goods.rules, json!({"aftersale_decide_ms": 1_500, "aftersale_buyer_ms": 1_500, "fulfilment": true}));
    goods.secrets.push(("fulfilment", DEPOT_SECRET.to_owned()));
    let topup = LineSetup::new(Line::Topup, &Pace { pay_timeout_s: 3, ..pace }, &world.suppliers);
    for (line, setup) in [(Line::Goods, goods), (Line::Topup, topup)] {
        world.register(&setup).await.unwrap();
        world.sells(line, catalogue::items(line, 0)).await.unwrap();
    }
    world
}

/// One more host on the same database.
async fn beside(world: &World, url: &str) -> HostProcess {
    let settings = host_settings().set("ORDER_DB_URL", url).set("REFUND_RETRY_MS", "200");
    HostProcess::start(settings.set("FULFILLMENT_SERVICE_URL", world.suppliers.depot.url())).await.unwrap()
}

/// Waits until so many hosts share all groups of orders; their names.
async fn shared_by(database: &Database, hosts: usize) -> BTreeSet<String> {
    let query = "SELECT holder, CASE WHEN until_at > CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) \
                 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END FROM relay_leases";
    let shared = wait_until("hosts that share the orders", LIMIT, async || -> Result<_, WorldError> {
        let leases = database.rows(query).await?;
        let holders: BTreeSet<String> = leases.iter().map(|lease| lease.text(0)).collect();
        Ok((leases.iter().all(|lease| lease.int(1) == 1) && holders.len() == hosts).then_some(holders))
    });
    shared.await.unwrap()
}

/// An order that nobody pays.
async fn unpaid(world: &World) -> Order {
    let mut journey = Journey::new(world, Line::Topup);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    ended(world, &order).await;
    order
}

async fn paid(world: &World) -> (Journey, Order) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    journey.pay(&order, Paying::Sandbox).await.unwrap();
    (journey, order)
}

/// An order whose package the depot took, that its seller ships by hand and too late, and whose buyer says nothing afterwards.
async fn late(world: &World) -> Order {
    let (mut journey, order) = paid(world).await;
    let no = &order.shop().order_no;
    journey.service().forward(no).await.unwrap();
    for event in ["told", "ship_overdue"] {
        let query = format!("SELECT shop_no FROM flows WHERE shop_no = {no} AND event = '{event}'");
        until_there(world, event, &query).await;
    }
    journey.shop().ship(no).await.unwrap();
    ended(world, &order).await;
    order
}

/// An order whose package leaves before it is paid.
async fn early(world: &World) -> Order {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    let no = &order.shop().order_no;
    assert_eq!(journey.shop().ship(no).await.unwrap().effect, "parked");
    journey.pay(&order, Paying::Sandbox).await.unwrap();
    journey.service().forward(no).await.unwrap();
    ended(world, &order).await;
    order
}

/// A received order with a refund that its seller, and a return that both sides keep silent about.
async fn disputed(world: &World) -> Order {
    let (mut journey, order) = paid(world).await;
    journey.deliver(&order).await.unwrap();
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    let items = &read["shop_orders"][0]["items"];
    let mut buyer = world.host.client().with_token(&world.mint.buyer(journey.buyer_id()));
    apply(&mut buyer, &order, "refund", &items[0]).await;
    apply(&mut buyer, &order, "return", &items[1]).await;
    ended(world, &order).await;
    order
}

async fn apply(buyer: &mut Client, order: &Order, kind: &str, item: &Value) {
    let body = json!({
        "order_no": order.shop().order_no, "type": kind, "reason": "a scratch",
        "items": [{"item_no": item["order_no"], "quantity": 1}],
    });
    buyer.send(Call::new(Method::POST, "/api/v1/aftersales").json(&body)).await.unwrap().success().unwrap();
}

async fn until_there(world: &World, what: &str, query: &str) {
    let there = wait_until(what, LIMIT, async || -> Result<_, WorldError> {
        Ok((!world.database().rows(query).await?.is_empty()).then_some(()))
    });
    there.await.unwrap_or_else(|error| panic!("{error}: {query}"));
}

async fn ended(world: &World, order: &Order) {
    let no = &order.shop().order_no;
    let query = format!("SELECT no FROM shop_orders WHERE no = {no} AND ended_at IS NOT NULL");
    until_there(world, "an end", &query).await;
}

async fn each<T, F: Future<Output = T>>(one: impl Fn() -> F) -> Vec<T> {
    join_all((0..EACH).map(|_| one())).await
}

/// How often each event was told, by shop order and, where there is one, after-sale.
#[derive(Default)]
struct Told(BTreeMap<(String, String), Vec<String>>);

impl Told {
    fn new(snapshot: &Snapshot) -> Self {
        let mut told = Self::default();
        for event in &snapshot.events {
            let tag = event.body["type"].as_str().unwrap().to_owned();
            let about = event.body["data"]["aftersale_no"].as_str().unwrap_or_default().to_owned();
            told.0.entry((event.subject.to_string(), tag)).or_default().push(about);
        }
        told
    }

    /// What an order was told under a tag: one entry each time.
    fn of(&self, order: &Order, tag: &str) -> &[String] {
        self.0.get(&(order.shop().order_no.clone(), tag.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn once(&self, orders: &[Order], tags: &[&str]) {
        for (order, tag) in orders.iter().flat_map(|order| tags.iter().map(move |tag| (order, tag))) {
            assert_eq!(self.of(order, tag).len(), 1, "{tag} of {}", order.shop().order_no);
        }
    }
}

/// The orders for which a timer made a step, once for every time.
async fn stepped(database: &Database, actor: &str, event: &str) -> Vec<String> {
    let query = format!("SELECT shop_no FROM flows WHERE actor = '{actor}' AND event = '{event}' ORDER BY shop_no");
    database.rows(&query).await.unwrap().iter().map(|row| row.int(0).to_string()).collect()
}

fn numbers<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Vec<String> {
    let mut numbers: Vec<_> = orders.into_iter().map(|order| order.shop().order_no.clone()).collect();
    numbers.sort();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_timer_acts_once_though_one_of_three_hosts_is_killed() {
    // Given three hosts that share the orders,
    let server = TestDatabase::create().await.unwrap();
    let url = server.url();
    let world = world(&url).await;
    let (mut victim, _third) = tokio::join!(beside(&world, &url), beside(&world, &url));
    let database = world.database();
    let before = shared_by(database, 3).await;

    // when one is killed as soon as the first timers act,
    let kill = async {
        until_there(&world, "a first timer", "SELECT shop_no FROM flows WHERE actor = 'timer:pay_timeout' LIMIT 1")
            .await;
        victim.kill().await.unwrap();
        shared_by(database, 2).await
    };
    let (unpaid, late, early, disputed, after) = tokio::join!(
        each(|| unpaid(&world)),
        each(|| late(&world)),
        each(|| early(&world)),
        each(|| disputed(&world)),
        kill,
    );
    assert!(after.is_subset(&before), "two of the three go on: {before:?}, {after:?}");

    // then every deadline acted, and once,
    let no_timer = wait_until("no timer", LIMIT, async || -> Result<_, WorldError> {
        let left = database.rows("SELECT subject, kind FROM timers").await?;
        Ok(left.is_empty().then_some(()))
    });
    no_timer.await.unwrap_or_else(|error: WorldError| panic!("ended orders have timers: {error}"));
    let snapshot = checker::drained(database).await.unwrap();
    let told = Told::new(&snapshot);
    told.once(&unpaid, &["ORDER_CANCELLED"]);
    told.once(&late, &["ORDER_SHIP_OVERDUE", "ORDER_SHIPPED", "ORDER_RECEIVED", "ORDER_COMPLETED"]);
    told.once(&early, &["ORDER_SHIPPED", "ORDER_RECEIVED", "ORDER_COMPLETED"]);
    told.once(&disputed, &["ORDER_COMPLETED", "AFTERSALE_REFUNDED", "AFTERSALE_CANCELLED"]);
    for order in &disputed {
        let agreed = told.of(order, "AFTERSALE_APPROVED");
        assert_eq!((agreed.len(), agreed.iter().collect::<BTreeSet<_>>().len()), (2, 2), "{agreed:?}");
    }
    assert_eq!(stepped(database, "timer:pay_timeout", "cancel").await, numbers(&unpaid));
    assert_eq!(stepped(database, "timer:auto_receive", "receive").await, numbers(late.iter().chain(&early)));
    assert_eq!(stepped(database, "parked:ship", "ship").await, numbers(&early));
    let lates = numbers(&late);
    for event in ["told", "recalled"] {
        let mut steps = stepped(database, "fulfilment", event).await;
        steps.retain(|no| lates.contains(no));
        assert_eq!(steps, lates, "{event} once each");
    }
    let completed = late.iter().chain(&early).chain(&disputed);
    assert_eq!(stepped(database, "timer:settle", "complete").await, numbers(completed));
    // and all else holds.
    checker::check_world(&world).await.unwrap().assert_clean();
}
