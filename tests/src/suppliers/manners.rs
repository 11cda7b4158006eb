//! How a stand-in behaves: well, or badly on command.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a stand-in does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// As the protocol says.
    Good,
    /// As the protocol says, after a pause.
    Slow(Duration),
    /// Nothing but a status, such as 500.
    Fail(u16),
    /// A refusal with a reason.
    Refuse,
    /// Does it, and breaks the connection off before the answer is whole.
    LoseAnswer,
    /// Does it, and tells the platform twice where it tells it anything.
    Duplicate,
}

#[derive(Debug, Default)]
struct Rules {
    next: VecDeque<Manner>,
    always: Option<Manner>,
    refused: Vec<String>,
}

/// The manners of one stand-in; shared with its server, changed at any time.
#[derive(Debug, Default)]
pub struct Manners(Mutex<Rules>);

impl Manners {
    /// For the next requests, one each, before the standing manner counts again.
    pub fn next(&self, manners: impl IntoIterator<Item = Manner>) {
        self.rules(|rules| rules.next.extend(manners));
    }

    /// From now on, until told otherwise.
    pub fn always(&self, manner: Manner) {
        self.rules(|rules| rules.always = Some(manner));
    }

    /// Refuses every order whose body holds this text, such as a phone number.
    pub fn refuse_any_with(&self, text: &str) {
        self.rules(|rules| rules.refused.push(text.to_owned()));
    }

    /// What to do with a request that has this body.
    pub(super) fn of(&self, body: &str) -> Manner {
        self.rules(|rules| {
            if rules.refused.iter().any(|text| body.contains(text)) {
                return Manner::Refuse;
            }
            rules.next.pop_front().or_else(|| rules.always.clone()).unwrap_or(Manner::Good)
        })
    }

    fn rules<T>(&self, work: impl FnOnce(&mut Rules) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
