//! Orders that go wrong after they were paid: what is done about each, and what must have come of it.

use serde_json::{Value, json};

use super::plan::Ending;
use crate::aftersales::money_back;
use crate::journey::{Ended, Journey};
use crate::platform::Order;
use crate::world::catalogue::{CANCELLATION_PERCENT, ECONOMY_PERCENT};
use crate::world::{World, WorldError};

/// Takes a paid order to where it ends.
pub(super) async fn happens(journey: &mut Journey, order: &Order, ending: Ending) -> Result<(), WorldError> {
    if ending == Ending::LostParcel {
        journey.service().forward(&order.shop().order_no).await?;
        journey.ship_goods(order).await?;
        return journey.lose_parcel(order).await;
    }
    journey.reached(order, &["shipped"]).await?;
    if ending == Ending::CancelledLate {
        return journey.refund_agreed(order, "ill", &json!([])).await.map(drop);
    }
    let read = journey.buyer().read(&order.order_no).await?;
    let seats = &read["shop_orders"][0]["items"][0];
    journey.refund_agreed(order, "a meeting", &json!([{"item_no": seats["order_no"], "quantity": 1}])).await?;
    journey.deliver(order).await
}

/// One order that went wrong, as it is in the end.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) ending: Ending,
    /// The pay order as an operator reads it.
    pub(super) order: Value,
    pub(super) to_pay: i64,
    /// Of what the supplier of the order was asked, as often as it did it.
    pub(super) supplier: Vec<&'static str>,
}

impl Story {
    /// Reads the order and what its supplier did.
    pub(super) async fn read(world: &World, ending: Ending, ended: &Ended) -> Result<Self, WorldError> {
        let mut operator = world.host.client().with_token(&world.mint.operator());
        let order = operator.get(&format!("/api/v1/orders/{}", ended.pay_order)).await?;
        let entries = world.suppliers.entries();
        // What is taken back is told under the supplier's own id.
        let own: Vec<&str> = entries.iter().filter(|e| e.order == ended.shop_order).map(|e| e.id.as_str()).collect();
        let is_about = |about: &str| about == ended.shop_order || own.contains(&about);
        let mut supplier: Vec<_> = entries.iter().filter(|e| is_about(&e.order)).map(|e| e.operation).collect();
        supplier.sort_unstable();
        Ok(Self { ending, order, to_pay: ended.to_pay, supplier })
    }

    pub(super) fn shop_order(&self) -> &Value {
        &self.order["shop_orders"][0]
    }

    /// All money that came in.
    pub(super) fn paid(&self) -> i64 {
        let payments = self.order["payments"].as_array().into_iter().flatten();
        payments.filter(|row| row["status"] == "succeeded").map(|row| int(&row["amount"])).sum()
    }

    /// All money that went back.
    pub(super) fn back(&self) -> i64 {
        money_back(&self.order)
    }

    /// What the shop has of it in the end, before the platform's fees.
    pub(super) fn kept(&self) -> i64 {
        int(&self.shop_order()["settlement"]["gross"])
    }

    /// What was kept of that which came back.
    pub(super) fn fee(&self) -> i64 {
        self.aftersales().map(|row| int(&row["fee"])).sum()
    }

    pub(super) fn freight(&self) -> i64 {
        int(&self.shop_order()["amounts"]["shipping_fee"])
    }

    pub(super) fn aftersales(&self) -> impl Iterator<Item = &Value> {
        self.shop_order()["aftersales"].as_array().into_iter().flatten()
    }

    pub(super) fn refunds(&self) -> impl Iterator<Item = &Value> {
        self.order["refunds"].as_array().into_iter().flatten()
    }

    /// What did not come right; the sums are worked out anew from the prices.
    pub(super) fn faults(&self) -> Vec<String> {
        let shop = self.shop_order();
        let first = &shop["items"][0];
        let fee = match self.ending {
            Ending::CancelledLate => int(&first["due"]) * CANCELLATION_PERCENT / 100,
            Ending::OneSeatBack => int(&first["original_price"]) * ECONOMY_PERCENT / 100,
            _ => 0,
        };
        let back = if self.ending == Ending::OneSeatBack { int(&first["due"]) / 2 - fee } else { self.to_pay - fee };
        let (words, applied): (&[&str], usize) = match self.ending {
            Ending::CancelledLate => (&["book", "cancel"], 1),
            Ending::OneSeatBack => (&["refund", "ticket"], 1),
            Ending::SupplierRefuses => (&["topup"], 0),
            _ => (&[], 0),
        };
        let mut faults = Vec::new();
        let mut same = |what: &str, is: Value, wanted: Value| {
            if is != wanted {
                faults.push(format!("order {}: {what} is {is}, not {wanted}", self.order["order_no"]));
            }
        };
        same("its end", shop["status"].clone(), json!(self.ending.status()));
        same("what was paid", json!(self.paid()), json!(self.to_pay));
        same("what went back", json!(self.back()), json!(back));
        same("the fee", json!(self.fee()), json!(fee));
        same("what is kept", json!(self.kept()), json!(self.to_pay - back));
        same("what its supplier did", json!(self.supplier), json!(words));
        let done = self.aftersales().filter(|row| row["status"] == "refunded" && row["open"] == false);
        same("its after-sales", json!(done.count()), json!(applied));
        match self.ending {
            Ending::LostParcel => {
                same("its reason", shop["reason"].clone(), json!("lost"));
                same("whether it had freight", json!(self.freight() > 0), json!(true));
            }
            Ending::OneSeatBack => same("the seats given back", first["refunded_quantity"].clone(), json!(1)),
            _ => {}
        }
        faults
    }
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        let order = json!({
            "order_no": "1", "payments": [{"status": "failed", "amount": 7}, {"status": "succeeded", "amount": 170_000}],
            "refunds": [{"way": "provider", "status": "succeeded", "amount": 53_000}],
            "shop_orders": [{
                "status": "completed", "settlement": {"gross": 117_000},
                "items": [{"due": 170_000, "original_price": 80_000, "refunded_quantity": 1}],
                "aftersales": [{"status": "refunded", "open": false, "fee": 32_000}],
            }],
        });
        Story { ending: Ending::OneSeatBack, order, to_pay: 170_000, supplier: vec!["refund", "ticket"] }
    }

    #[test]
    fn what_came_right_has_no_faults() {
        assert_eq!(story().faults(), Vec::<String>::new());
    }

    #[test]
    fn each_number_that_is_not_right_is_a_fault() {
        let changes = [
            ("/shop_orders/0/status", json!("closed"), "its end"),
            ("/payments/1/amount", json!(169_999), "what was paid"),
            ("/refunds/0/status", json!("pending"), "what went back"),
            ("/shop_orders/0/aftersales/0/fee", json!(0), "the fee"),
            ("/shop_orders/0/settlement", Value::Null, "what is kept"),
            ("/shop_orders/0/aftersales/0/status", json!("approved"), "its after-sales"),
            ("/shop_orders/0/items/0/refunded_quantity", json!(2), "the seats given back"),
        ];
        for (path, value, what) in changes {
            let mut story = story();
            *story.order.pointer_mut(path).expect("it is there") = value;
            let faults = story.faults();
            assert!(faults.len() == 1 && faults[0].contains(what), "{path}: {faults:?}");
        }
        let twice = Story { supplier: vec!["refund", "refund", "ticket"], ..story() };
        assert_eq!(twice.faults().len(), 1);
    }
}
