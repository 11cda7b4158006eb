//! A [`Change`] is everything one decision writes, applied all or nothing.
//!
//! It is plain data that a pure function returned; nothing else writes business tables, so an outbox row or a flow row
//! cannot be forgotten. The store answers with [`Committed`] or a [`Refusal`]; a refused change leaves no trace.

use serde::{Deserialize, Serialize};

use super::aftersale::Aftersale;
use super::catalogue::AdminWrite;
use super::event::Event;
use super::fulfilment::{ExceptionKind, Shipment, Track};
use super::hook::Hook;
use super::ids::{BusinessCode, Digest, Millis, OrderNo, ShipmentNo, ShopId, SignalName};
use super::money::Currency;
use super::operation::{ExternalNumber, Operation, Snapshot};
use super::order::{ItemOrder, PayOrder, ShopOrder, Status, SubStatus, coded};
use super::payment::{Payment, PaymentLog, Refund};
use super::reconcile::{BookDay, Discrepancy};
use super::resource::{CouponMove, StockMove, Transfer};

pub use super::refusal::Refusal;

/// Everything one decision writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// The decision's time.
    pub at: Millis,
    /// The caller's idempotency key, claimed with the effect.
    pub claim: Option<Claim>,
    /// A number taken earlier (`GenOID`) is used up by inserting the pay order; the unique key is the last word.
    pub new_pay_orders: Vec<PayOrder>,
    /// New shop orders with their items.
    pub new_shop_orders: Vec<ShopOrder>,
    /// Pay orders that move on.
    pub pay_orders: Vec<Guarded<PayOrder>>,
    /// Shop orders that move on. Their items are not written: see `items`. Together with a new pay order they may
    /// come under it (merge, split).
    pub shop_orders: Vec<Guarded<ShopOrder>>,
    /// Items whose `tax`, `share`, `refunded` or `ratings` changed, as they also stand in their shop order above; under its version.
    pub items: Vec<ItemOrder>,
    /// One row for every version of a shop order, and one for every event that changed nothing.
    pub flows: Vec<Flow>,
    /// Stock moves; two lines of one key are one move.
    pub stock: Vec<StockMove>,
    /// Wallet postings.
    pub transfers: Vec<Transfer>,
    /// Coupon steps.
    pub coupons: Vec<CouponMove>,
    /// Payments, under their pay order's version.
    pub payments: Vec<Write<Payment>>,
    /// Refunds, under their pay order's version.
    pub refunds: Vec<Write<Refund>>,
    /// What happened to payments and refunds, step by step.
    pub payment_logs: Vec<PaymentLog>,
    /// Where a provider's book and ours differ; one that is known already is left as it is.
    pub discrepancies: Vec<Discrepancy>,
    /// Days of providers' books; a later word on a day replaces the one before.
    pub book_days: Vec<BookDay>,
    /// Shipments, under their shop order's version.
    pub shipments: Vec<Write<Shipment>>,
    /// After-sales, under their shop order's version.
    pub aftersales: Vec<Write<Aftersale>>,
    /// Where parcels were seen; one that is known already is left as it is.
    pub tracks: Vec<Track>,
    /// What people changed.
    pub operations: Vec<Operation>,
    /// What pay orders were priced at.
    pub snapshots: Vec<Snapshot>,
    /// Numbers given for somebody else's ids; unique by (kind, buyer, id).
    pub external_numbers: Vec<ExternalNumber>,
    /// Timers to arm and disarm, in this order: disarm first, then arm.
    pub disarm: Vec<TimerKey>,
    /// Arming an armed timer moves it.
    pub arm: Vec<Timer>,
    /// Timers that fired and did not move themselves.
    pub fired: Vec<Fired>,
    /// Events for the outbox.
    pub events: Vec<Event>,
    /// Hook decisions for the record.
    pub decisions: Vec<Decision>,
    /// Journal entries of suspended hooks.
    pub journal: Vec<JournalWrite>,
    /// Signals that arrived.
    pub signals: Vec<SignalRow>,
    /// Signals that a wait consumed.
    pub consumed: Vec<SignalKey>,
    /// Early events put aside.
    pub park: Vec<Parked>,
    /// Early events taken up (or given up: then `dead` says why).
    pub unpark: Vec<Unpark>,
    /// Settlements of completed or closed shop orders.
    pub settlements: Vec<Settlement>,
    /// What operators set up.
    pub admin: Vec<AdminWrite>,
}

/// A row that moves from a known version and status to its next version.
///
/// Invariant: `row.version > version`; the store refuses unless the stored row has exactly `version` and `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded<T> {
    /// The version the decision was made on.
    pub version: i64,
    /// The status the decision was made on.
    pub status: Status,
    /// The row as it shall be.
    pub row: T,
}

/// A child row written under its parent's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write<T> {
    /// It is new.
    Insert(T),
    /// It exists; its mutable part is replaced.
    Update(T),
}

impl<T> Write<T> {
    /// The same write with its row changed.
    #[must_use]
    pub fn map(self, change: impl FnOnce(&mut T)) -> Self {
        match self {
            Self::Insert(mut row) => {
                change(&mut row);
                Self::Insert(row)
            }
            Self::Update(mut row) => {
                change(&mut row);
                Self::Update(row)
            }
        }
    }

    /// The row.
    pub fn row(&self) -> &T {
        match self {
            Self::Insert(row) | Self::Update(row) => row,
        }
    }
}

/// An idempotency key with what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who sent it.
    pub principal: String,
    /// As sent, at most 255 characters.
    pub key: String,
    /// SHA-256 of operation and body.
    pub digest: Digest,
    /// The use case, such as `create_order`.
    pub operation: String,
    /// The use case's outcome as JSON; http renders it again.
    pub outcome: String,
}

/// A claim that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClaim {
    /// Of the body it was claimed with.
    pub digest: Digest,
    /// The use case.
    pub operation: String,
    /// Its outcome.
    pub outcome: String,
}

/// One step of a shop order's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Whose.
    pub shop_no: OrderNo,
    /// The order's version after it (unchanged when ignored).
    pub version: i64,
    /// What happened: `create`, `pay`, `deduct`, `ship`, `deliver`, `receive`, `cancel`, `suspend`, …
    pub event: String,
    /// Before; none for the first.
    pub from: Option<(Status, SubStatus)>,
    /// After.
    pub to: (Status, SubStatus),
    /// Late or duplicate: nothing else changed.
    pub ignored: bool,
    /// When.
    pub at: Millis,
    /// Who: `buyer:…`, `timer`, `callback:sandbox`, …
    pub actor: String,
    /// For people.
    pub note: String,
}

coded!(
    /// What a timer does when it fires.
    TimerKind {
        /// Cancel an unpaid pay order. Subject: L1.
        PayTimeout = 0, "pay_timeout";
        /// Forward again: compensation, hook retry, end of a wait. Subject: L2.
        Compensate = 1, "compensate";
        /// The shipping deadline passed: metric and event. Subject: L2.
        ShipOverdue = 2, "ship_overdue";
        /// Receive without the buyer. Subject: L2.
        AutoReceive = 3, "auto_receive";
        /// Settle and complete. Subject: L2.
        Settle = 4, "settle";
        /// Ask the provider about pending refunds again. Subject: L1.
        Refund = 5, "refund";
        /// Try parked events again. Subject: L2.
        Parked = 6, "parked";
        /// Ask providers what became of payments. Subject: L1.
        Query = 7, "query";
        /// Hold what an order that was written without it still needs. Subject: L1.
        Reserve = 8, "reserve";
        /// The earliest deadline of its after-sales. Subject: L2.
        Aftersale = 9, "aftersale";
        /// Tell the outside fulfilment service of packages. Subject: L2.
        Fulfilment = 10, "fulfilment";
    }
);

/// A timer's name: at most one of a kind per subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey {
    /// The order it concerns.
    pub subject: OrderNo,
    /// What it does.
    pub kind: TimerKind,
}

/// An armed timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// Its name.
    pub key: TimerKey,
    /// When it fires.
    pub due: Millis,
    /// How often it has fired for this cause; back-off follows it.
    pub attempt: i64,
}

/// What becomes of a timer that fired: only if nobody moved it since, as the work of others may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// As it was when it fired.
    pub timer: Timer,
    /// When it fires again, its `attempt` one higher; none disarms it.
    pub again: Option<Millis>,
}

/// The record of one hook call. Unique by (subject, seq).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The shop order; the pay order for pricing.
    pub subject: OrderNo,
    /// 0, 1, 2 … per subject.
    pub seq: i64,
    /// Whose plugin.
    pub business: BusinessCode,
    /// Which hook.
    pub hook: Hook,
    /// Which version.
    pub plugin: Digest,
    /// Input and output as JSON, compressed with zstd.
    pub input: Vec<u8>,
    /// See `input`.
    pub output: Vec<u8>,
    /// Fuel used.
    pub fuel: i64,
    /// Wall time, microseconds.
    pub micros: i64,
    /// The outcome's word.
    pub outcome: String,
    /// When.
    pub at: Millis,
}

/// A step of a suspended hook's journal; unique by (shop order, hook, index).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalWrite {
    /// The next entry. Fails as [`Refusal::JournalMoved`] when the index is taken.
    Append(JournalRow),
    /// The last entry is dropped, its call will be sent again.
    DropLast {
        /// Whose.
        shop_no: OrderNo,
        /// Which hook.
        hook: Hook,
        /// Which entry.
        index: u32,
    },
    /// A call that must never be repeated is about to be sent; see [`JournalRow::answer`].
    Intent(JournalRow),
    /// The intent's answer arrived.
    Answer(JournalRow),
}

/// A journal entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Whose.
    pub shop_no: OrderNo,
    /// Which hook.
    pub hook: Hook,
    /// 0, 1, 2 …
    pub index: u32,
    /// SHA-256 of the request without its secrets; another digest at replay is a divergence.
    pub digest: Digest,
    /// The answer as JSON; empty for an intent without answer.
    pub answer: String,
    /// When.
    pub at: Millis,
}

/// A signal, kept also before anyone waits; unique by (order, name, id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRow {
    /// Its name.
    pub key: SignalKey,
    /// JSON as sent.
    pub payload: String,
    /// When it arrived.
    pub at: Millis,
}

/// A signal's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalKey {
    /// The shop order.
    pub shop_no: OrderNo,
    /// What it is.
    pub name: SignalName,
    /// The sender's id.
    pub id: String,
}

/// An early event: its target can still be reached, so it waits. Unique by (shop order, event, id).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// For whom.
    pub shop_no: OrderNo,
    /// What: `ship`, `deliver`, …
    pub event: String,
    /// Distinguishes two of a kind, such as the shipment number.
    pub id: String,
    /// The use case's request as JSON.
    pub payload: String,
    /// When it arrived.
    pub at: Millis,
    /// When it becomes a dead letter.
    pub expires_at: Millis,
}

/// The end of a parked event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpark {
    /// For whom.
    pub shop_no: OrderNo,
    /// See [`Parked`].
    pub event: String,
    /// See [`Parked`].
    pub id: String,
    /// Given up: it moves to the dead letters with this reason.
    pub dead: Option<String>,
}

/// What a shop gets of a shop order, fixed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Of what.
    pub shop_no: OrderNo,
    /// Who gets it.
    pub shop: ShopId,
    /// Whose line.
    pub business: BusinessCode,
    /// In what.
    pub currency: Currency,
    /// Cash, coin, third-party and platform-discount shares of what was not refunded, plus what was retained.
    pub gross: i64,
    /// Technical fee.
    pub technical_fee: i64,
    /// Promotion fee.
    pub promotion_fee: i64,
    /// gross − fees
    pub net: i64,
    /// When.
    pub at: Millis,
}

/// The change is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed;

/// A shipment's waybill (kept here so that both edges name it the same way).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipNotice {
    /// Which; none ships the only one that is still to be packed.
    pub shipment_no: Option<ShipmentNo>,
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number.
    pub waybill: String,
    /// Whether the outside fulfilment service itself says so: nobody has to tell it to keep the package.
    #[serde(default)]
    pub by_service: bool,
}

/// Something went wrong with a package (kept here for the same reason).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionNotice {
    /// Which; none names the only one on its way.
    pub shipment_no: Option<ShipmentNo>,
    /// What.
    pub kind: ExceptionKind,
    /// Why, for people; may be empty.
    pub note: String,
}
