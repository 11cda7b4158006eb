//! Shipments: packages and virtual deliveries.

use serde::{Deserialize, Serialize};

use super::ids::{Millis, OrderNo, ShipmentNo};
use super::order::{Delivery, Pairs, coded};

coded!(
    /// The state of a shipment.
    ShipmentStatus {
        /// To be packed.
        Created = 0, "created";
        /// On its way.
        Shipped = 1, "shipped";
        /// Handed over.
        Delivered = 2, "delivered";
        /// Never sent: its items were refunded first.
        Cancelled = 3, "cancelled";
        /// Lost on the way.
        Lost = 4, "lost";
        /// Refused at the door.
        Refused = 5, "refused";
    }
);

/// One package or virtual delivery of a shop order. Written under the shop order's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Its number.
    pub no: ShipmentNo,
    /// What it delivers.
    pub shop_no: OrderNo,
    /// State.
    pub status: ShipmentStatus,
    /// How.
    pub delivery: Delivery,
    /// Who carries it; empty until shipped, and for virtual deliveries.
    pub carrier: String,
    /// The carrier's number, unique over all shipments.
    pub waybill: Option<String>,
    /// What is in it.
    pub items: Vec<Packed>,
    /// What only the buyer may read, sealed.
    pub secrets: Option<Vec<u8>>,
    /// As answered by the plugin.
    pub attributes: Pairs,
    /// When it was made.
    pub created_at: Millis,
    /// When it left.
    pub shipped_at: Option<Millis>,
    /// When it arrived.
    pub delivered_at: Option<Millis>,
}

/// Units of one line in a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The line's index.
    pub line: u32,
    /// How many of it.
    pub quantity: u32,
}
