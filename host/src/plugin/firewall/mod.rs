//! The invariant firewall: what every answer must keep before anybody acts on it. A plugin's word on money, quantities
//! and names is never taken unchecked.

mod quote;
mod refund;
mod step;
mod text;

pub(super) use self::{
    quote::QuoteFrame,
    refund::RefundFrame,
    step::OrderFrame,
    text::{reason, retry_after},
};

use super::outcome::BadOutput;

/// Largest amount, minor units: what JSON numbers carry exactly, 2^53 − 1.
const AMOUNT_MAX: i64 = (1 << 53) - 1;

/// `amount` is within `min` and `max`.
fn within(what: &'static str, amount: i64, min: i64, max: i64) -> Result<(), BadOutput> {
    if (min..=max).contains(&amount) { Ok(()) } else { Err(BadOutput::OutOfBounds { what, amount, min, max }) }
}

/// A sum that money can hold.
fn sum(what: &'static str, a: i64, b: i64) -> Result<i64, BadOutput> {
    a.checked_add(b).filter(|sum| *sum <= AMOUNT_MAX).ok_or(BadOutput::Overflow(what))
}

/// A product that money can hold.
fn product(what: &'static str, a: i64, b: i64) -> Result<i64, BadOutput> {
    a.checked_mul(b).filter(|product| *product <= AMOUNT_MAX).ok_or(BadOutput::Overflow(what))
}
