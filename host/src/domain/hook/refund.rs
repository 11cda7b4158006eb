//! `aftersale`: a line that prices and undoes refunds itself. Amounts are minor units of the order's currency.

use serde::{Deserialize, Serialize};

use super::{JournalEntry, OrderView, Pairs};

/// Units of one line to refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The order's line.
    pub line: u32,
    /// At least 1, at most what is not refunded yet.
    pub quantity: u32,
}

/// Input of `aftersale.quote-refund`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundInput {
    /// The shop order.
    pub order: OrderView,
    /// What is to be refunded.
    pub items: Vec<RefundLine>,
    /// As given by the buyer.
    pub reason: String,
    /// Epoch milliseconds.
    pub now: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// Reserved.
    pub extra: Pairs,
}

/// What one line is worth when refunded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refundable {
    /// The order's line.
    pub line: u32,
    /// What goes back; with `fee` at most what is still refundable of the line.
    pub amount: i64,
    /// What is kept.
    pub fee: i64,
}

/// Answer of `aftersale.quote-refund`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundQuote {
    /// One for each line asked for.
    pub items: Vec<Refundable>,
    /// For people.
    pub reason: String,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// Input of `aftersale.revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeInput {
    /// The shop order.
    pub order: OrderView,
    /// What must be undone.
    pub items: Vec<RefundLine>,
    /// Epoch milliseconds, frozen at the first run.
    pub now: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// Answers so far.
    pub journal: Vec<JournalEntry>,
    /// Reserved.
    pub extra: Pairs,
}

/// Something delivered is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Merged into the order's attributes; an empty value deletes.
    pub attributes: Pairs,
    /// Kept with the decision only.
    pub extra: Pairs,
}
