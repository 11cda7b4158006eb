//! The host killed at every boundary of pay, callback, close and refund, with a provider outside that keeps its own
//! book: started again, both books say the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::platform::{Order, Payment};
use hookline_tests::providers::alipay::{Alipay, Product};
use hookline_tests::providers::{RefundState, StandIn, TradeState};
use hookline_tests::servers::{ServerError, TestDatabase, wait_until};
use hookline_tests::world::{Line, LineSetup, Pace, World, host_settings};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const FAULT: &str = "HOOKLINE_FAULT";
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// What the host is about when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// A payment is announced to the provider.
    Pay,
    /// The provider tells that it was paid.
    Callback,
    /// The buyer cancels, so the provider is asked to close.
    Cancel,
    /// Everything goes back.
    Refund,
}

/// Where it dies: before and after each word with the provider, and around each commit.
const DEATHS: [(About, &str); 11] = [
    (About::Pay, "before-announce"),
    (About::Pay, "after-announce-before-commit"),
    (About::Pay, "after-announce-commit"),
    (About::Callback, "after-receipt-before-commit"),
    (About::Callback, "after-receipt-commit"),
    (About::Cancel, "before-close"),
    (About::Cancel, "after-close-before-commit"),
    (About::Cancel, "after-close-commit"),
    (About::Refund, "before-refund"),
    (About::Refund, "after-refund-before-commit"),
    (About::Refund, "after-refund-commit"),
];

/// A buyer, the order and what is known of it.
struct Story {
    journey: Journey,
    order: Order,
    about: About,
}

impl Story {
    async fn begin(world: &World, alipay: &StandIn<Alipay>, about: About) -> Self {
        let mut journey = Journey::new(world, Line::Goods);
        let cart = journey.cart(Paying::Sandbox);
        let order = journey.create(world, &cart).await.unwrap();
        let mut story = Self { journey, order, about };
        if about != About::Pay {
            story.open().await.unwrap();
        }
        if about == About::Refund {
            story.hear(alipay).await;
            story.journey.reached(&story.order, &["paid"]).await.unwrap();
        }
        story
    }

    async fn open(&mut self) -> Option<Payment> {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", self.order.order_no));
        let call = call.json(&json!({"payment_method": "alipay"}));
        self.journey.buyer().send("pay", call).await.ok()?.success().ok()?.json().ok()
    }

    /// The buyer pays at the provider, which tells the platform.
    async fn hear(&mut self, alipay: &StandIn<Alipay>) {
        let Ok(read) = self.journey.buyer().read(&self.order.order_no).await else { return };
        let payment_no = read["payments"][0]["payment_no"].as_str().unwrap().to_owned();
        let paid = alipay.book().trade(&payment_no).is_some_and(|trade| trade.state == TradeState::Paid);
        let message = if paid {
            alipay.message(&payment_no, &hookline_tests::providers::Event::Paid).unwrap()
        } else {
            alipay.pay(&payment_no).unwrap()
        };
        let _ = message.send(self.journey.buyer().client()).await;
    }

    /// Does what the story is about; the host may die of it. Done again, it changes nothing.
    async fn act(&mut self, world: &World, alipay: &StandIn<Alipay>) {
        match self.about {
            About::Pay => drop(self.open().await),
            About::Callback => self.hear(alipay).await,
            About::Cancel => {
                let call = Call::new(Method::PUT, format!("/api/v1/orders/{}/cancel", self.order.order_no));
                let _ = self.journey.buyer().send("cancel", call.json(&json!({}))).await;
            }
            About::Refund => {
                let call = Call::new(Method::POST, format!("/api/v1/orders/{}/refund", self.order.order_no));
                let call = call.json(&json!({"reason": "a change of mind"})).idempotency_key(&self.order.order_no);
                let _ = world.host.client().with_token(&world.mint.operator()).send(call).await;
            }
        }
    }

    /// Goes on until the order is where it must be.
    async fn converge(&mut self, world: &World, alipay: &StandIn<Alipay>, point: &str) -> Value {
        let wanted = match self.about {
            About::Pay | About::Callback => "paid",
            About::Cancel => "cancelled",
            About::Refund => "closed",
        };
        let mut last = Value::Null;
        let reached = wait_until(wanted, LIMIT, async || -> Result<_, ServerError> {
            self.act(world, alipay).await;
            if self.about == About::Pay && self.open().await.is_some() {
                self.hear(alipay).await;
            }
            last = self.journey.buyer().read(&self.order.order_no).await.unwrap();
            if last["status"] == wanted {
                return Ok(Some(()));
            }
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        });
        reached.await.unwrap_or_else(|error| panic!("{:?} after {point}: {error}: {last}", self.about));
        last
    }
}

/// Both books say the same about every payment and refund of the order.
fn compare(read: &Value, alipay: &StandIn<Alipay>, story: &Story, point: &str) {
    let payments = read["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{point}: one attempt, however often it was asked for: {read}");
    let payment = &payments[0];
    let trade = alipay.book().trade(payment["payment_no"].as_str().unwrap()).unwrap();
    assert_eq!(trade.amount, payment["amount"].as_i64().unwrap(), "{point}");
    let (ours, theirs) = (payment["status"].as_str().unwrap(), trade.state);
    let same = match theirs {
        TradeState::Paid => ours == "succeeded",
        TradeState::Closed => ours == "closed",
        TradeState::Open | TradeState::Failed => false,
    };
    assert!(same, "{point}: {ours} here, {theirs:?} there");
    let back: i64 = trade.refunds.values().filter(|r| r.state == RefundState::Done).map(|r| r.amount).sum();
    let known = read["refunds"].as_array().unwrap();
    let ours: i64 = known.iter().filter(|r| r["status"] == "succeeded").map(|r| r["amount"].as_i64().unwrap()).sum();
    assert_eq!((trade.refunds.len(), back), (known.len(), ours), "{point}: refunds");
    if story.about == About::Refund {
        assert_eq!(back, story.order.to_pay, "{point}");
    }
}

async fn dies_everywhere(settings: hookline_tests::servers::HostSettings) {
    let settings = settings.set("PAYMENT_QUERY_MS", "300").set("REFUND_RETRY_MS", "200").set("PAYMENT_TIMEOUT", "5");
    let mut world = World::empty(settings).await.unwrap();
    let alipay = StandIn::start(Alipay::new(Product::Precreate)).await.unwrap();
    let mut setup = LineSetup::new(Line::Goods, &Pace::default(), &world.suppliers);
    setup.rules["methods"] = json!(["alipay"]);
    world.register(&setup).await.unwrap();
    let (path, body) = alipay.account(&[Line::Goods.code()]);
    let put = world.admin().send(Call::new(Method::PUT, path).json(&body)).await.unwrap();
    assert!(put.status == StatusCode::OK || put.status == StatusCode::CREATED, "{put:?}");
    world.sells(Line::Goods, hookline_tests::world::catalogue::items(Line::Goods, 0)).await.unwrap();

    for (about, point) in DEATHS {
        let mut story = Story::begin(&world, &alipay, about).await;
        world.host.change(|settings| settings.set(FAULT, point));
        world.restart().await.unwrap();
        story.journey.reconnect(&world);
        let died = wait_until("the fault", LIMIT, async || -> Result<_, ServerError> {
            if !world.host.has_ended() {
                story.act(&world, &alipay).await;
            }
            tokio::time::sleep(PAUSE).await;
            Ok(world.host.has_ended().then_some(()))
        });
        died.await.unwrap_or_else(|error| panic!("{point} never came, so nothing was tested: {error}"));
        world.host.change(|settings| settings.unset(FAULT));
        world.restart().await.unwrap();
        story.journey.reconnect(&world);
        let read = story.converge(&world, &alipay, point).await;
        compare(&read, &alipay, &story, point);
        let report = checker::check_world(&world).await.unwrap();
        assert!(report.is_clean(), "after {point}: {report}");
    }
    assert_eq!(alipay.book().entries().len(), DEATHS.len(), "one trade an order");
}

#[tokio::test]
async fn on_sqlite() {
    dies_everywhere(host_settings()).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    dies_everywhere(host_settings().set("ORDER_DB_URL", database.url())).await;
}
