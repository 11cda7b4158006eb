//! Why a cart has no price.

use crate::bindings::business::exports::hookline::business::pricing::QuoteError;
use crate::money::Overflow;
use crate::types::LineRefusal;

/// Collects every wrong line of a cart, so that the buyer sees all of them at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refusals {
    lines: Vec<LineRefusal>,
    fault: Option<String>,
}

impl Refusals {
    /// Nothing is wrong yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: Vec::new(), fault: None }
    }

    /// The cart is fine but the line can't price it: its settings or facts are wrong.
    #[must_use]
    pub fn fault(reason: impl Into<String>) -> Self {
        Self { lines: Vec::new(), fault: Some(reason.into()) }
    }

    /// Refuses a line; `code` is short and stable, `reason` is for people.
    pub fn add(&mut self, line: u32, code: &str, reason: impl Into<String>) {
        self.lines.push(LineRefusal { line, code: code.to_owned(), reason: reason.into() });
    }

    /// The refused lines so far.
    #[must_use]
    pub fn lines(&self) -> &[LineRefusal] {
        &self.lines
    }

    /// Gives the value if no line was refused.
    ///
    /// # Errors
    ///
    /// The refusals themselves.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.lines.is_empty() && self.fault.is_none() { Ok(value) } else { Err(self) }
    }
}

impl From<Overflow> for Refusals {
    fn from(_: Overflow) -> Self {
        Self::fault("an amount does not fit")
    }
}

impl From<Refusals> for QuoteError {
    fn from(refusals: Refusals) -> Self {
        match refusals.fault {
            Some(reason) => Self::Other(reason),
            None => Self::Refused(refusals.lines),
        }
    }
}
