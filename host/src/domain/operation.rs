//! What people did to an order, and what it was priced at: the operate log and the snapshots.

use serde_json::Value;

use super::ids::{Digest, Millis, OrderNo};

/// How long an entry of the operate log stays where it was written; then it moves to the archive.
pub const OPERATION_HOT_MS: Millis = 90 * 86_400_000;

/// An entry of the operate log: who changed what of an order. Kept three months, then moved out.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The order of any level.
    pub order_no: OrderNo,
    /// 1 to 3.
    pub level: u8,
    /// Who: `buyer:…`, `shop:…`, `operator:…`
    pub operator: String,
    /// What: `reprice`, `address`, `visible`, `rate`, `tags`, `read_secrets`, …
    pub operation: String,
    /// For people.
    pub remark: String,
    /// What of it was before.
    pub before: Value,
    /// What of it is now.
    pub after: Value,
    /// When.
    pub at: Millis,
}

/// Everything that a pay order was priced at, as it was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The pay order.
    pub order_no: OrderNo,
    /// The pay order's version that it is of.
    pub version: i64,
    /// JSON, compressed with zstd.
    pub detail: Vec<u8>,
    /// SHA-256 of the JSON.
    pub digest: Digest,
    /// When.
    pub at: Millis,
}

/// Whose id a number was given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalNumber {
    /// The order number, for ever.
    pub no: OrderNo,
    /// Whose kind of id: `external` or `payment`.
    pub kind: &'static str,
    /// The buyer.
    pub buyer: super::ids::BuyerId,
    /// The id.
    pub id: String,
}
