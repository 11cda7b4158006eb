//! Stock, wallet and coupons: what an order takes hold of.

use serde::{Deserialize, Serialize};

use super::ids::{BusinessCode, BuyerId, CouponCode, OrderNo, StockKey};
use super::money::Currency;
use super::order::coded;

coded!(
    /// How a move changes a stock row.
    StockMoveKind {
        /// available → reserved
        Reserve = 0, "reserve";
        /// reserved → sold
        Confirm = 1, "confirm";
        /// reserved → available
        Release = 2, "release";
        /// available → sold (lines that sell at create)
        Sell = 3, "sell";
        /// sold → available
        Restock = 4, "restock";
    }
);

/// One move of one stock key for one shop order; unique by (shop order, key, reason).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockMove {
    /// For whom.
    pub shop_no: OrderNo,
    /// Whose stock.
    pub business: BusinessCode,
    /// Of what.
    pub key: StockKey,
    /// What happens.
    pub kind: StockMoveKind,
    /// How many: the sum over the order's lines, at least 1.
    pub quantity: i64,
    /// The kind's word, with the cause where there can be several: `restock:<cause>`.
    pub reason: String,
}

/// What an account counts: money of a currency, or coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Unit {
    /// Minor units of a currency.
    Money(Currency),
    /// Platform coins (G币), a wallet currency of its own with exponent 0.
    Coins,
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Money(currency) => currency.as_str().to_owned(),
            Unit::Coins => "COINS".to_owned(),
        }
    }
}
impl TryFrom<String> for Unit {
    type Error = super::ids::BadText;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "COINS" { Ok(Self::Coins) } else { text.parse().map(Self::Money) }
    }
}

/// One side of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a buyer can spend. It can be insufficient, so it has a locked balance row.
    Available(BuyerId),
    /// What of a buyer is held for an order; kept in the same row.
    Held(BuyerId),
    /// The house: `sales` (captured money), `funding` (what was topped up), … Never insufficient, only postings.
    House(&'static str),
}

impl Account {
    /// Whose it is; none for the house.
    pub fn buyer(&self) -> Option<&BuyerId> {
        match self {
            Self::Available(buyer) | Self::Held(buyer) => Some(buyer),
            Self::House(_) => None,
        }
    }
}

/// Captured money of orders.
pub const SALES: Account = Account::House("sales");
/// Where topped-up money comes from and withdrawn money goes to.
pub const FUNDING: Account = Account::House("funding");

/// A double-entry posting: what leaves `from` arrives at `to`. Unique by (order, operation), and of one buyer: the store
/// refuses one between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The pay order, or any number the caller made for a top-up.
    pub order_no: OrderNo,
    /// `hold`, `capture`, `release`, `refund:R…`, `hold:P…`, `top_up`, …
    pub operation: String,
    /// Payer.
    pub from: Account,
    /// Payee.
    pub to: Account,
    /// Of what.
    pub unit: Unit,
    /// Above zero.
    pub amount: i64,
}

coded!(
    /// The state of a coupon.
    CouponState {
        /// Can be used.
        Free = 0, "free";
        /// Held by an order.
        Locked = 1, "locked";
        /// Used up.
        Used = 2, "used";
    }
);

/// A step of a coupon for a pay order. A coupon not in state `from` (or of another order) refuses the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponMove {
    /// Which.
    pub code: CouponCode,
    /// Whose; a coupon of somebody else refuses the change.
    pub buyer: BuyerId,
    /// The order that holds it.
    pub order_no: OrderNo,
    /// Where it is.
    pub from: CouponState,
    /// Where it goes.
    pub to: CouponState,
}
