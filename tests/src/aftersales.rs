//! What goes wrong with an order of a [`Journey`] and is put right: a lost parcel, money that goes back.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::client::Call;
use crate::journey::{Journey, expect};
use crate::platform::{Event, Order};
use crate::servers::{ServerError, wait_until};
use crate::world::WorldError;

/// The longest that one step may take.
const LIMIT: Duration = Duration::from_mins(1);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(30);

/// Money that came back, minor units, in an order as it is read; coins are none.
pub fn money_back(read: &Value) -> i64 {
    let done = |row: &&Value| row["way"] != "coins" && row["status"] == "succeeded";
    let rows = read["refunds"].as_array().into_iter().flatten();
    rows.filter(done).map(|row| row["amount"].as_i64().unwrap_or_default()).sum()
}

impl Journey {
    /// Waits until the shop order, read whole, is as wanted; gives the pay order.
    ///
    /// # Errors
    /// [`WorldError`] with the order as it was last.
    pub async fn shown(
        &mut self,
        order: &Order,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, WorldError> {
        self.look(what, &format!("/api/v1/orders/{}", order.order_no), |read| wanted(&read["shop_orders"][0])).await
    }

    /// Waits until an after-sale of the buyer has a status.
    ///
    /// # Errors
    /// [`WorldError`] with the after-sale as it was last.
    pub async fn aftersale_reached(&mut self, no: &str, status: &str) -> Result<Value, WorldError> {
        self.look(status, &format!("/api/v1/aftersales/{no}"), |read| read["status"] == status).await
    }

    async fn look(&mut self, what: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, WorldError> {
        let mut last = Value::Null;
        let waited = wait_until(what, LIMIT, async || -> Result<_, WorldError> {
            last = self.buyer().client().get(path).await?;
            if wanted(&last) {
                return Ok(Some(()));
            }
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        })
        .await;
        match waited {
            Ok(()) => Ok(last),
            Err(WorldError::Server(error @ ServerError::Deadline { .. })) => {
                Err(WorldError::Wrong(format!("{error}: {last}")))
            }
            Err(other) => Err(other),
        }
    }

    /// The only parcel of a shipped order is lost: so says the shop.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn lose_parcel(&mut self, order: &Order) -> Result<(), WorldError> {
        let body = json!({"order_no": order.shop().order_no, "kind": "lost", "note": "it fell off the lorry"});
        let call = Call::new(Method::POST, "/api/v1/shipments/exception").json(&body);
        let event: Event = self.shop().send("lost", call).await?.success()?.json()?;
        expect(&event.effect, &["applied"], "a lost parcel")
    }

    /// The buyer asks for money back, the shop agrees, and it is there. Without items it is about all of them.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn refund_agreed(&mut self, order: &Order, reason: &str, items: &Value) -> Result<Value, WorldError> {
        let body = json!({"order_no": order.shop().order_no, "type": "refund", "reason": reason, "items": items});
        let call = Call::new(Method::POST, "/api/v1/aftersales").json(&body);
        let asked: Value = self.buyer().send("ask back", call).await?.success()?.json()?;
        let Some(no) = asked["aftersale_no"].as_str() else {
            return Err(WorldError::Wrong(format!("an after-sale without a number: {asked}")));
        };
        let call = Call::new(Method::POST, format!("/api/v1/aftersales/{no}/approve")).json(&json!({}));
        self.shop().send("agree", call).await?.success()?;
        self.aftersale_reached(no, "refunded").await
    }
}
