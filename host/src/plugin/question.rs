//! The six hooks as one trait, so that one function runs them all.

use std::future::Future;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::bindings::exports::hookline::business::{aftersale, deduct, pricing, receive, ship};
use super::calls::no_lines;
use super::convert_out as out;
use super::firewall::{OrderFrame, QuoteFrame, RefundFrame};
use super::limits::Limits;
use super::outcome::{Outcome, Refusal};
use super::registry::Version;
use super::state::State;
use super::weigh::Weigh;
use crate::domain::hook::{
    DeductInput, Deducted, Hook, JournalEntry, LineRefusal, QuoteRequest, Quoted, ReceiveInput, Received, RefundInput,
    RefundQuote, RevokeInput, Revoked, ShipInput, Shipped, Step,
};

/// The input of a hook.
pub(super) trait Question: Weigh + serde::Serialize + Send + Sync + 'static {
    const HOOK: Hook;
    /// The input as generated from the contract.
    type Wit: Send + Sync;
    /// The hook's interface of an instance.
    type Guest: Send + Sync;
    /// What of the input the answer is held against.
    type Frame: Send + Sync;
    type Answer: Send + 'static;

    fn lines(&self) -> usize;
    fn now(&self) -> i64;
    /// The shop order's number; empty for a quote.
    fn order(&self) -> &str;
    fn journal(&self) -> &[JournalEntry];
    fn frame(&self, limits: &Limits) -> Self::Frame;
    fn into_wit(self) -> Self::Wit;
    fn guest(version: &Version, store: &mut Store<State>, instance: &Instance) -> Result<Self::Guest, wasmtime::Error>;
    fn ask(
        guest: &Self::Guest,
        store: &mut Store<State>,
        input: &Self::Wit,
    ) -> impl Future<Output = Result<Outcome<Self::Answer>, wasmtime::Error>> + Send;
    fn check(frame: &Self::Frame, answer: Self::Answer) -> Result<Self::Answer, Refusal>;
    fn check_refused(frame: &Self::Frame, lines: &[LineRefusal]) -> Result<(), Refusal>;
}

impl Question for QuoteRequest {
    const HOOK: Hook = Hook::Pricing;
    type Wit = pricing::QuoteRequest;
    type Guest = pricing::Guest;
    type Frame = QuoteFrame;
    type Answer = Quoted;

    fn lines(&self) -> usize {
        self.shops.iter().map(|shop| shop.items.len()).sum()
    }
    fn now(&self) -> i64 {
        self.now
    }
    fn order(&self) -> &'static str {
        ""
    }
    fn journal(&self) -> &[JournalEntry] {
        &[]
    }
    fn frame(&self, _: &Limits) -> QuoteFrame {
        QuoteFrame::of(self)
    }
    fn into_wit(self) -> Self::Wit {
        self.into()
    }
    fn guest(version: &Version, store: &mut Store<State>, instance: &Instance) -> Result<Self::Guest, wasmtime::Error> {
        version.pricing.load(store, instance)
    }
    async fn ask(
        guest: &Self::Guest,
        store: &mut Store<State>,
        input: &Self::Wit,
    ) -> Result<Outcome<Quoted>, wasmtime::Error> {
        Ok(match guest.call_quote(store, input).await? {
            Ok(answer) => out::quoted(answer).map_or_else(Outcome::BadOutput, Outcome::Ok),
            Err(error) => out::quote_error(error),
        })
    }
    fn check(frame: &QuoteFrame, answer: Quoted) -> Result<Quoted, Refusal> {
        frame.check(answer)
    }
    fn check_refused(frame: &QuoteFrame, lines: &[LineRefusal]) -> Result<(), Refusal> {
        frame.check_refused(lines)
    }
}

/// The hooks of an order, alike but for their types.
macro_rules! order_hook {
    (
        $input:ident, $hook:ident, $wit:path, $guest:path, $call:ident, $convert:expr, $answer:ty, $frame:ident
        indices: |$version:ident| $indices:expr,
        journal: |$self:ident| $journal:expr,
        frame: |$this:ident, $limits:ident| $make:expr,
        check: $check:ident $(,)?
    ) => {
        impl Question for $input {
            const HOOK: Hook = Hook::$hook;
            type Wit = $wit;
            type Guest = $guest;
            type Frame = $frame;
            type Answer = $answer;

            fn lines(&self) -> usize {
                self.order.items.len()
            }
            fn now(&self) -> i64 {
                self.now
            }
            fn order(&self) -> &str {
                &self.order.number
            }
            fn journal(&self) -> &[JournalEntry] {
                let $self = self;
                $journal
            }
            fn frame(&self, $limits: &Limits) -> $frame {
                let $this = self;
                $make
            }
            fn into_wit(self) -> Self::Wit {
                self.into()
            }
            fn guest(
                $version: &Version,
                store: &mut Store<State>,
                instance: &Instance,
            ) -> Result<Self::Guest, wasmtime::Error> {
                $indices.load(store, instance)
            }
            async fn ask(
                guest: &Self::Guest,
                store: &mut Store<State>,
                input: &Self::Wit,
            ) -> Result<Outcome<$answer>, wasmtime::Error> {
                Ok(match guest.$call(store, input).await? {
                    Ok(answer) => $convert(answer).map_or_else(Outcome::BadOutput, Outcome::Ok),
                    Err(error) => out::error(error),
                })
            }
            fn check(frame: &$frame, answer: $answer) -> Result<$answer, Refusal> {
                frame.$check(answer)
            }
            fn check_refused(_: &$frame, lines: &[LineRefusal]) -> Result<(), Refusal> {
                no_lines(lines)
            }
        }
    };
}

order_hook! {
    DeductInput, Deduct, deduct::DeductInput, deduct::Guest, call_deduct, out::deduct_step, Step<Deducted>, OrderFrame
    indices: |version| version.deduct,
    journal: |input| &input.journal,
    frame: |input, limits| OrderFrame::of(&input.order, input.now, &input.journal, limits.calls),
    check: deducted,
}
order_hook! {
    ShipInput, Ship, ship::ShipInput, ship::Guest, call_ship, out::ship_step, Step<Shipped>, OrderFrame
    indices: |version| version.ship,
    journal: |input| &input.journal,
    frame: |input, limits| OrderFrame::of(&input.order, input.now, &input.journal, limits.calls),
    check: shipped,
}
order_hook! {
    ReceiveInput, Receive, receive::ReceiveInput, receive::Guest, call_receive, out::receive_step, Step<Received>,
    OrderFrame
    indices: |version| version.receive,
    journal: |input| &input.journal,
    frame: |input, limits| OrderFrame::of(&input.order, input.now, &input.journal, limits.calls),
    check: received,
}
order_hook! {
    RefundInput, QuoteRefund, aftersale::RefundInput, aftersale::Guest, call_quote_refund,
    |answer| Ok(out::refund_quote(answer)), RefundQuote, RefundFrame
    indices: |version| aftersale_of(version)?,
    journal: |_input| &[],
    frame: |input, _limits| RefundFrame::of(input),
    check: check,
}
order_hook! {
    RevokeInput, Revoke, aftersale::RevokeInput, aftersale::Guest, call_revoke, out::revoke_step, Step<Revoked>,
    OrderFrame
    indices: |version| aftersale_of(version)?,
    journal: |input| &input.journal,
    frame: |input, limits| OrderFrame::of(&input.order, input.now, &input.journal, limits.calls),
    check: revoked,
}

/// The façade asks only versions that have it.
fn aftersale_of(version: &Version) -> Result<&aftersale::GuestIndices, wasmtime::Error> {
    version.aftersale.as_ref().ok_or_else(|| wasmtime::Error::msg("no aftersale export"))
}
