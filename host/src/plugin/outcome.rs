//! How a call of a hook ended. One match on [`Outcome`] decides retry, blame and the HTTP answer; never its text.

use super::limits::Exceeded;
use super::plugin_log::LogLine;
use crate::domain::hook::LineRefusal;

/// One call of a hook: how it ended and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<T> {
    /// How it ended.
    pub outcome: Outcome<T>,
    /// Fuel used, instantiation included. The same input uses the same fuel on every host.
    pub fuel: u64,
    /// Wall time from start to answer, microseconds, the wait for a slot not counted.
    pub micros: u64,
    /// What the plugin wrote to its log, at most 16 KiB.
    pub log: Vec<LogLine>,
}

/// How a call of a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// An answer that passed the firewall.
    Ok(T),
    /// Final: the platform undoes what was done.
    Rejected(String),
    /// Try again later.
    Retry {
        /// For people.
        reason: String,
        /// Milliseconds to wait.
        after_ms: u32,
    },
    /// A person must look; the plugin says so.
    Attention(String),
    /// Pricing only: lines that are not for sale like this.
    Refused(Vec<LineRefusal>),
    /// The input is larger than the contract allows: ours or the buyer's fault, never the plugin's.
    InputTooLarge(Exceeded),
    /// The plugin crashed.
    Trap(String),
    /// The plugin used up its fuel.
    OutOfFuel(Exceeded),
    /// The plugin took too long.
    Deadline(Exceeded),
    /// The plugin wanted too much memory.
    Memory(Exceeded),
    /// The answer is larger than the contract allows.
    OutputTooLarge(Exceeded),
    /// The answer breaks an invariant.
    BadOutput(BadOutput),
    /// The host was too busy to run the plugin in time; never the plugin's fault.
    Saturated,
}

impl<T> Outcome<T> {
    /// The word for metrics, breakers and decision records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Rejected(_) => "rejected",
            Self::Retry { .. } => "retry",
            Self::Attention(_) => "attention",
            Self::Refused(_) => "refused",
            Self::InputTooLarge(_) => "input_too_large",
            Self::Trap(_) => "trap",
            Self::OutOfFuel(_) => "out_of_fuel",
            Self::Deadline(_) => "deadline",
            Self::Memory(_) => "memory",
            Self::OutputTooLarge(_) => "output_too_large",
            Self::BadOutput(_) => "bad_output",
            Self::Saturated => "saturated",
        }
    }

    /// The answer, if there is one.
    pub const fn ok(&self) -> Option<&T> {
        if let Self::Ok(answer) = self { Some(answer) } else { None }
    }

    /// The answer, if there is one.
    pub const fn ok_mut(&mut self) -> Option<&mut T> {
        if let Self::Ok(answer) = self { Some(answer) } else { None }
    }

    /// Whether it counts against the plugin version (the breaker's input).
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::Trap(_)
            | Self::OutOfFuel(_)
            | Self::Deadline(_)
            | Self::Memory(_)
            | Self::OutputTooLarge(_)
            | Self::BadOutput(_) => true,
            Self::Ok(_)
            | Self::Rejected(_)
            | Self::Retry { .. }
            | Self::Attention(_)
            | Self::Refused(_)
            | Self::InputTooLarge(_)
            | Self::Saturated => false,
        }
    }

    /// What went wrong, for people; none when the plugin answered.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Ok(_) => None,
            Self::Rejected(reason) | Self::Retry { reason, .. } | Self::Attention(reason) => Some(reason.clone()),
            Self::Refused(lines) => Some(format!("{} lines refused", lines.len())),
            Self::Trap(what) => Some(what.clone()),
            Self::InputTooLarge(exceeded)
            | Self::OutOfFuel(exceeded)
            | Self::Deadline(exceeded)
            | Self::Memory(exceeded)
            | Self::OutputTooLarge(exceeded) => Some(exceeded.to_string()),
            Self::BadOutput(invariant) => Some(invariant.to_string()),
            Self::Saturated => Some("the host is saturated".to_owned()),
        }
    }

    /// The same end of the call with another answer.
    pub(super) fn and_then<U>(self, f: impl FnOnce(T) -> Result<U, Refusal>) -> Outcome<U> {
        match self {
            Self::Ok(answer) => match f(answer) {
                Ok(answer) => Outcome::Ok(answer),
                Err(Refusal::Bad(invariant)) => Outcome::BadOutput(invariant),
                Err(Refusal::TooLarge(exceeded)) => Outcome::OutputTooLarge(exceeded),
            },
            Self::Rejected(reason) => Outcome::Rejected(reason),
            Self::Retry { reason, after_ms } => Outcome::Retry { reason, after_ms },
            Self::Attention(reason) => Outcome::Attention(reason),
            Self::Refused(lines) => Outcome::Refused(lines),
            Self::InputTooLarge(exceeded) => Outcome::InputTooLarge(exceeded),
            Self::Trap(what) => Outcome::Trap(what),
            Self::OutOfFuel(exceeded) => Outcome::OutOfFuel(exceeded),
            Self::Deadline(exceeded) => Outcome::Deadline(exceeded),
            Self::Memory(exceeded) => Outcome::Memory(exceeded),
            Self::OutputTooLarge(exceeded) => Outcome::OutputTooLarge(exceeded),
            Self::BadOutput(invariant) => Outcome::BadOutput(invariant),
            Self::Saturated => Outcome::Saturated,
        }
    }
}

/// Why the firewall refused an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Bad(BadOutput),
    TooLarge(Exceeded),
}

impl From<BadOutput> for Refusal {
    fn from(invariant: BadOutput) -> Self {
        Self::Bad(invariant)
    }
}

/// The invariant that an answer broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadOutput {
    #[error("the answer can't be read: {0}")]
    Unreadable(String),
    #[error("{what} is `other`, which this version of the contract reserves: {text}")]
    Reserved { what: &'static str, text: String },
    #[error("{0} holds a NUL")]
    Nul(&'static str),
    #[error("the shops of the answer are not those of the request, in its order")]
    Shops,
    #[error("shop {shop}: the lines of the answer are not those of the request, in its order")]
    Lines { shop: String },
    #[error("line {line} is not in the order or comes twice")]
    UnknownLine { line: u32 },
    #[error("{what} is {amount}, allowed is {min} to {max}")]
    OutOfBounds { what: &'static str, amount: i64, min: i64, max: i64 },
    #[error("{0} is too large for money")]
    Overflow(&'static str),
    #[error("{taken} coins are taken, {offered} were offered")]
    Coins { taken: u64, offered: u64 },
    #[error("coupon {0} was not offered or is used twice")]
    Coupon(String),
    #[error("a promotion names shop {0}, which is not in the request")]
    PromotionShop(String),
    #[error("{what}: key {key:?} is not of [a-z0-9_.-]{{1,64}}")]
    Key { what: &'static str, key: String },
    #[error("{what} hold {used} bytes, allowed are {allowed}")]
    TooLong { what: &'static str, used: u64, allowed: u64 },
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{what} is {name:?}, expected is {expected}")]
    Name { what: &'static str, name: String, expected: &'static str },
    #[error("{0} is not a JSON object")]
    NotAnObject(&'static str),
    #[error("the shipments hold {packed} units of line {line}, the order {ordered}")]
    Shipments { line: u32, packed: u64, ordered: u64 },
    #[error("a shipped parcel needs carrier and waybill")]
    Waybill,
    #[error("{0}")]
    TooMany(Exceeded),
}
