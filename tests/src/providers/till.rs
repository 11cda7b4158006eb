//! A shop whose buyers pay at one provider: a host, the goods line, a merchant account, a stand-in. At the end the books
//! of both sides must agree.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::book::{RefundState, Trade, TradeState};
use super::message::Message;
use super::protocol::Protocol;
use super::stand_in::StandIn;
use crate::client::{Answer, Call, Client};
use crate::journey::{Journey, Paying};
use crate::platform::{Order, problem_code};
use crate::servers::{HostSettings, ServerError, wait_until};
use crate::world::line::merge;
use crate::world::{Line, LineSetup, Pace, World, WorldError, catalogue};

/// The longest that one step may take.
const LIMIT: Duration = Duration::from_secs(40);
/// Between two looks at an order.
const PAUSE: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Debug)]
pub struct Till<P> {
    /// The platform.
    pub world: World,
    /// The provider.
    pub provider: StandIn<P>,
    orders: Mutex<Vec<String>>,
}

/// An order with the payment that was opened for it.
#[derive(Debug)]
pub struct Sale {
    /// The buyer.
    pub journey: Journey,
    /// The order.
    pub order: Order,
    /// As `pay` answered it.
    pub payment: Value,
}

/// What one side knows of money: by payment number, the provider's reference and what arrived, and by refund number
/// what went back.
type Money = BTreeMap<String, (String, i64, BTreeMap<String, i64>)>;

impl Sale {
    /// Our reference.
    pub fn payment_no(&self) -> String {
        self.payment["payment_no"].as_str().unwrap_or_default().to_owned()
    }
}

impl<P: Protocol> Till<P> {
    /// Sets everything up and waits until a payment can be opened.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start(settings: HostSettings, protocol: P) -> Result<Self, WorldError> {
        let method = protocol.name();
        let io = |source| WorldError::Io { what: "starting the provider".to_owned(), source };
        let provider = StandIn::start(protocol).await.map_err(io)?;
        let world = World::empty(settings).await?;
        let pace = Pace { pay_timeout_s: 120, ..Pace::default() };
        let mut setup = LineSetup::new(Line::Goods, &pace, &world.suppliers);
        merge(&mut setup.rules, json!({"methods": [method, "balance"]}));
        world.register(&setup).await?;
        let (path, account) = provider.account(&[Line::Goods.code()]);
        world.admin().send(Call::new(Method::PUT, path).json(&account)).await?.success()?;
        world.sells(Line::Goods, catalogue::items(Line::Goods, 0)).await?;
        let till = Self { world, provider, orders: Mutex::default() };
        let mut sale = till.order().await?;
        wait_until("the merchant account", LIMIT, async || -> Result<_, WorldError> {
            let answer = till.open(&mut sale).await?;
            if problem_code(&answer) == "payment-method-not-enabled" {
                tokio::time::sleep(PAUSE).await;
                return Ok(None);
            }
            Ok(Some(answer.success()?))
        })
        .await?;
        Ok(till)
    }

    /// A new order without a payment.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn order(&self) -> Result<Sale, WorldError> {
        let mut journey = Journey::new(&self.world, Line::Goods);
        let cart = journey.cart(Paying::Sandbox);
        let order = journey.create(&self.world, &cart).await?;
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order.order_no.clone());
        Ok(Sale { journey, order, payment: Value::Null })
    }

    /// The buyer asks to pay at the provider; any answer. A good one is kept in the sale.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn open(&self, sale: &mut Sale) -> Result<Answer, WorldError> {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", sale.order.order_no));
        let body = json!({"payment_method": self.provider.protocol().name()});
        let answer = sale.journey.buyer().send("pay", call.json(&body)).await?;
        if answer.status == StatusCode::OK {
            sale.payment = answer.json()?;
        }
        Ok(answer)
    }

    /// A new order with an open payment.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn sale(&self) -> Result<Sale, WorldError> {
        let mut sale = self.order().await?;
        self.open(&mut sale).await?.success()?;
        Ok(sale)
    }

    /// A new order whose buyer went to the provider and paid there; the callback is not sent yet.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn paid_there(&self) -> Result<(Sale, Message), WorldError> {
        let sale = self.sale().await?;
        let told = self.pay(&sale)?;
        Ok((sale, told))
    }

    /// The buyer follows the offer and pays; the callback is not sent yet.
    ///
    /// # Errors
    /// [`WorldError::Wrong`] where the provider would not take it.
    pub fn pay(&self, sale: &Sale) -> Result<Message, WorldError> {
        self.provider.visit(&sale.payment).map_err(WorldError::Wrong)?;
        let told = self.provider.pay(&sale.payment_no());
        told.map_err(|refused| WorldError::Wrong(format!("{}: {refused}", sale.payment_no())))
    }

    /// A paid order that waits for its parcel.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn paid(&self) -> Result<Sale, WorldError> {
        let (mut sale, told) = self.paid_there().await?;
        told.send(&mut self.client()).await?.success()?;
        self.until(&mut sale, "to ship", |read| read["shop_orders"][0]["sub_status"] == "to_ship").await?;
        Ok(sale)
    }

    /// Who sends callbacks: a connection without a token.
    pub fn client(&self) -> Client {
        self.world.host.client()
    }

    /// Reads the order until something holds of it.
    ///
    /// # Errors
    /// [`WorldError::Wrong`] with the order as it was last.
    pub async fn until(
        &self,
        sale: &mut Sale,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, WorldError> {
        let mut last = Value::Null;
        let found = wait_until(what, LIMIT, async || -> Result<_, WorldError> {
            last = sale.journey.buyer().read(&sale.order.order_no).await?;
            if holds(&last) {
                return Ok(Some(last.clone()));
            }
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        })
        .await;
        found.map_err(|error| match error {
            WorldError::Server(ServerError::Deadline { what, .. }) => WorldError::Wrong(format!("not {what}: {last}")),
            other => other,
        })
    }

    /// An operator gives money back: parts of items, or everything that is left.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn refund(&self, sale: &Sale, items: Value) -> Result<Value, WorldError> {
        let path = format!("/api/v1/orders/{}/refund", sale.order.shop().order_no);
        let call = Call::new(Method::POST, path).json(&json!({"reason": "a test", "items": items}));
        Ok(self.world.admin().send(call).await?.success()?.json()?)
    }

    /// Compares every payment and refund of the orders made here with the provider's book; answers how many payments.
    ///
    /// # Errors
    /// [`WorldError::Wrong`] with both where they differ.
    pub async fn agree(&self) -> Result<usize, WorldError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut ours = Money::new();
        for order in orders {
            let answer = self.world.admin().send(Call::new(Method::GET, format!("/api/v1/orders/{order}"))).await?;
            known_here(&answer.success()?.json()?, &mut ours);
        }
        let paid = self.provider.book().entries().into_iter().filter(|trade| trade.state == TradeState::Paid);
        let theirs: Money = paid.map(known_there).collect();
        if ours == theirs {
            Ok(ours.len())
        } else {
            Err(WorldError::Wrong(format!("ours {ours:#?} theirs {theirs:#?}")))
        }
    }
}

fn known_here(order: &Value, into: &mut Money) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for payment in order["payments"].as_array().into_iter().flatten().filter(|p| p["status"] == "succeeded") {
        let no = &payment["payment_no"];
        let refunds = order["refunds"].as_array().into_iter().flatten();
        let refunds =
            refunds.filter(|r| r["payment_no"] == *no && r["way"] == "provider" && r["status"] == "succeeded");
        let refunds = refunds.map(|r| (text(&r["refund_no"]), r["amount"].as_i64().unwrap_or_default()));
        let amount = payment["amount"].as_i64().unwrap_or_default();
        let held = payment["balance_minor"].as_i64().unwrap_or_default();
        into.insert(text(no), (text(&payment["trade_no"]), amount - held, refunds.collect()));
    }
}

fn known_there(trade: Trade) -> (String, (String, i64, BTreeMap<String, i64>)) {
    let done = trade.refunds.into_values().filter(|refund| refund.state == RefundState::Done);
    let refunds = done.map(|refund| (refund.refund_no, refund.amount)).collect();
    (trade.payment_no, (trade.trade_no, trade.amount, refunds))
}
