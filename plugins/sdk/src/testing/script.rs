//! What the outside will do, told before the hook runs.

use std::collections::VecDeque;

use serde_json::Value;

use super::build::{NOW, payment};
use super::play::{Played, play};
use crate::bindings::business::exports::hookline::business::{deduct, receive, ship};
use crate::bindings::with_aftersale::exports::hookline::business::aftersale;
use crate::line::{Aftersale, BusinessLine};
use crate::types::{
    Answer, Deducted, HttpResponse, Millis, Order, Received, RefundLine, Revoked, Shipped, Signal, Trigger,
};

/// How long an answer takes unless the script says otherwise, in milliseconds.
const ANSWER_MS: Millis = 250;

/// A hook's order, settings and the answers it will get, in their order.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) order: Order,
    pub(super) settings: String,
    pub(super) now: Millis,
    pub(super) answers: VecDeque<(Millis, Answer)>,
    delay: Millis,
}

impl Script {
    /// Nothing outside answers yet; the settings are `{}`.
    #[must_use]
    pub fn new(order: &Order) -> Self {
        Self { order: order.clone(), settings: "{}".to_owned(), now: NOW, answers: VecDeque::new(), delay: ANSWER_MS }
    }

    /// The line's settings.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings.to_string();
        self
    }

    /// The time of the hook's first run.
    #[must_use]
    pub fn now(mut self, now: Millis) -> Self {
        self.now = now;
        self
    }

    /// The following answers take so many milliseconds.
    #[must_use]
    pub fn after(mut self, delay: Millis) -> Self {
        self.delay = delay;
        self
    }

    /// The supplier answers with a JSON body.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    pub fn reply(self, status: u16, body: Value) -> Self {
        self.answer(Answer::Response(HttpResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() }))
    }

    /// The supplier can't be reached, in spite of the platform's own retries.
    #[must_use]
    pub fn unreachable(self) -> Self {
        self.answer(Answer::Failed("connection refused".to_owned()))
    }

    /// A signal comes.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
    pub fn signal(self, name: &str, payload: Value) -> Self {
        let signal = Signal { name: name.to_owned(), id: "signal-1".to_owned(), payload: payload.to_string() };
        self.answer(Answer::Signal(signal))
    }

    /// The wait reaches its time.
    #[must_use]
    pub fn time_out(self) -> Self {
        self.answer(Answer::TimedOut)
    }

    /// Any answer.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answers.push_back((self.delay, answer));
        self
    }

    /// Plays `deduct`.
    #[must_use]
    pub fn deduct<L: BusinessLine>(self) -> Played<Deducted> {
        play(self, |script, journal| {
            crate::adapter::deduct::<L>(&deduct::DeductInput {
                order: script.order.clone(),
                payment: payment(&script.order),
                now: script.now,
                settings: script.settings.clone(),
                journal: journal.to_vec(),
                extra: Vec::new(),
            })
        })
    }

    /// Plays `ship`.
    #[must_use]
    pub fn ship<L: BusinessLine>(self) -> Played<Shipped> {
        play(self, |script, journal| {
            crate::adapter::ship::<L>(&ship::ShipInput {
                order: script.order.clone(),
                now: script.now,
                settings: script.settings.clone(),
                journal: journal.to_vec(),
                extra: Vec::new(),
            })
        })
    }

    /// Plays `receive`.
    #[must_use]
    pub fn receive<L: BusinessLine>(self, trigger: &Trigger) -> Played<Received> {
        play(self, |script, journal| {
            crate::adapter::receive::<L>(&receive::ReceiveInput {
                order: script.order.clone(),
                trigger: trigger.clone(),
                now: script.now,
                settings: script.settings.clone(),
                journal: journal.to_vec(),
                extra: Vec::new(),
            })
        })
    }

    /// Plays `aftersale.revoke` for `(line, quantity)`.
    #[must_use]
    pub fn revoke<L: Aftersale>(self, items: &[(u32, u32)]) -> Played<Revoked> {
        play(self, |script, journal| {
            crate::adapter::revoke::<L>(&aftersale::RevokeInput {
                order: script.order.clone(),
                items: items.iter().map(|&(line, quantity)| RefundLine { line, quantity }).collect(),
                now: script.now,
                settings: script.settings.clone(),
                journal: journal.to_vec(),
                extra: Vec::new(),
            })
        })
    }
}
