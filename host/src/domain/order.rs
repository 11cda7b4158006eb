//! The three levels of an order: pay order (L1), shop order (L2), item order (L3), and their states.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{
    BusinessCode, BuyerId, CouponCode, Digest, Millis, OrderNo, PaymentNo, ShopId, SignalName, SkuId, StockKey,
};
use super::money::{Currency, Minor};

macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $word:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The number that rows and `*_code` fields carry.
            pub fn code(self) -> i16 {
                match self { $(Self::$variant => $code),+ }
            }
            /// The word that JSON carries.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// The value of a code, if it is one.
            pub fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
            /// The value of a word, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use coded;

coded!(
    /// The state of a shop order. A pay order stores only created, cancelled and paid; after that it is derived.
    Status {
        /// Made, not paid.
        Created = 0, "created";
        /// Never paid.
        Cancelled = 1, "cancelled";
        /// The money is secured.
        Paid = 2, "paid";
        /// Delivery began.
        Shipped = 3, "shipped";
        /// Delivery done.
        Received = 4, "received";
        /// Money had moved and the deal failed; everything owed was refunded.
        Closed = 5, "closed";
        /// Settled.
        Completed = 6, "completed";
    }
);

impl Status {
    /// Nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Closed | Self::Completed)
    }
}

coded!(
    /// Where inside a state an order is.
    SubStatus {
        /// Nothing to say.
        None = 0, "none";
        /// Created, and its stock is held.
        StockReserved = 10, "stock_reserved";
        /// Created, waiting for the provider to close an open payment.
        Cancelling = 11, "cancelling";
        /// Paid; the deduct hook has not finished.
        ToDeduct = 20, "to_deduct";
        /// Paid and deducted; not yet shipped.
        ToShip = 21, "to_ship";
        /// Paid; some packages are on their way.
        PartShipped = 22, "part_shipped";
        /// Being undone; closed once the last refund succeeded.
        Closing = 90, "closing";
    }
);
coded!(
    /// How the order is paid for.
    Mode {
        /// The buyer's wallet pays when the order is forwarded.
        Prepaid = 0, "prepaid";
        /// The buyer pays before the timeout.
        Wait = 1, "wait";
    }
);
coded!(
    /// Where the order was placed.
    Channel {
        /// A desktop browser.
        Pc = 0, "pc";
        /// A mobile application or page.
        Mobile = 1, "mobile";
        /// Another system.
        Api = 2, "api";
        /// A marketplace of somebody else.
        ThirdParty = 3, "third_party";
    }
);
coded!(
    /// Whether the buyer sees the order.
    Visible {
        /// Listed.
        Normal = 0, "normal";
        /// Deleted by the buyer, can be brought back.
        Deleted = 1, "deleted";
        /// Deleted for good.
        Gone = 2, "gone";
        /// Not yet there: its resources are still being locked.
        NotYet = 99, "not_yet";
    }
);
coded!(
    /// How a shop order is delivered.
    Delivery {
        /// A parcel with a carrier and a waybill.
        Parcel = 0, "parcel";
        /// A code.
        Code = 1, "code";
        /// A voucher.
        Voucher = 2, "voucher";
        /// A ticket.
        Ticket = 3, "ticket";
        /// A booking.
        Booking = 4, "booking";
        /// Credit on an account outside.
        Credit = 5, "credit";
    }
);

/// Attributes and extras: short texts by key.
pub type Pairs = BTreeMap<String, String>;

/// Why an order ended early: a stable code and words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `buyer`, `pay_timeout`, `stock_failed`, `rejected`, `insufficient_balance`, …
    pub code: String,
    /// For people.
    pub text: String,
}

impl Reason {
    /// A reason with its words.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}

/// The last sequence number used per topic for events about one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sequences {
    /// ORDER_TOPIC
    pub order: i64,
    /// PAYMENT_TOPIC
    pub payment: i64,
    /// FULFILLMENT_TOPIC
    pub fulfilment: i64,
    /// AFTERSALE_TOPIC
    pub aftersale: i64,
}

/// What of one line was given for what, fixed when the order is made and the base of every refund.
///
/// Invariant: `due = cash + coins_value + third_party`, all ≥ 0. For an item `due` = quantity × original − item
/// discount − shop share − platform share − re-price share + tax; for a freight line it is the freight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// What the line costs.
    pub due: Minor,
    /// Its part of the shop discount (already off `due`).
    pub shop_discount: Minor,
    /// Its part of the platform discount (already off `due`).
    pub platform_discount: Minor,
    /// Coins, counted.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Paid by a third party; never refunded to the buyer.
    pub third_party: Minor,
    /// Paid by the buyer in money.
    pub cash: Minor,
    /// The part of `cash` that came from the wallet; the rest came through a provider. Known once paid.
    pub balance: Minor,
}

/// What the buyer pays once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayOrder {
    /// Its number: the one `GenOID` and create give.
    pub no: OrderNo,
    /// Who pays.
    pub buyer: BuyerId,
    /// Created, cancelled or paid.
    pub status: Status,
    /// None, stock reserved or cancelling.
    pub sub_status: SubStatus,
    /// Counts the writes of this row.
    pub version: i64,
    /// Prepaid or waiting for payment.
    pub mode: Mode,
    /// One currency for everything in it.
    pub currency: Currency,
    /// What everything adds up to.
    pub amounts: PayAmounts,
    /// When an unpaid order is cancelled; none once paid or ended.
    pub expire_time: Option<Millis>,
    /// Why it was cancelled.
    pub reason: Option<Reason>,
    /// Event counters.
    pub sequences: Sequences,
    /// When it was made.
    pub created_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
    /// The payment that paid it.
    pub paid_by: Option<PaymentNo>,
    /// The last write.
    pub updated_at: Millis,
    /// What never changes.
    pub facts: PayFacts,
}

/// The sums of a pay order. `to_pay = price + freight + tax − coins_value − third_party`; `price` = Σ L2 price −
/// platform discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayAmounts {
    /// L1 price.
    pub price: Minor,
    /// Units bought.
    pub quantity: i64,
    /// Platform discount.
    pub platform_discount: Minor,
    /// Freight of all shops.
    pub freight: Minor,
    /// Tax of all lines.
    pub tax: Minor,
    /// Coins used.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Third-party discount.
    pub third_party: Minor,
    /// What the buyer pays in money.
    pub to_pay: Minor,
}

/// What is known of a pay order when it is made and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayFacts {
    /// Where it was placed.
    pub channel: Channel,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    pub platform: u32,
    /// Marketplace code.
    pub marketplace: u32,
    /// Methods every line of it accepts.
    pub methods: Vec<String>,
    /// Value of one coin in minor units.
    pub coin_value: Minor,
    /// Platform coupons used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<CouponCode>,
    /// Promotions applied at platform level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
    /// The catalogue's revision at the quote.
    pub catalogue_revision: i64,
    /// The application's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_id: Option<String>,
    /// Where the buyer came from, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<serde_json::Value>,
    /// Tags as sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Extras as sent.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
}

/// What made something cheaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// For people.
    pub title: String,
    /// By how much, in minor units.
    pub amount: Minor,
    /// The coupon used up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<CouponCode>,
}

/// One shop, one business line: the unit of locking, forwarding, shipping and receiving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOrder {
    /// Its number.
    pub no: OrderNo,
    /// The pay order above it.
    pub pay_no: OrderNo,
    /// Who buys.
    pub buyer: BuyerId,
    /// Who sells.
    pub shop: ShopId,
    /// Whose plugin decides.
    pub business: BusinessCode,
    /// The order type, one of those the line registered.
    pub kind: i32,
    /// Main state.
    pub status: Status,
    /// Sub-state.
    pub sub_status: SubStatus,
    /// Counts the writes of this row; each write has one flow row.
    pub version: i64,
    /// Whether the buyer sees it.
    pub visible: Visible,
    /// Set when a person must look: why.
    pub attention: Option<String>,
    /// The deadline of the current state.
    pub expire_time: Option<Millis>,
    /// Why it was cancelled or closed.
    pub reason: Option<Reason>,
    /// What everything adds up to.
    pub amounts: ShopAmounts,
    /// The plugin version that priced it and decides it to its end.
    pub plugin: Digest,
    /// A hook that is waiting for an answer or a signal.
    pub suspended: Option<Suspended>,
    /// When the ship hook answered; packages that it left to be packed wait for their ship notices.
    pub packed_at: Option<Millis>,
    /// Signals that arrived and were not consumed yet.
    pub pending_signals: i64,
    /// How many hook decisions were recorded.
    pub decisions: i64,
    /// What hooks stored.
    pub attributes: Pairs,
    /// Event counters.
    pub sequences: Sequences,
    /// When it was made.
    pub created_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
    /// When the last package left.
    pub shipped_at: Option<Millis>,
    /// When delivery was done.
    pub received_at: Option<Millis>,
    /// When it was cancelled, closed or completed.
    pub ended_at: Option<Millis>,
    /// The last write.
    pub updated_at: Millis,
    /// What never changes.
    pub facts: ShopFacts,
    /// The lines, in order.
    pub items: Vec<ItemOrder>,
}

/// The sums of a shop order. `price` = Σ item price − shop discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShopAmounts {
    /// L2 price.
    pub price: Minor,
    /// Units bought.
    pub quantity: i64,
    /// Shop discount.
    pub discount: Minor,
    /// Freight.
    pub freight: Minor,
    /// Tax of its lines.
    pub tax: Minor,
    /// Shares of the freight line.
    pub freight_share: Share,
    /// Of the freight line, refunded so far.
    pub freight_refunded: Refunded,
}

/// What is known of a shop order when it is made and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopFacts {
    /// How it is delivered.
    pub delivery: Delivery,
    /// From shipping to automatic receipt, milliseconds.
    pub auto_receive_ms: Millis,
    /// From receipt to settlement, milliseconds.
    pub aftersale_window_ms: Millis,
    /// From payment to the shipping deadline, milliseconds.
    pub ship_within_ms: Millis,
    /// Shop coupons used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<CouponCode>,
    /// Promotions applied at item and shop level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
    /// Where parcels go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// What the buyer wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub buyer_comment: String,
    /// As sent by the application, then as answered by the plugin.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
    /// How stock moves for it.
    pub stock: StockMode,
}

coded!(
    /// How a business line's stock moves.
    StockMode {
        /// Held at create, sold at deduct.
        Reserve = 0, "reserve";
        /// Sold at create.
        AtOnce = 1, "at_once";
    }
);

/// One SKU line: the unit of refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemOrder {
    /// Its number.
    pub no: OrderNo,
    /// Index inside the shop order, from 0.
    pub line: u32,
    /// What.
    pub sku: SkuId,
    /// How many, at least 1.
    pub quantity: u32,
    /// Original price of one.
    pub original: Minor,
    /// quantity × original − item discount.
    pub price: Minor,
    /// Tax of the line.
    pub tax: Minor,
    /// What was given for what.
    pub share: Share,
    /// Refunded so far.
    pub refunded: Refunded,
    /// What never changes.
    pub facts: ItemFacts,
}

/// What of a line went back to the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refunded {
    /// Units.
    pub quantity: u32,
    /// Money.
    pub cash: Minor,
    /// Coins, counted.
    pub coins: i64,
}

/// What is known of a line when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// For people.
    pub title: String,
    /// Address of a picture, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub picture: String,
    /// Item discount of the line.
    pub discount: Minor,
    /// As answered by the plugin.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub attributes: Pairs,
    /// As sent by the application.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
    /// What it takes from stock.
    pub stock: Vec<StockNeed>,
}

/// A quantity of one stock key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockNeed {
    /// Of what.
    pub key: StockKey,
    /// How many.
    pub quantity: u32,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// Who gets it.
    pub name: String,
    /// Their phone.
    pub mobile: String,
    /// Postal code.
    pub zip: String,
    /// ISO country code.
    pub country: String,
    /// Province.
    pub province: String,
    /// City.
    pub city: String,
    /// District.
    pub district: String,
    /// Town or street office.
    pub town: String,
    /// Street and house.
    pub detail: String,
}

coded!(
    /// The hooks of a shop order that can be suspended.
    SuspendedHook {
        /// deduct
        Deduct = 1, "deduct";
        /// ship
        Ship = 2, "ship";
        /// receive
        Receive = 3, "receive";
    }
);

/// A hook that asked for something and is run again when it is there. Its input is frozen; its journal is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// Which hook.
    pub hook: SuspendedHook,
    /// The decision's time and trigger, frozen at the first run.
    pub now: Millis,
    /// Entries in its journal.
    pub journal: u32,
    /// Set while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Waiting>,
    /// The frozen input, JSON.
    pub input: String,
}

/// What a suspended hook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The signal that ends it early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalName>,
    /// When it ends.
    pub until: Millis,
    /// Whether the last entry's call is sent again afterwards.
    #[serde(default)]
    pub redo_last: bool,
}
