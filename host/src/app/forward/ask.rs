//! Asking a hook: its input and journal together, its answer into the draft.

use super::Cause;
use super::hooks::Input;
use super::outside::{Arrived, ArrivedOutcome, Outgoing, request_digest};
use crate::app::decisions::{Subject, record};
use crate::app::numbers::fresh;
use crate::app::orders::store_problem;
use crate::app::problem::Problem;
use crate::app::refund::line_rules;
use crate::app::{App, fulfilment, pay};
use crate::domain::change::{JournalRow, JournalWrite, SignalKey, SignalRow, TimerKind};
use crate::domain::decide::refund::REFUNDS;
use crate::domain::decide::ship::{BadEffect, Sealed};
use crate::domain::decide::{aftersale, receive as receiving, ship as shipping, undo, view};
use crate::domain::draft::Draft;
use crate::domain::hook::{
    Answer, DeductInput, Hook, HttpRequest, JournalEntry, ReceiveInput, RefundLine, Repeat, RevokeInput, ShipInput,
    Shipped, Signal, Step, Trigger, Verdict, Wait,
};
use crate::domain::ids::{AftersaleNo, Digest, Millis, OrderNo, RefundNo, ShipmentNo, SignalName};
use crate::domain::order::{Reason, ShopOrder, Suspended, SuspendedHook, Waiting};
use crate::faults;
use crate::plugin::{Call, Outcome};
use crate::secrets::Place;
use crate::telemetry::metrics::ORDERS_ATTENTION;

/// Calls and waits of one hook, unless the line's grant allows more.
const CALLS: u32 = 16;
/// A call may take this long before compensation looks after it.
const CALL_MS: Millis = 120_000;
/// Of a revoke's extras: the after-sale that it is for.
const AFTERSALE: &str = "aftersale";
/// Pause after a failure that is nobody's fault, such as a busy host.
const PAUSE_MS: u32 = 1_000;

/// What follows a round.
pub(super) enum Ended {
    /// Nothing more to do now.
    Rest,
    /// Commit and look again.
    Again,
    /// Commit, make the call, and look again with its answer.
    Call(Box<Outgoing>),
}

/// What became of a question.
pub(super) enum Asked {
    /// Answered; its effects are in the draft.
    Done,
    /// The round ends here.
    Ended(Ended),
    /// The answer does not fit the order.
    Spoiled(String),
}

impl From<BadEffect> for Asked {
    fn from(bad: BadEffect) -> Self {
        Self::Spoiled(bad.to_string())
    }
}

/// Asks `deduct`.
pub(super) async fn deduct(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let input = DeductInput {
        order: order_view(draft, shop)?,
        payment: view::payment_view(draft.tree()).ok_or_else(|| Problem::internal("a paid order has its payment"))?,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    answered.apply(app, draft, shop, cause, |draft, _, done| shipping::deducted(draft, shop.no, &done)).await
}

/// Asks `ship`. Delivery secrets are sealed before they come near the draft.
pub(super) async fn ship(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let input = ShipInput {
        order: order_view(draft, shop)?,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(mut answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    let sealed = match answered.call.outcome.ok_mut() {
        Some(Step::Done(done)) => seal(app, shop.no, done).await?,
        _ => vec![],
    };
    let pack = |draft: &mut Draft, _: &ShipInput, done: Shipped| {
        shipping::packed(draft, shop.no, &done, &sealed)?;
        fulfilment::arm(app, draft, shop);
        Ok(())
    };
    answered.apply(app, draft, shop, cause, pack).await
}

/// Asks `receive`: with a trigger, with the oldest signal, or again where it was suspended.
pub(super) async fn receive(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    trigger: Option<Trigger>,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let mut consumed = None;
    let trigger = match trigger {
        Some(trigger) => trigger,
        None if shop.suspended.is_some() => Trigger::Timer, // Replaced by the frozen input.
        None => {
            let Some(row) = app.store.oldest_signal(shop.no, None).await.map_err(store_problem)? else {
                return Ok(Asked::Ended(Ended::Rest));
            };
            consumed = Some(row.key.clone());
            Trigger::Signal(signal(row))
        }
    };
    let input = ReceiveInput {
        order: order_view(draft, shop)?,
        trigger,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(mut answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    answered.consumed = answered.consumed.or(consumed);
    if let Outcome::Ok(Step::Done(done)) = &answered.call.outcome
        && let Verdict::Refused(why) = &done.verdict
    {
        let why = why.clone();
        return answered.undo(app, draft, shop, &why).await;
    }
    let apply = |draft: &mut Draft, input: &ReceiveInput, done: crate::domain::hook::Received| {
        let how = match &input.trigger {
            Trigger::Buyer => "buyer",
            Trigger::Delivered => "delivered",
            Trigger::Timer => "timer",
            Trigger::Signal(signal) => signal.name.as_str(),
        };
        match done.verdict {
            Verdict::Confirmed => receiving::received(draft, shop.no, &done, how),
            Verdict::NotYet | Verdict::Refused(_) => receiving::not_yet(draft, shop.no, &done, how),
        }
    };
    answered.apply(app, draft, shop, cause, apply).await
}

/// Asks `aftersale.revoke`: what was done at the supplier for these units is undone before their money goes back. The
/// after-sale's number is in the input's extras, so that a resumed hook knows whose it is.
pub(super) async fn revoke(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    no: Option<AftersaleNo>,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let row = no.and_then(|no| draft.tree().aftersales.iter().find(|a| a.no == no));
    let line = |item_no| shop.items.iter().find(|i| i.no == item_no).map(|i| i.line);
    let units = row.into_iter().flat_map(|a| &a.items).filter(|claim| claim.quantity > 0);
    let items = units.filter_map(|c| Some(RefundLine { line: line(c.item_no)?, quantity: c.quantity })).collect();
    let input = RevokeInput {
        order: order_view(draft, shop)?,
        items,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: no.map(|no| (AFTERSALE.to_owned(), no.to_string())).into_iter().collect(),
    };
    let numbers: Vec<RefundNo> = fresh(app, REFUNDS, shop.no.slot()).await?.into_iter().map(RefundNo).collect();
    let Some(answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    let named = answered.input.extra.iter().find(|(key, _)| key == AFTERSALE).and_then(|(_, no)| no.parse().ok());
    let Some(no) = named else { return Ok(Asked::Spoiled("a revoke names no after-sale".into())) };
    let rules = line_rules(app, &shop.business);
    if !draft.tree().aftersales.iter().any(|a| a.no == no && aftersale::is_due(a)) {
        // It ended while its supplier was asked: the answer is kept, and nothing more is done for it.
        draft.stay(shop.no, "revoke", "its after-sale is over").suspended = None;
        answered.record(draft, shop);
        return Ok(Asked::Ended(Ended::Again));
    }
    if let Outcome::Rejected(why) = &answered.call.outcome {
        let why = why.clone();
        draft.stay(shop.no, "aftersale_reject", why.clone()).suspended = None;
        if let Err(cannot) = aftersale::not_revoked(draft, no, &rules, &why) {
            return Ok(Asked::Spoiled(cannot.to_string()));
        }
        answered.record(draft, shop);
        return Ok(Asked::Ended(Ended::Again));
    }
    let apply = |draft: &mut Draft, _: &RevokeInput, done: crate::domain::hook::Revoked| {
        let row = draft.stay(shop.no, "revoke", no.to_string());
        row.suspended = None;
        shipping::merge(&mut row.attributes, &done.attributes)?;
        aftersale::proceed(draft, no, &rules, &numbers)?;
        Ok(())
    };
    answered.apply(app, draft, shop, cause, apply).await
}

fn order_view(draft: &Draft, shop: &ShopOrder) -> Result<crate::domain::hook::OrderView, Problem> {
    view::order_view(draft.tree(), shop.no).ok_or_else(|| Problem::internal("a shop order is in its tree"))
}

fn settings(app: &App, shop: &ShopOrder) -> String {
    app.catalogue.now().businesses.get(&shop.business).map_or_else(|| "{}".into(), |b| b.settings.to_string())
}

fn signal(row: SignalRow) -> Signal {
    Signal { name: row.key.name.to_string(), id: row.key.id, payload: row.payload }
}

async fn seal(app: &App, no: OrderNo, done: &mut Shipped) -> Result<Vec<Sealed>, Problem> {
    let numbers = fresh(app, done.shipments.len(), no.slot()).await?;
    let shop = no.to_string();
    let seal_one = |(shipment, number): (&mut crate::domain::hook::Shipment, i64)| {
        let secrets: Vec<(String, String)> =
            std::mem::take(&mut shipment.secrets).into_iter().map(|s| (s.name, s.value)).collect();
        let plain = serde_json::to_vec(&secrets).map_err(Problem::internal)?;
        let sealed = (!secrets.is_empty()).then(|| app.sealer.seal(Place(&["shipment", &shop]), &plain));
        Ok(Sealed { no: ShipmentNo(number), secrets: sealed })
    };
    done.shipments.iter_mut().zip(numbers).map(seal_one).collect()
}

/// A question with its answer and what the journal gains by it.
struct Answered<I: Input> {
    /// As asked, with its journal.
    input: I,
    /// As frozen at the first run, JSON.
    frozen: Option<String>,
    call: Call<Step<I::Done>>,
    /// Where the journal begins.
    base: u32,
    /// Entries in the journal.
    entries: u32,
    writes: Vec<JournalWrite>,
    consumed: Option<SignalKey>,
    /// The digest of an intent that has no answer: the call must be the same.
    intent: Option<Digest>,
}

/// Puts the journal together and runs the hook. None: it still waits.
async fn ask<I: Input>(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    mut input: I,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Option<Answered<I>>, Problem> {
    let (mut entries, mut writes, mut consumed, mut frozen, mut intent) = (vec![], vec![], None, None, None);
    let mut base = None;
    if let Some(suspended) = shop.suspended.as_ref().filter(|s| s.hook == I::SUSPENDED) {
        input = serde_json::from_str(&suspended.input).map_err(Problem::internal)?;
        frozen = Some(suspended.input.clone());
        base = Some(suspended.base);
        let rows = app.store.journal(shop.no, I::HOOK).await.map_err(store_problem)?;
        intent = rows.iter().find(|r| r.index == suspended.journal && r.answer.is_empty()).map(|r| r.digest);
        for row in rows.iter().filter(|r| (suspended.base..suspended.journal).contains(&r.index)) {
            entries.push(serde_json::from_str::<JournalEntry>(&row.answer).map_err(Problem::internal)?);
        }
        let index = suspended.base + u32::try_from(entries.len()).map_err(Problem::internal)?;
        match (&suspended.wait, arrived.filter(|a| a.hook == I::HOOK && a.index == index)) {
            (Some(wait), _) => match end_of_wait(app, draft, shop, wait, index).await? {
                WaitEnd::Not => return Ok(None),
                WaitEnd::Redo => {}
                WaitEnd::Entry(row, key) => {
                    entries.push(serde_json::from_str(&row.answer).map_err(Problem::internal)?);
                    writes.push(JournalWrite::Append(wait_row::<I>(shop.no, row)));
                    consumed = key;
                }
            },
            (None, Some(arrived)) => match arrived.outcome {
                ArrivedOutcome::Entry(entry) => {
                    let answer = serde_json::to_string(&entry).map_err(Problem::internal)?;
                    let (hook, digest) = (I::HOOK, arrived.digest);
                    let row = JournalRow { shop_no: shop.no, hook, index, digest, answer, at: entry.at };
                    let append = intent.take().is_none();
                    writes.push(if append { JournalWrite::Append(row) } else { JournalWrite::Answer(row) });
                    entries.push(entry);
                }
                ArrivedOutcome::Unknown(why) | ArrivedOutcome::Refused(why) => {
                    attention(draft, shop.no, &format!("a call of {}: {why}", I::HOOK));
                    return Ok(None);
                }
            },
            (None, None) if intent.is_some() => {
                let why = "a call that must not be repeated was begun and its answer is not known; ask the supplier";
                attention(draft, shop.no, why);
                return Ok(None);
            }
            (None, None) => {}
        }
    }
    *input.journal() = entries;
    let count = u32::try_from(input.journal().len()).unwrap_or(u32::MAX);
    let Ok(call) = input.clone().ask(app, &shop.business, shop.plugin).await else {
        later(app, draft, shop, cause, PAUSE_MS);
        return Ok(None);
    };
    faults::point("after-hook");
    let base = match base {
        Some(base) => base,
        None => beginning::<I>(app, shop, &call.outcome).await?,
    };
    Ok(Some(Answered { input, frozen, call, base, entries: count, writes, consumed, intent }))
}

/// Where the journal of a hook that runs for the first time for its cause begins. Only these run more than once.
async fn beginning<I: Input>(app: &App, shop: &ShopOrder, outcome: &Outcome<Step<I::Done>>) -> Result<u32, Problem> {
    let goes_on = matches!(outcome.ok(), Some(Step::Call(_) | Step::Wait(_)));
    if !goes_on || !matches!(I::SUSPENDED, SuspendedHook::Receive | SuspendedHook::Revoke) {
        return Ok(0);
    }
    let rows = app.store.journal(shop.no, I::HOOK).await.map_err(store_problem)?;
    Ok(rows.last().map_or(0, |row| row.index + 1))
}

enum WaitEnd {
    Not,
    Redo,
    Entry(JournalRow, Option<SignalKey>),
}

async fn end_of_wait(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    wait: &Waiting,
    index: u32,
) -> Result<WaitEnd, Problem> {
    let at = draft.at();
    let entry = |answer: Answer, name: &str| {
        let answer = serde_json::to_string(&JournalEntry { at, answer }).map_err(Problem::internal)?;
        let request = HttpRequest {
            method: "WAIT".into(),
            url: name.to_owned(),
            headers: vec![],
            body: vec![],
            auth: crate::domain::hook::Auth::None,
            repeat: Repeat::Safe,
            timeout_ms: 0,
        };
        let digest = request_digest(&request);
        Ok::<_, Problem>(JournalRow { shop_no: shop.no, hook: Hook::Deduct, index, digest, answer, at })
    };
    let name = wait.signal.as_ref().map_or("", SignalName::as_str);
    if let Some(wanted) = wait.signal.as_ref().filter(|_| shop.pending_signals > 0)
        && let Some(row) = app.store.oldest_signal(shop.no, Some(wanted)).await.map_err(store_problem)?
    {
        let key = row.key.clone();
        return Ok(WaitEnd::Entry(entry(Answer::Signal(signal(row)), name)?, Some(key)));
    }
    if at < wait.until {
        draft.arm(shop.no, TimerKind::Compensate, wait.until, 0);
        return Ok(WaitEnd::Not);
    }
    Ok(if wait.redo_last { WaitEnd::Redo } else { WaitEnd::Entry(entry(Answer::TimedOut, name)?, None) })
}

fn wait_row<I: Input>(shop_no: OrderNo, row: JournalRow) -> JournalRow {
    JournalRow { shop_no, hook: I::HOOK, ..row }
}

impl<I: Input> Answered<I> {
    /// The one match that decides what a hook's outcome means for the order.
    async fn apply(
        mut self,
        app: &App,
        draft: &mut Draft,
        shop: &ShopOrder,
        cause: Cause,
        done: impl FnOnce(&mut Draft, &I, I::Done) -> Result<(), BadEffect>,
    ) -> Result<Asked, Problem> {
        let no = shop.no;
        if matches!(self.call.outcome, Outcome::Saturated) {
            later(app, draft, shop, cause, PAUSE_MS);
            return Ok(Asked::Ended(Ended::Rest));
        }
        let mut decision = record(Self::subject(draft, shop), I::HOOK, &self.input, &self.call, draft.at());
        let placeholder = Outcome::Saturated;
        let detail = self.call.outcome.detail().unwrap_or_default();
        let ended = match std::mem::replace(&mut self.call.outcome, placeholder) {
            Outcome::Ok(Step::Done(answer)) => {
                if let Err(bad) = done(draft, &self.input, answer) {
                    return Ok(bad.into());
                }
                draft.stepped(no).attention = None;
                None
            }
            Outcome::Ok(Step::Call(request)) => Some(self.call(app, draft, shop, request)),
            Outcome::Ok(Step::Wait(wait)) => Some(self.wait(draft, shop, wait)),
            Outcome::Rejected(reason) => return self.undo(app, draft, shop, &reason).await,
            Outcome::Retry { reason, after_ms } => {
                self.again(draft, shop, cause, after_ms, &reason);
                Some(Ended::Rest)
            }
            Outcome::Deadline(_) if cause.attempt() < 3 => {
                self.again(draft, shop, cause, PAUSE_MS, &detail);
                Some(Ended::Rest)
            }
            Outcome::Attention(_)
            | Outcome::Refused(_)
            | Outcome::InputTooLarge(_)
            | Outcome::Trap(_)
            | Outcome::OutOfFuel(_)
            | Outcome::Deadline(_)
            | Outcome::Memory(_)
            | Outcome::OutputTooLarge(_)
            | Outcome::BadOutput(_)
            | Outcome::Saturated => {
                attention(draft, no, &format!("{}: {} ({detail})", I::HOOK, decision.outcome));
                Some(Ended::Rest)
            }
        };
        let row = draft.stepped(no);
        decision.seq = row.decisions;
        row.decisions += 1;
        draft.change.decisions.push(decision);
        // A hook that may run again for another cause must find its journal and signals as they are now.
        let again = matches!(I::SUSPENDED, SuspendedHook::Receive | SuspendedHook::Revoke)
            && (self.consumed.is_some() || !self.writes.is_empty());
        self.consume(draft, no);
        draft.change.journal.append(&mut self.writes);
        Ok(match ended {
            Some(ended) => Asked::Ended(ended),
            None if again => Asked::Ended(Ended::Again),
            None => Asked::Done,
        })
    }

    /// Keeps what was asked and answered with an order that was stepped.
    fn record(mut self, draft: &mut Draft, shop: &ShopOrder) {
        let mut decision = record(Self::subject(draft, shop), I::HOOK, &self.input, &self.call, draft.at());
        let row = draft.stepped(shop.no);
        decision.seq = row.decisions;
        row.decisions += 1;
        draft.change.decisions.push(decision);
        self.consume(draft, shop.no);
        draft.change.journal.append(&mut self.writes);
    }

    /// Final no: everything goes back.
    async fn undo(self, app: &App, draft: &mut Draft, shop: &ShopOrder, reason: &str) -> Result<Asked, Problem> {
        let numbers: Vec<RefundNo> = fresh(app, REFUNDS, shop.no.slot()).await?.into_iter().map(RefundNo).collect();
        let rules = line_rules(app, &shop.business);
        undo::undo(draft, shop.no, &Reason::new("rejected", reason), &rules, &numbers);
        self.record(draft, shop);
        Ok(Asked::Ended(Ended::Rest))
    }

    fn subject(draft: &Draft, shop: &ShopOrder) -> Subject {
        let seq = draft.tree().shop(shop.no).map_or(0, |s| s.decisions);
        Subject { no: shop.no, seq, business: shop.business.clone(), plugin: shop.plugin }
    }

    fn consume(&mut self, draft: &mut Draft, no: OrderNo) {
        if let Some(key) = self.consumed.take() {
            draft.stepped(no).pending_signals -= 1;
            draft.change.consumed.push(key);
        }
    }

    fn suspend(&self, wait: Option<Waiting>, journal: u32) -> Suspended {
        let frozen = || {
            let mut input = self.input.clone();
            input.journal().clear();
            serde_json::to_string(&input).unwrap_or_default()
        };
        let now = wait.as_ref().map_or(0, |w| w.until);
        let input = self.frozen.clone().unwrap_or_else(frozen);
        Suspended { hook: I::SUSPENDED, now, base: self.base, journal: self.base + journal, wait, input }
    }

    fn call(&mut self, app: &App, draft: &mut Draft, shop: &ShopOrder, request: HttpRequest) -> Ended {
        let granted = app.catalogue.now().businesses.get(&shop.business).and_then(|b| b.grant.calls).unwrap_or(CALLS);
        let digest = request_digest(&request);
        if self.entries >= granted {
            attention(draft, shop.no, &format!("{} made {granted} calls; grant.calls raises the limit", I::HOOK));
            return Ended::Rest;
        }
        if self.intent.is_some_and(|before| before != digest) {
            attention(draft, shop.no, "diverged: the hook asks for another call than before");
            return Ended::Rest;
        }
        let suspended = self.suspend(None, self.entries);
        let row = draft.stay(shop.no, "call", format!("{} {}", request.method, request.url));
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, draft.at() + CALL_MS, 0);
        if request.repeat == Repeat::Never {
            let (hook, index, at) = (I::HOOK, self.base + self.entries, draft.at());
            let answer = String::new();
            self.writes.push(JournalWrite::Intent(JournalRow { shop_no: shop.no, hook, index, digest, answer, at }));
        }
        let (business, index) = (shop.business.clone(), self.base + self.entries);
        Ended::Call(Box::new(Outgoing { no: shop.no, business, hook: I::HOOK, index, request }))
    }

    fn wait(&mut self, draft: &mut Draft, shop: &ShopOrder, wait: Wait) -> Ended {
        let Ok(signal) = wait.signal.as_deref().map(SignalName::new).transpose() else {
            attention(draft, shop.no, "the hook waits for a signal with a bad name");
            return Ended::Rest;
        };
        if wait.redo_last {
            self.drop_last(shop.no);
        }
        let until = wait.until;
        let waiting = Waiting { signal, until, redo_last: wait.redo_last };
        let suspended = self.suspend(Some(waiting), self.entries);
        let row = draft.stay(shop.no, "wait", wait.signal.unwrap_or_default());
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, until, 0);
        if shop.pending_signals > 0 { Ended::Again } else { Ended::Rest }
    }

    /// The last call is sent again, later, under the same key.
    fn again(&mut self, draft: &mut Draft, shop: &ShopOrder, cause: Cause, after_ms: u32, reason: &str) {
        self.drop_last(shop.no);
        let suspended = self.suspend(None, self.entries);
        let row = draft.stay(shop.no, "retry", reason);
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, draft.at() + Millis::from(after_ms), cause.attempt() + 1);
    }

    /// The last entry goes, in memory or in the store. A signal is not dropped: it would be lost.
    fn drop_last(&mut self, shop_no: OrderNo) {
        if self.entries == 0 || self.consumed.is_some() {
            return;
        }
        self.entries -= 1;
        let index = self.base + self.entries;
        match self.writes.pop() {
            Some(JournalWrite::Append(_)) => {}
            Some(other) => {
                self.writes.push(other);
                self.writes.push(JournalWrite::DropLast { shop_no, hook: I::HOOK, index });
            }
            None => self.writes.push(JournalWrite::DropLast { shop_no, hook: I::HOOK, index }),
        }
    }
}

/// A person must look: listed until an operator drives the order on. Nothing forwards it by itself.
pub(super) fn attention(draft: &mut Draft, no: OrderNo, why: &str) {
    tracing::error!(%no, why, "an order needs attention");
    metrics::counter!(ORDERS_ATTENTION).increment(1);
    draft.stay(no, "attention", why).attention = Some(why.to_owned());
    draft.disarm(no, TimerKind::Compensate);
}

/// Try again soon; nobody is to blame.
fn later(app: &App, draft: &mut Draft, shop: &ShopOrder, cause: Cause, after_ms: u32) {
    let pause = Millis::from(after_ms).max(pay::compensate_ms(app, draft.tree()) / 4);
    draft.arm(shop.no, TimerKind::Compensate, draft.at() + pause, cause.attempt() + 1);
}
