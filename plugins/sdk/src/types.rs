//! The words of the contract under the names that a business line uses.
//!
//! Money is a signed count of minor units of the order's currency ([`Minor`]), time is milliseconds since 1970-01-01
//! UTC ([`Millis`]). The files in `wit/v1` say who fills each field and what its limits are.

use crate::bindings::business::exports::hookline::business;
use crate::bindings::business::hookline::business::{calls, types};
use crate::bindings::with_aftersale::exports::hookline::business::aftersale;

pub use business::deduct::Deducted;
pub use business::pricing::{
    Channel, Coupon, ItemRequest, LineRefusal, PricedItem, PricedShop, Promotion, PromotionLevel, QuoteRequest, Quoted,
    ShopRequest,
};
pub use business::receive::{Received, Trigger, Verdict};
pub use business::ship::{DeliverySecret, Packed, Progress, Shipment, Shipped};
pub use types::{
    Address, BusinessEvent, Delivery, HookError, Millis, Minor, OrderItem as Item, OrderView as Order,
    PaymentView as Payment, RetryLater, ShipmentView, StockNeed,
};

pub use aftersale::{RefundInput as RefundRequest, RefundLine, RefundQuote, Refundable, Revoked};
pub use calls::{
    Answer, Auth, BasicSecret, HeaderSecret, HmacSecret, HttpRequest, HttpResponse, JournalEntry, Repeat, Signal, Wait,
};

/// Key and value, in the order they were given.
pub type Pairs = Vec<(String, String)>;

/// Reads pairs by key.
pub trait Lookup {
    /// The value of the first pair with this key; an empty value counts as absent.
    fn find(&self, key: &str) -> Option<&str>;
}

impl Lookup for [(String, String)] {
    fn find(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// Makes one pair.
pub fn pair(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}
