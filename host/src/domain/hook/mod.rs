//! What the platform says to a business line and what a line answers: contract v1 (`wit/v1`) in plain Rust.
//!
//! Nothing here knows WebAssembly. An `other` case that a plugin answers has no counterpart: it is refused at the edge.

mod http;
mod pricing;
mod refund;
mod step;
mod view;

pub use self::{
    http::{Auth, HmacPart, HttpRequest, HttpResponse, Repeat},
    pricing::{
        Channel, Coupon, ItemRequest, LineRefusal, PricedItem, PricedShop, Promotion, PromotionLevel, QuoteRequest,
        Quoted, ShopRequest,
    },
    refund::{RefundInput, RefundLine, RefundQuote, Refundable, RevokeInput, Revoked},
    step::{
        Answer, BusinessEvent, DeductInput, Deducted, DeliverySecret, HookError, JournalEntry, Packed, Progress,
        ReceiveInput, Received, ShipInput, Shipment, Shipped, Signal, Step, Trigger, Verdict, Wait,
    },
    view::{Address, Delivery, OrderItem, OrderView, PaymentView, ShipmentView, StockNeed},
};

use serde::{Deserialize, Serialize};

/// Keys and values in the order given. Keys match `[a-z0-9_.-]{1,64}`.
pub type Pairs = Vec<(String, String)>;

/// The questions a business line answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// `pricing.quote`
    Pricing,
    /// `deduct.deduct`
    Deduct,
    /// `ship.ship`
    Ship,
    /// `receive.receive`
    Receive,
    /// `aftersale.quote-refund`
    QuoteRefund,
    /// `aftersale.revoke`
    Revoke,
}

impl Hook {
    /// Every hook, in the order of an order's life.
    pub const ALL: [Self; 6] =
        [Self::Pricing, Self::Deduct, Self::Ship, Self::Receive, Self::QuoteRefund, Self::Revoke];

    /// The word used in the database, in metrics and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pricing => "pricing",
            Self::Deduct => "deduct",
            Self::Ship => "ship",
            Self::Receive => "receive",
            Self::QuoteRefund => "quote_refund",
            Self::Revoke => "revoke",
        }
    }

    /// The hook of a word made by [`Hook::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == word)
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
