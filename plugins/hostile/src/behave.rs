//! What to do wrong, and where.

use hookline_sdk::prelude::*;

/// The line's settings; `{}` is a good line.
#[derive(Debug, Deserialize)]
pub(crate) struct Settings {
    hook: Option<HookName>,
    behave: Option<Behave>,
    /// Where `call` and its kind go: an origin that the test has granted.
    pub(crate) supplier_url: Option<String>,
}

impl Settings {
    /// What to do wrong in a hook.
    pub(crate) fn on(&self, hook: HookName) -> Option<Behave> {
        self.behave.filter(|_| self.hook.is_none_or(|chosen| chosen == hook))
    }
}

/// A hook; without one all misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the contract")]
pub enum HookName {
    Quote,
    Deduct,
    Ship,
    Receive,
    QuoteRefund,
    Revoke,
}

/// A way to misbehave, in JSON in lower case with dashes. What a hook can't do wrong in this way it does right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behave {
    // Anywhere.
    /// Loops for ever.
    Loop,
    /// Grows its memory for ever.
    EatMemory,
    /// Panics, which traps.
    Trap,
    /// Calls itself for ever.
    DeepRecursion,
    /// Writes 1 MiB to the log, in lines of 1 KiB, then goes on well.
    LogFlood,
    /// Writes one line of 1 MiB to the log, then goes on well.
    LogLong,
    /// Writes escape sequences and a line break to the log, then goes on well.
    LogEscape,

    // Answers.
    /// Answers a megabyte of text.
    HugeAnswer,
    /// Puts a NUL into a text.
    Nul,
    /// Puts an attribute under a key that is not allowed.
    BadKey,
    /// Attributes of 16 KiB in all.
    BigAttributes,
    /// Refuses: the buyer's fault, or final.
    Reject,
    /// Says `other`, a case for later versions.
    Other,

    // Prices.
    /// An original price of −1.
    NegativePrice,
    /// An item discount of −1.
    NegativeDiscount,
    /// An item discount above the line.
    DiscountAboveLine,
    /// A shop discount above the shop.
    DiscountAboveShop,
    /// A platform discount above the cart.
    DiscountAboveCart,
    /// Prices whose sum does not fit.
    Overflow,
    /// A tax of −1.
    NegativeTax,
    /// A freight of −1.
    NegativeFreight,
    /// Another line index than asked for.
    UnknownLine,
    /// One line less.
    MissingLine,
    /// One line twice.
    DoubleLine,
    /// Another shop than asked for.
    UnknownShop,
    /// Twice the coins offered.
    TooManyCoins,
    /// Coins worth more than the cart.
    CoinsAboveCart,
    /// A coupon that was not offered.
    UnknownCoupon,
    /// Stock of a key that is not the line's.
    LieStock,
    /// The largest quantity of stock there is.
    HugeStock,
    /// No stock at all, although the SKU has some.
    NoStock,
    /// A pay timeout of 0 s.
    NoTime,
    /// The first line costs one more, so that the price depends on the order of lines.
    Unfair,
    /// Fuel grows with the square of the lines, by some 10,000 turns of a loop each.
    Quadratic,

    // Refunds.
    /// A refund of twice what is refundable.
    RefundTooMuch,
    /// A negative fee.
    NegativeFee,

    // Steps.
    /// Retries for ever.
    Retry,
    /// Retries after 0 ms.
    RetryAtOnce,
    /// Asks for a person.
    Attention,
    /// Waits for a signal that nobody sends, until the end of time.
    WaitForever,
    /// Waits for a time that has passed.
    WaitPast,
    /// Waits under a name that is not allowed.
    WaitBadName,
    /// Polls without having asked anything.
    PollNothing,
    /// Calls the supplier once, then goes on well.
    Call,
    /// Calls the supplier once, never to be repeated, then goes on well.
    CallOnce,
    /// Calls an origin that nobody granted.
    CallUngranted,
    /// Calls the host's own metadata address.
    CallInside,
    /// Calls with a secret that the line does not have.
    CallUnknownSecret,
    /// Calls with header names and a method that no client may send.
    CallBadHeaders,
    /// Calls with a body of 1 MiB.
    CallHuge,
    /// Calls again after every answer.
    NeverDone,

    // Shipments and verdicts.
    /// Ships one unit more than was bought.
    ShipTooMuch,
    /// Ships nothing of the last line.
    ShipTooLittle,
    /// Ships a line that is not of the order.
    ShipUnknownLine,
    /// The same waybill for every order.
    SameWaybill,
    /// An event with a bad name and no JSON.
    BadEvent,
    /// Never satisfied: not yet.
    NotYet,
    /// The delivery failed.
    Refuse,
}
