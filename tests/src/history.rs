//! What clients saw, for the checker: every create with its outcome, and every answer of a repeated call.

use std::sync::{Mutex, PoisonError};

/// How a create ended for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform said that the order exists, under this number.
    Acknowledged(i64),
    /// The platform said no: nothing may be there.
    Refused,
    /// No answer: it is there once or not at all.
    Unknown,
}

/// One create. The client names it in `out_id`, one name per order it wants, however often it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The client's name of the order.
    pub out_id: String,
    /// What the client was told.
    pub outcome: Outcome,
}

/// A version of a shop order that a client was told, and what a later read said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// What was called twice.
    pub what: String,
    /// The first answer.
    pub first: String,
    /// The second.
    pub second: String,
}

/// The histories of all clients of a world.
#[derive(Debug, Default)]
pub struct History {
    creates: Mutex<Vec<Create>>,
    differing: Mutex<Vec<Differs>>,
}

impl History {
    /// Notes a create.
    pub fn create(&self, out_id: &str, outcome: Outcome) {
        let create = Create { out_id: out_id.to_owned(), outcome };
        self.creates.lock().unwrap_or_else(PoisonError::into_inner).push(create);
    }

    /// Notes two answers to one call with one key: they must be equal.
    pub fn repeat(&self, what: &str, first: &str, second: &str) {
        if first != second {
            let differs = Differs { what: what.to_owned(), first: first.to_owned(), second: second.to_owned() };
            self.differing.lock().unwrap_or_else(PoisonError::into_inner).push(differs);
        }
    }

    /// All creates.
    pub fn creates(&self) -> Vec<Create> {
        self.creates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Repeats that were answered otherwise.
    pub fn differing(&self) -> Vec<Differs> {
        self.differing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
