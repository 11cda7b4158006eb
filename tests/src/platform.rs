//! The public API as the harness uses it: every path and shape of it is here, and none of the host's own types, so that
//! a change of the API is seen.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Answer, Call, Client, ClientError};
use crate::meter::Meter;

/// A pay order as create, cancel and forward answer it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// L1
    pub order_no: String,
    /// created, cancelled, paid, closed or completed.
    pub status: String,
    /// What is to pay, minor units.
    pub to_pay: i64,
    /// ISO 4217
    pub currency: String,
    /// L2
    pub shop_orders: Vec<ShopOrder>,
}

/// A shop order in an [`Order`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShopOrder {
    /// L2
    pub order_no: String,
    /// The line.
    pub business: String,
    /// created, cancelled, paid, shipped, received, closed, completed.
    pub status: String,
    /// Where inside the state.
    pub sub_status: String,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Payment {
    /// The platform's reference.
    pub payment_no: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217
    pub currency: String,
    /// pending, succeeded, …
    pub status: String,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// The shop order.
    pub order_no: String,
    /// applied, ignored or parked.
    pub effect: String,
    /// The state now.
    pub status: String,
}

impl Order {
    /// The only shop order.
    ///
    /// # Panics
    /// When there are several: journeys have one.
    pub fn shop(&self) -> &ShopOrder {
        assert_eq!(self.shop_orders.len(), 1, "order {} has several shop orders", self.order_no);
        &self.shop_orders[0]
    }
}

/// One caller with a connection and a token; every call is timed under a name.
#[derive(Debug)]
pub struct Platform {
    client: Client,
    meter: Arc<Meter>,
    prefix: &'static str,
}

impl Platform {
    /// A caller; `prefix` begins the names under which its calls are timed.
    pub fn new(client: Client, meter: Arc<Meter>, prefix: &'static str) -> Self {
        Self { client, meter, prefix }
    }

    /// Any call; refusals are answers.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] and [`ClientError::Unknown`].
    pub async fn send(&mut self, name: &str, call: Call) -> Result<Answer, ClientError> {
        self.meter.time(&format!("{} {name}", self.prefix), self.client.send(call)).await
    }

    /// The client, for calls that are not timed.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Creates an order, with a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create(&mut self, cart: &Value, key: &str) -> Result<Order, ClientError> {
        let call = Call::new(Method::POST, "/api/v1/orders").json(cart).idempotency_key(key);
        self.send("create", call).await?.success()?.json()
    }

    /// Opens a payment, or pays from the wallet.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pay(&mut self, order: &str, method: &str) -> Result<Payment, ClientError> {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{order}/pay"));
        self.send("pay", call.json(&json!({"payment_method": method}))).await?.success()?.json()
    }

    /// Cancels an unpaid order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel(&mut self, order: &str) -> Result<Order, ClientError> {
        let call = Call::new(Method::PUT, format!("/api/v1/orders/{order}/cancel"));
        self.send("cancel", call.json(&json!({"reason": "changed my mind"}))).await?.success()?.json()
    }

    /// Reads an order of any level, whole.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read(&mut self, order: &str) -> Result<Value, ClientError> {
        self.send("read", Call::new(Method::GET, format!("/api/v1/orders/{order}"))).await?.success()?.json()
    }

    /// Advances a shop order as far as it goes now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn forward(&mut self, shop_order: &str) -> Result<Order, ClientError> {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/forward")).json(&json!({}));
        self.send("forward", call).await?.success()?.json()
    }

    /// Confirms the receipt of a shop order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receive(&mut self, shop_order: &str) -> Result<Event, ClientError> {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/receive")).json(&json!({}));
        self.send("receive", call).await?.success()?.json()
    }

    /// Says that the package left.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ship(&mut self, shop_order: &str) -> Result<Event, ClientError> {
        let body = json!({"order_no": shop_order, "carrier": "SF", "waybill": format!("SF{shop_order}")});
        let call = Call::new(Method::POST, "/api/v1/shipments/ship").json(&body);
        self.send("ship", call).await?.success()?.json()
    }

    /// Says that the package arrived.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn deliver(&mut self, shop_order: &str) -> Result<Event, ClientError> {
        let call = Call::new(Method::POST, "/api/v1/shipments/deliver").json(&json!({"order_no": shop_order}));
        self.send("deliver", call).await?.success()?.json()
    }

    /// Hands a supplier's signal over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn signal(&mut self, shop_order: &str, name: &str, payload: &Value) -> Result<Event, ClientError> {
        let body = json!({"id": format!("{name}-{shop_order}"), "payload": payload});
        let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/signals/{name}")).json(&body);
        self.send("signal", call).await?.success()?.json()
    }
}

/// The shop order's state in an order as [`Platform::read`] gives it: status and sub-status.
pub fn state_in(order: &Value, shop_order: &str) -> Option<(String, String)> {
    let shops = order["shop_orders"].as_array()?;
    let shop = shops.iter().find(|shop| shop["order_no"] == shop_order)?;
    let word = |name: &str| shop[name].as_str().unwrap_or_default().to_owned();
    Some((word("status"), word("sub_status")))
}

/// The last part of a problem's `type`, such as `stock-short`; empty when the answer is none.
pub fn problem_code(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    body["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default().to_owned()
}

/// Whether a refusal of a call is one of the state: it may be right a moment later.
pub fn is_conflict(error: &ClientError) -> bool {
    error.status() == Some(StatusCode::CONFLICT)
}

/// Whether the platform asked to try again later.
pub fn is_busy(error: &ClientError) -> bool {
    error.status() == Some(StatusCode::SERVICE_UNAVAILABLE)
}
