//! Short ways to write what hooks answer.

use serde::de::DeserializeOwned;

use crate::money::{self, Overflow};
use crate::refusals::Refusals;
use crate::types::{
    Deducted, Delivery, Item, ItemRequest, Minor, Packed, PricedItem, PricedShop, Progress, QuoteRequest, Quoted,
    Received, RefundRequest, Revoked, Shipment, Shipped, ShopRequest, Verdict,
};
use crate::types::{HookError, Order};

impl QuoteRequest {
    /// The line's settings.
    ///
    /// # Errors
    ///
    /// Settings of another form are the line's fault, not the cart's.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Refusals> {
        serde_json::from_str(&self.settings).map_err(|error| Refusals::fault(format!("settings: {error}")))
    }
}

impl ItemRequest {
    /// What the catalogue says of the SKU.
    ///
    /// # Errors
    ///
    /// Why the facts could not be read; refuse the line with it.
    pub fn facts<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, String> {
        serde_json::from_str(&self.facts).map_err(|error| format!("catalogue facts of {}: {error}", self.sku))
    }
}

impl PricedItem {
    /// A line at its original price for one unit, without discount, tax or stock.
    pub fn new(request: &ItemRequest, original: Minor, title: impl Into<String>) -> Self {
        Self {
            line: request.line,
            original,
            discount: 0,
            tax: 0,
            title: title.into(),
            picture: String::new(),
            attributes: Vec::new(),
            stock: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// What the line costs after its discount, without tax.
    pub fn net(&self, quantity: u32) -> Result<Minor, Overflow> {
        money::times(self.original, quantity)?.checked_sub(self.discount).ok_or(Overflow)
    }
}

impl PricedShop {
    /// A shop without discount or freight; the durations are seconds.
    pub fn new(request: &ShopRequest, items: Vec<PricedItem>, delivery: Delivery) -> Self {
        Self {
            shop: request.shop.clone(),
            items,
            discount: 0,
            freight: 0,
            delivery,
            auto_receive_s: 0,
            aftersale_window_s: 0,
            ship_within_s: 0,
            extra: Vec::new(),
        }
    }
}

impl Quoted {
    /// A price without platform discount and coins.
    pub const fn new(shops: Vec<PricedShop>, pay_timeout_s: u32) -> Self {
        Self {
            shops,
            platform_discount: 0,
            coins: 0,
            third_party_discount: 0,
            promotions: Vec::new(),
            pay_timeout_s,
            extra: Vec::new(),
        }
    }
}

impl Deducted {
    /// Secured, with nothing to remember.
    pub const fn new() -> Self {
        Self { attributes: Vec::new(), events: Vec::new(), extra: Vec::new() }
    }
}

impl Default for Deducted {
    fn default() -> Self {
        Self::new()
    }
}

impl Shipped {
    /// The shipment that the platform made waits for a ship notice.
    pub const fn prepared() -> Self {
        Self { shipments: Vec::new(), attributes: Vec::new(), events: Vec::new(), extra: Vec::new() }
    }

    /// The whole order in one shipment.
    pub fn at_once(shipment: Shipment) -> Self {
        Self { shipments: vec![shipment], ..Self::prepared() }
    }
}

impl Shipment {
    /// Every unit that was not refunded, without carrier, waybill or secrets.
    pub fn of(order: &Order, progress: Progress) -> Self {
        Self {
            items: order.items.iter().map(|item| Packed { line: item.line, quantity: item.remaining() }).collect(),
            delivery: order.delivery.clone(),
            progress,
            carrier: String::new(),
            waybill: String::new(),
            secrets: Vec::new(),
            attributes: Vec::new(),
        }
    }
}

impl Received {
    const fn of(verdict: Verdict) -> Self {
        Self { verdict, attributes: Vec::new(), events: Vec::new(), extra: Vec::new() }
    }

    /// The delivery is done.
    pub const fn confirmed() -> Self {
        Self::of(Verdict::Confirmed)
    }

    /// Stay shipped; the timer stays armed.
    pub const fn not_yet() -> Self {
        Self::of(Verdict::NotYet)
    }

    /// The delivery failed for good: the platform refunds.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::of(Verdict::Refused(reason.into()))
    }
}

impl Revoked {
    /// Undone, with nothing to remember.
    pub const fn new() -> Self {
        Self { attributes: Vec::new(), extra: Vec::new() }
    }
}

impl Default for Revoked {
    fn default() -> Self {
        Self::new()
    }
}

impl Item {
    /// Units that were not refunded.
    pub const fn remaining(&self) -> u32 {
        self.quantity.saturating_sub(self.refunded)
    }

    /// The share of an amount of the whole line for the next `quantity` units; the shares of all units add up to it.
    pub fn share(&self, amount: Minor, quantity: u32) -> Result<Minor, Overflow> {
        let units = i64::from(self.quantity);
        let upto = |count: u32| money::ratio(amount, i64::from(count).min(units), units);
        Ok(upto(self.refunded.saturating_add(quantity))? - upto(self.refunded)?)
    }
}

impl RefundRequest {
    /// The line's settings.
    ///
    /// # Errors
    ///
    /// Settings of another form need a person.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        serde_json::from_str(&self.settings).map_err(|error| HookError::Attention(format!("settings: {error}")))
    }
}

impl Order {
    /// The item with this line index.
    pub fn item(&self, line: u32) -> Option<&Item> {
        self.items.iter().find(|item| item.line == line)
    }
}
