//! The hooks that move an order on: each run answers with a step, until the step is `Done`.

use serde::{Deserialize, Serialize};

use super::{Delivery, HttpRequest, HttpResponse, OrderView, Pairs, PaymentView};

/// What a hook wants next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<D> {
    /// Finished, with these effects.
    Done(D),
    /// Send this and run the hook again with the answer.
    Call(HttpRequest),
    /// Run the hook again later.
    Wait(Wait),
}

/// Pause until a signal comes or the time is reached, whichever is first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The signal's name; none waits for the time alone.
    pub signal: Option<String>,
    /// Epoch milliseconds.
    pub until: i64,
    /// Drop the last entry and send its call again after the wait; the wait itself leaves no entry.
    pub redo_last: bool,
}

/// Why a hook can't go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookError {
    /// Final: the platform undoes what was done. The text reaches the buyer.
    Rejected(String),
    /// Try again later; the last journal entry is dropped and its call sent again under the same key.
    Retry {
        /// For people.
        reason: String,
        /// Milliseconds to wait, at least 100.
        after_ms: u32,
    },
    /// A person must look.
    Attention(String),
}

/// A message from a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// `[a-z0-9_.-]{1,64}`
    pub name: String,
    /// The sender's id: a repeat changes nothing.
    pub id: String,
    /// JSON as sent, at most 16 KiB.
    pub payload: String,
}

/// How a call or a wait ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The supplier answered.
    Response(HttpResponse),
    /// Sent and finally failed, after the host's own retries.
    Failed(String),
    /// The signal came.
    Signal(Signal),
    /// The wait reached its time.
    TimedOut,
}

/// Entry `n` answers the n-th call or wait of the hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Epoch milliseconds.
    pub at: i64,
    /// How it ended.
    pub answer: Answer,
}

/// An event of the line's own, sent under the tag `BUSINESS_<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessEvent {
    /// `[A-Z0-9_]{1,48}`
    pub name: String,
    /// A JSON object, at most 4 KiB.
    pub data: String,
}

/// Input of `deduct.deduct`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeductInput {
    /// The paid shop order.
    pub order: OrderView,
    /// How it was paid.
    pub payment: PaymentView,
    /// Epoch milliseconds, frozen at the first run.
    pub now: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// Answers so far.
    pub journal: Vec<JournalEntry>,
    /// Reserved.
    pub extra: Pairs,
}

/// What was bought is secured. Stock is confirmed and coupons are used up with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deducted {
    /// Merged into the order's attributes; an empty value deletes.
    pub attributes: Pairs,
    /// To send.
    pub events: Vec<BusinessEvent>,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// Input of `ship.ship`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipInput {
    /// The paid and deducted shop order.
    pub order: OrderView,
    /// Epoch milliseconds, frozen at the first run.
    pub now: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// Answers so far.
    pub journal: Vec<JournalEntry>,
    /// Reserved.
    pub extra: Pairs,
}

/// How far a shipment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waits for a ship notice with carrier and waybill.
    Prepared,
    /// On its way.
    Shipped,
    /// The buyer has it.
    Delivered,
}

/// Units of one line inside a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The order's line.
    pub line: u32,
    /// At least 1.
    pub quantity: u32,
}

/// A part of the delivery that only the buyer may read (code, ticket number, PIN).
///
/// It can't be serialised and does not print its value: it leaves the host encrypted or not at all.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliverySecret {
    /// What it is, e.g. `pin`.
    pub name: String,
    /// In clear.
    pub value: String,
}

impl std::fmt::Debug for DeliverySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliverySecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A package or a virtual delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Every unit of the order is in exactly one shipment.
    pub items: Vec<Packed>,
    /// How the buyer gets it.
    pub delivery: Delivery,
    /// How far it is.
    pub progress: Progress,
    /// May be empty while prepared.
    pub carrier: String,
    /// May be empty while prepared.
    pub waybill: String,
    /// Left out of every serialised form.
    #[serde(skip)]
    pub secrets: Vec<DeliverySecret>,
    /// Kept with the shipment.
    pub attributes: Pairs,
}

/// The hand-over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// Empty: the one shipment that the host made, `prepared`.
    pub shipments: Vec<Shipment>,
    /// Merged into the order's attributes; an empty value deletes.
    pub attributes: Pairs,
    /// To send.
    pub events: Vec<BusinessEvent>,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// Why `receive` is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The buyer says so.
    Buyer,
    /// The last shipment was delivered.
    Delivered,
    /// The automatic receipt is due.
    Timer,
    /// The supplier reports.
    Signal(Signal),
}

/// Input of `receive.receive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveInput {
    /// The shipped shop order.
    pub order: OrderView,
    /// Why it is asked.
    pub trigger: Trigger,
    /// Epoch milliseconds, frozen at the first run.
    pub now: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// Answers so far.
    pub journal: Vec<JournalEntry>,
    /// Reserved.
    pub extra: Pairs,
}

/// Is the delivery done?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Confirmed,
    /// Stay shipped; the timer stays armed.
    NotYet,
    /// It failed for good: the platform refunds. The text reaches the buyer.
    Refused(String),
}

/// Answer of `receive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Is the delivery done?
    pub verdict: Verdict,
    /// Merged into the order's attributes; an empty value deletes.
    pub attributes: Pairs,
    /// To send.
    pub events: Vec<BusinessEvent>,
    /// Kept with the decision only.
    pub extra: Pairs,
}
