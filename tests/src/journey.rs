//! One order of a line, from create to completed, through the public API, with assertions at each step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Call, ClientError};
use crate::history::Outcome;
use crate::platform::{Order, Payment, Platform, is_busy, is_conflict, state_in};
use crate::sandbox::Notice;
use crate::servers::{ServerError, wait_until};
use crate::world::{Line, World, WorldError, catalogue, run_name};

/// The longest that one step of an order may take.
const STEP_LIMIT: Duration = Duration::from_mins(1);
/// The pause between two looks at an order: first this long, then longer and longer.
const PAUSE: Duration = Duration::from_millis(20);
const SELDOM: Duration = Duration::from_millis(300);

static NEXT: AtomicUsize = AtomicUsize::new(1);

/// How the buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paying {
    /// At the sandbox provider, before the timeout.
    Sandbox,
    /// From the wallet, before the timeout.
    Balance,
    /// From the wallet when the order is forwarded.
    Prepaid,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// L1
    pub pay_order: String,
    /// L2
    pub shop_order: String,
    /// Its last status.
    pub status: String,
    /// What was to pay.
    pub to_pay: i64,
}

/// A buyer on the way through one order. Suppliers' and shops' calls of the same order are made here too.
#[derive(Debug)]
pub struct Journey {
    line: Line,
    number: usize,
    name: String,
    buyer_id: String,
    pause: Duration,
    buyer: Platform,
    service: Platform,
    shop: Platform,
    /// The order, once it is made.
    pub order: Option<Order>,
}

impl Journey {
    /// A new buyer with a cart of the line.
    pub fn new(world: &World, line: Line) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::of_buyer(world, line, &format!("buyer-{}-{number}", run_name()))
    }

    /// A known buyer.
    pub fn of_buyer(world: &World, line: Line, buyer: &str) -> Self {
        Self::named(world, line, NEXT.fetch_add(1, Ordering::Relaxed), buyer)
    }

    fn named(world: &World, line: Line, number: usize, buyer: &str) -> Self {
        let caller = |token: &str| {
            let client = world.host.client().with_token(token);
            Platform::new(client, Arc::clone(&world.meter), line.code())
        };
        Self {
            line,
            number,
            name: format!("{}/{number}", run_name()),
            buyer_id: buyer.to_owned(),
            pause: PAUSE,
            buyer: caller(&world.mint.buyer(buyer)),
            service: caller(&world.mint.business(line.code())),
            shop: caller(&world.mint.shop(&line.shop())),
            order: None,
        }
    }

    /// The client's own name of the order.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who buys.
    pub fn buyer_id(&self) -> &str {
        &self.buyer_id
    }

    /// From now on looks at the order only so often: for waits of seconds.
    pub fn look_every(&mut self, pause: Duration) {
        self.pause = pause;
    }

    /// The buyer's calls.
    pub fn buyer(&mut self) -> &mut Platform {
        &mut self.buyer
    }

    /// The calls of the line's service.
    pub fn service(&mut self) -> &mut Platform {
        &mut self.service
    }

    /// The calls of the shop.
    pub fn shop(&mut self) -> &mut Platform {
        &mut self.shop
    }

    /// The cart of this journey.
    pub fn cart(&self, paying: Paying) -> Value {
        cart(self.line, catalogue::items(self.line, self.number), paying, &self.name)
    }

    /// Creates the order and notes what the platform said. The key is the order's name.
    ///
    /// # Errors
    /// [`ClientError`], noted too.
    pub async fn create(&mut self, world: &World, cart: &Value) -> Result<Order, ClientError> {
        let created = self.buyer.create(cart, &self.name).await;
        world.history.create(&self.name, outcome(&created));
        let order = created?;
        self.order = Some(order.clone());
        Ok(order)
    }

    /// From create to completed.
    ///
    /// # Errors
    /// [`WorldError`] with the step that failed.
    pub async fn to_completed(mut self, world: &World, paying: Paying) -> Result<Ended, WorldError> {
        let cart = self.cart(paying);
        let order = self.create(world, &cart).await?;
        expect(&order.status, &["created", "paid"], "a new order")?;
        self.pay(&order, paying).await?;
        self.deliver(&order).await?;
        self.ended(&order, &["completed"]).await
    }

    /// Pays in the chosen way; a prepaid order is only forwarded.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn pay(&mut self, order: &Order, paying: Paying) -> Result<(), WorldError> {
        match paying {
            Paying::Sandbox => self.open_and_pay(order).await?,
            Paying::Balance => {
                let payment = self.buyer.pay(&order.order_no, "balance").await?;
                expect(&payment.status, &["succeeded"], "a payment from the wallet")?;
            }
            Paying::Prepaid => {
                self.service.forward(&order.shop().order_no).await?;
            }
        }
        self.reached(order, &["paid", "shipped", "received", "completed"]).await.map(drop)
    }

    /// Opens a payment at the sandbox, which then says that it was paid.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn open_and_pay(&mut self, order: &Order) -> Result<(), WorldError> {
        let payment = self.open_payment(order).await?;
        let notice = Notice::paid(&payment.payment_no, payment.amount);
        self.buyer.send("callback", notice.call(0)).await?.success()?;
        Ok(())
    }

    /// Pays a part from the wallet and the rest at the sandbox.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn pay_mixed(&mut self, order: &Order, balance: i64) -> Result<(), WorldError> {
        let body = json!({"payment_method": "sandbox", "balance_minor": balance});
        let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", order.order_no)).json(&body);
        let payment: Payment = self.buyer.send("pay", call).await?.success()?.json()?;
        let notice = Notice::paid(&payment.payment_no, payment.amount - balance);
        self.buyer.send("callback", notice.call(0)).await?.success()?;
        self.reached(order, &["paid", "shipped", "received"]).await.map(drop)
    }

    /// The shop gives half of what its first item cost back; the order goes on.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn refund_a_part(&mut self, order: &Order) -> Result<(), WorldError> {
        let read = self.buyer.read(&order.order_no).await?;
        let item = &read["shop_orders"][0]["items"][0];
        let half = item["cash"].as_i64().unwrap_or_default() / 2;
        let body = json!({"reason": "a scratch", "items": [{"item_no": item["order_no"], "amount": half}]});
        let call = Call::new(Method::POST, format!("/api/v1/orders/{}/refund", order.shop().order_no)).json(&body);
        self.shop.send("refund", call).await?.success().map(drop)?;
        Ok(())
    }

    /// Opens a payment at the sandbox.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn open_payment(&mut self, order: &Order) -> Result<Payment, WorldError> {
        let payment = self.buyer.pay(&order.order_no, "sandbox").await?;
        expect(&payment.status, &["pending"], "an open payment")?;
        if (payment.amount, &payment.currency) != (order.to_pay, &order.currency) {
            return Err(WorldError::Wrong(format!("{payment:?} does not pay {order:?}")));
        }
        Ok(payment)
    }

    /// From paid to received, with what the line's outside does.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn deliver(&mut self, order: &Order) -> Result<(), WorldError> {
        let shop_order = order.shop().order_no.clone();
        self.service.forward(&shop_order).await?;
        match self.line {
            Line::Goods => self.deliver_goods(order, &shop_order).await?,
            Line::Hotel => self.signal_when_shipped(order, "checked-in", &json!({"room": "1204"})).await?,
            Line::Flight => self.signal_when_shipped(order, "flown", &json!({})).await?,
            // Received as soon as the carrier's own signal is there.
            Line::Topup => {}
        }
        self.reached(order, &["received", "completed"]).await.map(drop)
    }

    /// The shop hands the parcel of a paid order to a carrier.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn ship_goods(&mut self, order: &Order) -> Result<(), WorldError> {
        let status = self.reached_sub(order, "to_ship").await?;
        if status == "paid" {
            let shipped = self.shop.ship(&order.shop().order_no).await?;
            expect(&shipped.effect, &["applied"], "a ship notice")?;
        }
        self.reached(order, &["shipped"]).await.map(drop)
    }

    async fn deliver_goods(&mut self, order: &Order, shop_order: &str) -> Result<(), WorldError> {
        self.ship_goods(order).await?;
        // Every other parcel is handed over by the carrier, the rest is confirmed by the buyer.
        let event = if self.number.is_multiple_of(2) {
            self.shop.deliver(shop_order).await?
        } else {
            self.buyer.receive(shop_order).await?
        };
        expect(&event.effect, &["applied"], "a receipt")
    }

    async fn signal_when_shipped(&mut self, order: &Order, name: &str, payload: &Value) -> Result<(), WorldError> {
        self.reached(order, &["shipped", "received"]).await?;
        self.service.signal(&order.shop().order_no, name, payload).await?;
        Ok(())
    }

    /// Waits until the shop order has one of these states.
    ///
    /// # Errors
    /// [`WorldError`] when it ends otherwise or takes too long.
    pub async fn reached(&mut self, order: &Order, wanted: &[&str]) -> Result<String, WorldError> {
        self.wait(order, wanted, |status, _| wanted.contains(&status)).await
    }

    async fn reached_sub(&mut self, order: &Order, sub_status: &str) -> Result<String, WorldError> {
        self.wait(order, &[sub_status, "shipped"], |status, sub| status == "shipped" || sub == sub_status).await
    }

    async fn wait(
        &mut self,
        order: &Order,
        wanted: &[&str],
        is_there: impl Fn(&str, &str) -> bool,
    ) -> Result<String, WorldError> {
        let shop_order = order.shop().order_no.clone();
        let (mut last, mut pause) = (String::new(), self.pause);
        let waited = wait_until("a state", STEP_LIMIT, async || -> Result<_, WorldError> {
            let read = self.buyer.read(&order.order_no).await?;
            let Some((status, sub_status)) = state_in(&read, &shop_order) else {
                return Err(WorldError::Wrong(format!("there is no {shop_order} in {read}")));
            };
            if is_there(&status, &sub_status) {
                return Ok(Some(status));
            }
            last = format!("{status}/{sub_status}");
            if ["cancelled", "closed", "completed"].contains(&status.as_str()) {
                return Err(WorldError::Wrong(format!("{shop_order} ended as {last}, not {wanted:?}: {read}")));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(SELDOM.max(pause));
            Ok(None)
        })
        .await;
        waited.map_err(|error| match error {
            WorldError::Server(ServerError::Deadline { limit, .. }) => {
                WorldError::Wrong(format!("{shop_order} is {last} and not {wanted:?} after {limit:?}"))
            }
            other => other,
        })
    }

    /// Calls the host at its new address after a restart.
    pub fn reconnect(&mut self, world: &World) {
        *self = Self {
            order: self.order.take(),
            pause: self.pause,
            ..Self::named(world, self.line, self.number, &self.buyer_id)
        };
    }

    /// Drives the order to completed from wherever it is, asking again what may have been done already. For runs in
    /// which the platform dies: nothing but the numbers is remembered.
    ///
    /// # Errors
    /// [`WorldError`]: also when the host is gone.
    pub async fn push(&mut self, world: &World) -> Result<Ended, WorldError> {
        let cart = self.cart(Paying::Sandbox);
        let mut last = String::from("not there");
        let pushed = wait_until("completion", STEP_LIMIT, async || {
            match self.push_once(world, &cart, &mut last).await {
                Err(WorldError::Client(error)) if is_conflict(&error) || is_busy(&error) => {}
                Ok(None) => {}
                other => return other,
            }
            tokio::time::sleep(PAUSE * 5).await;
            Ok(None)
        })
        .await;
        pushed.map_err(|error| match error {
            WorldError::Server(error) => WorldError::Wrong(format!("{} is {last}: {error}", self.name)),
            other => other,
        })
    }

    /// Asks for the order again, looks where it is, and does the next step.
    async fn push_once(&mut self, world: &World, cart: &Value, last: &mut String) -> Result<Option<Ended>, WorldError> {
        let order = self.create(world, cart).await?;
        let shop_order = order.shop().order_no.clone();
        let read = self.buyer.read(&order.order_no).await?;
        let Some((status, sub_status)) = state_in(&read, &shop_order) else {
            return Err(WorldError::Wrong(format!("there is no {shop_order} in {read}")));
        };
        *last = format!("{status}/{sub_status}");
        if status == "completed" {
            return Ok(Some(Ended { pay_order: order.order_no, shop_order, status, to_pay: order.to_pay }));
        }
        self.step(&order, &status, &sub_status).await?;
        Ok(None)
    }

    async fn step(&mut self, order: &Order, status: &str, sub_status: &str) -> Result<(), WorldError> {
        let shop_order = &order.shop().order_no;
        match (status, self.line) {
            ("created", _) => self.open_and_pay(order).await?,
            ("paid", Line::Goods) if sub_status == "to_ship" => drop(self.shop.ship(shop_order).await?),
            ("paid", _) => drop(self.service.forward(shop_order).await?),
            ("shipped", Line::Goods) => drop(self.buyer.receive(shop_order).await?),
            ("shipped", Line::Hotel) => drop(self.service.signal(shop_order, "checked-in", &json!({})).await?),
            ("shipped", Line::Flight) => drop(self.service.signal(shop_order, "flown", &json!({})).await?),
            ("received", _) | (_, Line::Topup) => {}
            _ => return Err(WorldError::Wrong(format!("{shop_order} ended as {status}/{sub_status}"))),
        }
        Ok(())
    }

    /// Waits for an end.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn ended(&mut self, order: &Order, wanted: &[&str]) -> Result<Ended, WorldError> {
        let status = self.reached(order, wanted).await?;
        let (pay_order, shop_order) = (order.order_no.clone(), order.shop().order_no.clone());
        Ok(Ended { pay_order, shop_order, status, to_pay: order.to_pay })
    }
}

/// A cart of one shop.
pub fn cart(line: Line, items: Value, paying: Paying, out_id: &str) -> Value {
    let mode = if paying == Paying::Prepaid { "prepaid" } else { "wait" };
    let mut shop = json!({"shop_id": line.shop(), "business": line.code(), "type": line.kind()});
    shop["items"] = items;
    if line == Line::Goods {
        shop["address"] = json!({
            "name": "Li Lei", "mobile": "13800000000", "country": "CN", "province": "Zhejiang", "city": "Hangzhou",
            "detail": "1 Some Road",
        });
    }
    json!({"mode": mode, "channel": "mobile", "currency": "CNY", "out_id": out_id, "shops": [shop]})
}

/// What a create means for the history.
pub fn outcome(created: &Result<Order, ClientError>) -> Outcome {
    match created {
        Ok(order) => Outcome::Acknowledged(order.order_no.parse().unwrap_or_default()),
        Err(ClientError::NotSent { .. }) => Outcome::Refused,
        Err(ClientError::Answered { status, .. }) if *status < StatusCode::INTERNAL_SERVER_ERROR => Outcome::Refused,
        // A success of another shape, a 5xx, or no answer: it may be there.
        Err(ClientError::Answered { .. } | ClientError::Unknown { .. }) => Outcome::Unknown,
    }
}

/// Fails unless a word is among those expected.
///
/// # Errors
/// [`WorldError::Wrong`].
pub fn expect(word: &str, among: &[&str], what: &str) -> Result<(), WorldError> {
    if among.contains(&word) {
        Ok(())
    } else {
        Err(WorldError::Wrong(format!("{what} is {word}, not one of {among:?}")))
    }
}
