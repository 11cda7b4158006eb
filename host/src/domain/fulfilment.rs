//! Shipments: packages and virtual deliveries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{AftersaleNo, Millis, OrderNo, ShipmentNo};
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

coded!(
    /// What can go wrong with a package on its way.
    ExceptionKind {
        /// It will not arrive: its items are refunded.
        Lost = 0, "lost";
        /// It will arrive late: a mark, nothing else.
        Delayed = 1, "delayed";
        /// Nobody took it: it comes back, and its items are refunded.
        Refused = 2, "refused";
    }
);

/// One package or virtual delivery of a shop order. Written under the shop order's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Its number.
    pub no: ShipmentNo,
    /// What it delivers.
    pub shop_no: OrderNo,
    /// The exchange that it is the new goods of; it never moves the order's state.
    pub aftersale_no: Option<AftersaleNo>,
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
    /// Since when it is known to be late.
    pub delayed_at: Option<Millis>,
    /// When the outside fulfilment service was first told of it: from then on it may send it. None again once it
    /// did, or knows that it must not.
    pub told_at: Option<Millis>,
    /// When it took what is in it now.
    pub taken_at: Option<Millis>,
    /// Why it was lost, refused or late, for people.
    pub note: String,
}

impl Shipment {
    /// Whether it still counts for its order: it was, or may be, handed over.
    pub fn remains(&self) -> bool {
        match self.status {
            ShipmentStatus::Created | ShipmentStatus::Shipped | ShipmentStatus::Delivered => true,
            ShipmentStatus::Cancelled | ShipmentStatus::Lost | ShipmentStatus::Refused => false,
        }
    }

    /// Its units by line, each line once.
    pub fn units(&self) -> BTreeMap<u32, u32> {
        let mut units = BTreeMap::new();
        for packed in &self.items {
            *units.entry(packed.line).or_default() += packed.quantity;
        }
        units
    }
}

/// Units of one line in a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The line's index.
    pub line: u32,
    /// How many of it.
    pub quantity: u32,
}

/// A place a parcel was seen at. Unique by (waybill, node time, node code), whatever order and however often it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The carrier's number.
    pub waybill: String,
    /// When the parcel was there.
    pub node_time: Millis,
    /// What happened there, in the carrier's code.
    pub node_code: String,
    /// For people.
    pub content: String,
    /// When we were told.
    pub at: Millis,
}
