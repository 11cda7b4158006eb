//! How a payment provider behaves: well, or badly on command, for each thing it can be asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a provider can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Announce a payment.
    Open,
    /// Take what the buyer approved.
    Capture,
    /// What became of a payment.
    Query,
    /// End an unpaid payment.
    Close,
    /// Send money back.
    Refund,
    /// What became of a refund.
    QueryRefund,
    /// Tokens, certificates and everything else that moves no money.
    Other,
}

/// What a provider does with one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Manner {
    /// As the protocol says.
    #[default]
    Good,
    /// As the protocol says, after a pause.
    Slow(Duration),
    /// Nothing but a status, such as 500.
    Fail(u16),
    /// A signed refusal: it was not done. Of a refund, a final one.
    Refuse,
    /// Accepts a refund without an end; [`Book::end_refund`](super::Book::end_refund) gives it one.
    Pend,
    /// Does it, and breaks the connection off before the answer is whole.
    LoseAnswer,
    /// Answers, signed, that it does not know what became of it.
    Unknown {
        /// Whether it did it.
        done: bool,
    },
}

#[derive(Debug, Default)]
struct Rules {
    next: VecDeque<Manner>,
    always: Manner,
    asked: usize,
}

/// The manners of one stand-in; shared with its server, changed at any time.
#[derive(Debug, Default)]
pub struct Manners(Mutex<BTreeMap<Operation, Rules>>);

impl Manners {
    /// For the next requests of a kind, one each, before the standing manner counts again.
    pub fn next(&self, operation: Operation, manners: impl IntoIterator<Item = Manner>) {
        self.rules(operation, |rules| rules.next.extend(manners));
    }

    /// From now on, until told otherwise.
    pub fn always(&self, operation: Operation, manner: Manner) {
        self.rules(operation, |rules| rules.always = manner);
    }

    /// How often it was asked, also when it behaved badly.
    pub fn asked(&self, operation: Operation) -> usize {
        self.rules(operation, |rules| rules.asked)
    }

    /// What to do with a request.
    pub(super) fn of(&self, operation: Operation) -> Manner {
        self.rules(operation, |rules| {
            rules.asked += 1;
            rules.next.pop_front().unwrap_or_else(|| rules.always.clone())
        })
    }

    fn rules<T>(&self, operation: Operation, work: impl FnOnce(&mut Rules) -> T) -> T {
        work(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default())
    }
}
