//! Asking any hook: its input and journal together, its answer into the draft. What each is asked is in
//! [`super::questions`].

use super::hooks::Input;
use super::outside::{Arrived, ArrivedOutcome, Outgoing, request_digest};
use super::{Cause, journal};
use crate::app::decisions::{Subject, record};
use crate::app::numbers::fresh;
use crate::app::orders::store_problem;
use crate::app::problem::Problem;
use crate::app::refund::line_rules;
use crate::app::{App, pay};
use crate::domain::change::{Decision, JournalRow, JournalWrite, SignalKey, SignalRow, TimerKind};
use crate::domain::decide::refund::REFUNDS;
use crate::domain::decide::ship::BadEffect;
use crate::domain::decide::undo;
use crate::domain::draft::Draft;
use crate::domain::hook::{Answer, HttpRequest, JournalEntry, Repeat, Signal, Step, Wait};
use crate::domain::ids::{Digest, Millis, OrderNo, RefundNo, SignalName};
use crate::domain::order::{Reason, ShopOrder, Suspended, SuspendedHook, Waiting};
use crate::faults;
use crate::plugin::{Call, Outcome};
use crate::secrets::Place;

/// Calls and waits of one hook, unless the line's grant allows more.
const CALLS: u32 = 16;
/// A call may take this long before compensation looks after it.
const CALL_MS: Millis = 120_000;
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

/// A question with its answer and what the journal gains by it.
pub(super) struct Answered<I: Input> {
    /// As asked, with its journal.
    pub(super) input: I,
    /// As frozen at the first run, JSON.
    frozen: Option<String>,
    pub(super) call: Call<Step<I::Done>>,
    /// Where the journal begins.
    base: u32,
    /// Entries in the journal.
    entries: u32,
    writes: Vec<JournalWrite>,
    pub(super) consumed: Option<SignalKey>,
    /// The digest of an intent that has no answer: the call must be the same.
    intent: Option<Digest>,
}

/// Puts the journal together and runs the hook. None: it still waits.
pub(super) async fn ask<I: Input>(
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
            entries.push(journal::read(app, shop.no, &row.answer)?);
        }
        let index = suspended.base + u32::try_from(entries.len()).map_err(Problem::internal)?;
        match (&suspended.wait, arrived.filter(|a| a.hook == I::HOOK && a.index == index)) {
            (Some(wait), _) => match end_of_wait::<I>(app, draft, shop, wait, index).await? {
                WaitEnd::Not => return Ok(None),
                WaitEnd::Redo => {}
                WaitEnd::Entry(row, key) => {
                    entries.push(journal::read(app, shop.no, &row.answer)?);
                    writes.push(JournalWrite::Append(row));
                    consumed = key;
                }
            },
            (None, Some(arrived)) => match arrived.outcome {
                ArrivedOutcome::Entry(entry) => {
                    let answer = journal::entry(app, shop.no, &entry)?;
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

pub(super) fn signal(app: &App, row: SignalRow) -> Result<Signal, Problem> {
    let payload = journal::open(app, row.key.shop_no, row.payload)?;
    Ok(Signal { name: row.key.name.to_string(), id: row.key.id, payload })
}

enum WaitEnd {
    Not,
    Redo,
    Entry(JournalRow, Option<SignalKey>),
}

async fn end_of_wait<I: Input>(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    wait: &Waiting,
    index: u32,
) -> Result<WaitEnd, Problem> {
    let at = draft.at();
    let entry = |answer: Answer, name: &str| {
        let answer = journal::entry(app, shop.no, &JournalEntry { at, answer })?;
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
        Ok::<_, Problem>(JournalRow { shop_no: shop.no, hook: I::HOOK, index, digest, answer, at })
    };
    let name = wait.signal.as_ref().map_or("", SignalName::as_str);
    if let Some(wanted) = wait.signal.as_ref().filter(|_| shop.pending_signals > 0)
        && let Some(row) = app.store.oldest_signal(shop.no, Some(wanted)).await.map_err(store_problem)?
    {
        let key = row.key.clone();
        return Ok(WaitEnd::Entry(entry(Answer::Signal(signal(app, row)?), name)?, Some(key)));
    }
    if at < wait.until {
        draft.arm(shop.no, TimerKind::Compensate, wait.until, 0);
        return Ok(WaitEnd::Not);
    }
    Ok(if wait.redo_last { WaitEnd::Redo } else { WaitEnd::Entry(entry(Answer::TimedOut, name)?, None) })
}

impl<I: Input> Answered<I> {
    /// The one match that decides what a hook's outcome means for the order.
    pub(super) async fn apply(
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
        let decision = self.decision(app, draft, shop);
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
            Outcome::Ok(Step::Call(request)) => Some(self.call(app, draft, shop, request)?),
            Outcome::Ok(Step::Wait(wait)) => Some(self.wait(draft, shop, wait)?),
            Outcome::Rejected(reason) => return self.undo(app, draft, shop, &reason).await,
            Outcome::Retry { reason, after_ms } => {
                self.again(draft, shop, cause, after_ms, &reason)?;
                Some(Ended::Rest)
            }
            Outcome::Deadline(_) if cause.attempt() < 3 => {
                self.again(draft, shop, cause, PAUSE_MS, &detail)?;
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
        decided(draft, no, decision);
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
    pub(super) fn record(mut self, app: &App, draft: &mut Draft, shop: &ShopOrder) {
        let decision = self.decision(app, draft, shop);
        decided(draft, shop.no, decision);
        self.consume(draft, shop.no);
        draft.change.journal.append(&mut self.writes);
    }

    /// Final no: everything goes back.
    pub(super) async fn undo(
        self,
        app: &App,
        draft: &mut Draft,
        shop: &ShopOrder,
        reason: &str,
    ) -> Result<Asked, Problem> {
        let numbers: Vec<RefundNo> = fresh(app, REFUNDS, shop.no.slot()).await?.into_iter().map(RefundNo).collect();
        let rules = line_rules(app, &shop.business);
        undo::undo(draft, shop.no, &Reason::new("rejected", reason), &rules, &numbers);
        self.record(app, draft, shop);
        Ok(Asked::Ended(Ended::Rest))
    }

    /// The record of the call. Its input is sealed if it says what a supplier said.
    fn decision(&self, app: &App, draft: &Draft, shop: &ShopOrder) -> Decision {
        let seq = draft.tree().shop(shop.no).map_or(0, |s| s.decisions);
        let subject = Subject { no: shop.no, seq, business: shop.business.clone(), plugin: shop.plugin };
        let mut decision = record(subject, I::HOOK, &self.input, &self.call, draft.at());
        if self.entries > 0 {
            decision.input = app.sealer.seal(Place(&["decision", &shop.no.to_string()]), &decision.input);
        }
        decision
    }

    fn consume(&mut self, draft: &mut Draft, no: OrderNo) {
        if let Some(key) = self.consumed.take() {
            draft.stepped(no).pending_signals -= 1;
            draft.change.consumed.push(key);
        }
    }

    fn suspend(&self, wait: Option<Waiting>, journal: u32) -> Result<Suspended, Problem> {
        let frozen = || {
            let mut input = self.input.clone();
            input.journal().clear();
            serde_json::to_string(&input).map_err(Problem::internal)
        };
        let now = wait.as_ref().map_or(0, |w| w.until);
        let input = self.frozen.clone().map_or_else(frozen, Ok)?;
        Ok(Suspended { hook: I::SUSPENDED, now, base: self.base, journal: self.base + journal, wait, input })
    }

    fn call(&mut self, app: &App, draft: &mut Draft, shop: &ShopOrder, request: HttpRequest) -> Result<Ended, Problem> {
        let granted = app.catalogue.now().businesses.get(&shop.business).and_then(|b| b.grant.calls).unwrap_or(CALLS);
        let digest = request_digest(&request);
        if self.entries >= granted {
            attention(draft, shop.no, &format!("{} made {granted} calls; grant.calls raises the limit", I::HOOK));
            return Ok(Ended::Rest);
        }
        if self.intent.is_some_and(|before| before != digest) {
            attention(draft, shop.no, "diverged: the hook asks for another call than before");
            return Ok(Ended::Rest);
        }
        let suspended = self.suspend(None, self.entries)?;
        let row = draft.stay(shop.no, "call", format!("{} {}", request.method, request.url));
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, draft.at() + CALL_MS, 0);
        if request.repeat == Repeat::Never {
            let (hook, index, at) = (I::HOOK, self.base + self.entries, draft.at());
            let answer = String::new();
            self.writes.push(JournalWrite::Intent(JournalRow { shop_no: shop.no, hook, index, digest, answer, at }));
        }
        let (business, index) = (shop.business.clone(), self.base + self.entries);
        Ok(Ended::Call(Box::new(Outgoing { no: shop.no, business, hook: I::HOOK, index, request })))
    }

    fn wait(&mut self, draft: &mut Draft, shop: &ShopOrder, wait: Wait) -> Result<Ended, Problem> {
        let Ok(signal) = wait.signal.as_deref().map(SignalName::new).transpose() else {
            attention(draft, shop.no, "the hook waits for a signal with a bad name");
            return Ok(Ended::Rest);
        };
        if wait.redo_last {
            self.drop_last(shop.no);
        }
        let until = wait.until;
        let waiting = Waiting { signal, until, redo_last: wait.redo_last };
        let suspended = self.suspend(Some(waiting), self.entries)?;
        let row = draft.stay(shop.no, "wait", wait.signal.unwrap_or_default());
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, until, 0);
        Ok(if shop.pending_signals > 0 { Ended::Again } else { Ended::Rest })
    }

    /// The last call is sent again, later, under the same key.
    fn again(
        &mut self,
        draft: &mut Draft,
        shop: &ShopOrder,
        cause: Cause,
        after_ms: u32,
        reason: &str,
    ) -> Result<(), Problem> {
        self.drop_last(shop.no);
        let suspended = self.suspend(None, self.entries)?;
        let row = draft.stay(shop.no, "retry", reason);
        (row.suspended, row.attention) = (Some(suspended), None);
        draft.arm(shop.no, TimerKind::Compensate, draft.at() + Millis::from(after_ms), cause.attempt() + 1);
        Ok(())
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

/// A decision of a plugin is the next one of its order.
fn decided(draft: &mut Draft, no: OrderNo, mut decision: Decision) {
    let row = draft.stepped(no);
    decision.seq = row.decisions;
    row.decisions += 1;
    draft.change.decisions.push(decision);
}

/// A person must look: listed until an operator drives the order on. Nothing forwards it by itself.
pub(super) fn attention(draft: &mut Draft, no: OrderNo, why: &str) {
    tracing::error!(%no, why, "an order needs attention");
    draft.stay(no, "attention", why).attention = Some(why.to_owned());
    draft.disarm(no, TimerKind::Compensate);
}

/// Try again soon; nobody is to blame.
fn later(app: &App, draft: &mut Draft, shop: &ShopOrder, cause: Cause, after_ms: u32) {
    let pause = Millis::from(after_ms).max(pay::compensate_ms(app, draft.tree()) / 4);
    draft.arm(shop.no, TimerKind::Compensate, draft.at() + pause, cause.attempt() + 1);
}
