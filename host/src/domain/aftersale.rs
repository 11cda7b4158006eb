//! After-sales: a buyer wants money back, sends goods back, or wants others instead.

use serde::{Deserialize, Serialize};

use super::ids::{AftersaleNo, BusinessCode, BuyerId, Millis, OrderNo, ShipmentNo, ShopId};
use super::money::Minor;
use super::order::coded;

coded!(
    /// What is wanted.
    AftersaleKind {
        /// Money back.
        Refund = 0, "refund";
        /// Money back for goods that come back first.
        Return = 1, "return";
        /// The same goods again for goods that come back first.
        Exchange = 2, "exchange";
    }
);
coded!(
    /// The state of an after-sale.
    AftersaleStatus {
        /// The merchant decides.
        Applied = 0, "applied";
        /// Agreed: the refund begins, or the goods may come back.
        Approved = 1, "approved";
        /// The goods are on their way back.
        Returning = 2, "returning";
        /// The goods are there; the merchant looks at them.
        Returned = 3, "returned";
        /// The money is on its way.
        Refunding = 4, "refunding";
        /// The buyer has the money.
        Refunded = 5, "refunded";
        /// The new goods are being sent.
        Reshipping = 6, "reshipping";
        /// The buyer has the new goods.
        Exchanged = 7, "exchanged";
        /// The merchant said no; the buyer may change it, ask an operator, or leave it.
        Rejected = 8, "rejected";
        /// An operator decides.
        Arbitrating = 9, "arbitrating";
        /// Withdrawn, or left too long.
        Cancelled = 10, "cancelled";
    }
);

impl AftersaleStatus {
    /// The event that tells of it.
    pub fn tag(self) -> String {
        format!("AFTERSALE_{}", self.word().to_uppercase())
    }
}

/// One after-sale of a shop order. Written under the shop order's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aftersale {
    /// Its number.
    pub no: AftersaleNo,
    /// The shop order.
    pub shop_no: OrderNo,
    /// Who buys.
    pub buyer: BuyerId,
    /// Who sells.
    pub shop: ShopId,
    /// Whose line.
    pub business: BusinessCode,
    /// What is wanted.
    pub kind: AftersaleKind,
    /// State.
    pub status: AftersaleStatus,
    /// Why, in the buyer's words.
    pub reason: String,
    /// Of what.
    pub items: Vec<Claim>,
    /// What happened on the way.
    pub detail: AftersaleDetail,
    /// When the state ends by itself.
    pub deadline: Option<Millis>,
    /// When it was applied for.
    pub created_at: Millis,
    /// The last write.
    pub updated_at: Millis,
    /// When it was over; none while it is open.
    pub ended_at: Option<Millis>,
}

/// A part of an item that an after-sale is about. Held against everybody else's refunds while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which item.
    pub item_no: OrderNo,
    /// Units; 0 asks for money only.
    pub quantity: u32,
    /// Money back, minor units.
    pub cash: Minor,
    /// Coins back, counted.
    pub coins: i64,
    /// Money of these units that is kept, minor units.
    pub fee: Minor,
    /// Coins of these units that are kept.
    #[serde(default)]
    pub fee_coins: i64,
}

/// What happened to an after-sale on its way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them may be true")]
pub struct AftersaleDetail {
    /// The order was not shipped when it was applied for.
    pub unshipped: bool,
    /// The money was asked for in this sum, where less than the units' price was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Minor>,
    /// Its refunds were made: they count now, and not its claims.
    pub refund_begun: bool,
    /// Times that the buyer changed it after a rejection.
    pub resubmits: u8,
    /// Why it was rejected last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<String>,
    /// The buyer withdrew it.
    pub withdrawn: bool,
    /// The merchant has the goods back.
    pub goods_back: bool,
    /// The words that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The parcel on its way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ReturnParcel>,
    /// The new goods of an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipment_no: Option<ShipmentNo>,
    /// What each side has to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// Goods on their way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnParcel {
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number.
    pub waybill: String,
    /// When it left.
    pub sent_at: Millis,
}

/// A word of one side, with links to pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who: `buyer:…`, `shop:…`, …
    pub by: String,
    /// When.
    pub at: Millis,
    /// What.
    pub text: String,
    /// Addresses of pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

impl Aftersale {
    /// Whether anything can still become of it.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether its parts are held against other refunds: it is open, and its own refunds do not count yet.
    pub fn holds(&self) -> bool {
        self.is_open() && !self.detail.refund_begun
    }

    /// Whether goods must come back first.
    pub fn takes_goods_back(&self) -> bool {
        self.kind != AftersaleKind::Refund
    }

    /// Whether what it is about must not be shipped: it may become a refund.
    pub fn keeps_from_shipping(&self) -> bool {
        use AftersaleStatus as S;
        self.holds() && self.detail.unshipped && matches!(self.status, S::Applied | S::Approved | S::Arbitrating)
    }

    /// Whether it came to what the buyer wanted.
    pub fn succeeded(&self) -> bool {
        matches!(self.status, AftersaleStatus::Refunded | AftersaleStatus::Exchanged)
    }
}
