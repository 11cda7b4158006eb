//! Timers, events, hook records, signals, parked events, settlements, idempotency claims.

use crate::domain::change::{
    Claim, Decision, Fired, JournalRow, Parked, Settlement, SignalKey, SignalRow, Timer, TimerKey, TimerKind, Unpark,
};
use crate::domain::event::{Event, Topic};
use crate::domain::hook::Hook;
use crate::domain::ids::{Millis, OrderNo, Slot};
use crate::store::error::StoreError;
use crate::store::sql::{
    OnConflict, Reader, Rows, delete, insert, insert_with, sql, table, touch, update, update_with,
};

table! {
    /// Armed timers.
    pub(crate) TIMERS = "timers" { subject: Int, kind: Int, grp: Int, due: Int, attempt: Int }
    TIMER_KEYS = "timers" { subject: Int, kind: Int }
    TIMERS_FIRED = "timers" { subject: Int, kind: Int, due: Int }
    TIMERS_AGAIN = "timers" { subject: Int, kind: Int, due: Int, again: Int }
    NEW_EVENTS = "outbox" { grp: Int, subject: Int, topic: Int, sequence: Int, tag: Text, body: Text }
    /// Events with their positions.
    pub(crate) OUTBOX = "outbox" {
        position: Int, subject: Int, topic: Int, sequence: Int, tag: Text, body: Text,
    }
    /// Published events.
    pub(crate) OUTBOX_SENT = "outbox_sent" {
        position: Int, subject: Int, topic: Int, sequence: Int, tag: Text, body: Text,
    }
    EVENT_KEYS = "outbox" { grp: Int, position: Int }
    /// Hook records.
    pub(crate) DECISIONS = "decisions" {
        subject: Int, seq: Int, business: Text, hook: Text, plugin: Bytes, input: Bytes, output: Bytes, fuel: Int,
        micros: Int, outcome: Text, at: Int,
    }
    /// Journals of suspended hooks.
    pub(crate) JOURNAL = "journal" { shop_no: Int, hook: Text, idx: Int, digest: Bytes, answer: Text, at: Int }
    JOURNAL_KEYS = "journal" { shop_no: Int, hook: Text, idx: Int }
    JOURNALS = "journal" { ord: Int, shop_no: Int, hook: Text }
    /// Signals.
    pub(crate) SIGNALS = "signals" { shop_no: Int, name: Text, id: Text, payload: Text, at: Int, consumed: Int }
    SIGNALS_CONSUMED = "signals" { shop_no: Int, name: Text, id: Text, consumed: Int }
    SIGNAL_KEYS = "signals" { ord: Int, shop_no: Int, name: Text, id: Text }
    /// Early events.
    pub(crate) PARKED = "parked" { shop_no: Int, event: Text, id: Text, payload: Text, at: Int, expires_at: Int }
    PARKED_KEYS = "parked" { ord: Int, shop_no: Int, event: Text, id: Text }
    UNPARKED = "parked" { shop_no: Int, event: Text, id: Text }
    DEAD = "dead_letters" { shop_no: Int, event: Text, id: Text, dead_at: Int, reason: Text }
    /// Events that were given up.
    pub(crate) DEAD_LETTERS = "dead_letters" {
        shop_no: Int, event: Text, id: Text, dead_at: Int, payload: Text, at: Int, reason: Text,
    }
    /// What shops get.
    pub(crate) SETTLEMENTS = "settlements" {
        shop_no: Int, shop: Text, business: Text, currency: Text, gross: Int, technical_fee: Int, promotion_fee: Int,
        net: Int, at: Int,
    }
    SETTLEMENT_KEYS = "settlements" { ord: Int, shop_no: Int }
    IDEMPOTENCY = "idempotency" {
        slot: Int, principal: Text, claim_key: Text, digest: Bytes, operation: Text, outcome: Text, at: Int,
    }
    CLAIM_KEYS = "idempotency" { ord: Int, slot: Int, principal: Text, claim_key: Text }
}

/// Arming an armed timer moves it.
const REARM: &str = "(slot, subject, kind) DO UPDATE SET due = excluded.due, attempt = excluded.attempt";

/// Finds the parked row that is given up; its payload goes with it.
const PARKED_ROW: &str = " JOIN parked AS p ON p.slot = (u.shop_no & 1023) AND p.shop_no = u.shop_no \
                          AND p.event = u.event AND p.id = u.id";

sql! {
    pub(crate) ARM = insert("arm timers", &TIMERS, Some("subject"), OnConflict::Update(REARM));
    pub(crate) DISARM = delete("disarm timers", &TIMER_KEYS, Some("subject"));
    pub(crate) DISARM_FIRED = delete("disarm fired timers", &TIMERS_FIRED, Some("subject"));
    pub(crate) PUT_OFF = update_with("put off timers", &TIMERS_AGAIN, Some("subject"), 3,
        &[("due", "u.again"), ("attempt", "t.attempt + 1")]);
    pub(crate) INSERT_EVENT = insert("insert outbox", &NEW_EVENTS, None, OnConflict::Fail);
    pub(crate) DELETE_EVENT = delete("delete outbox", &EVENT_KEYS, None);
    pub(crate) INSERT_DECISION = insert("insert decisions", &DECISIONS, Some("subject"), OnConflict::Fail);
    pub(crate) INSERT_JOURNAL = insert("insert journal", &JOURNAL, Some("shop_no"), OnConflict::Nothing);
    pub(crate) DELETE_JOURNAL = delete("delete journal", &JOURNAL_KEYS, Some("shop_no"));
    /// (shop order, hook) → index, 1 if answered
    pub(crate) LOCK_JOURNAL = touch("lock journal", &JOURNALS, Some("shop_no"),
        "t.idx, CASE WHEN t.answer = '' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END", true);
    pub(crate) INSERT_SIGNAL = insert("insert signals", &SIGNALS, Some("shop_no"), OnConflict::Nothing);
    pub(crate) CONSUME_SIGNAL = update("update signals", &SIGNALS_CONSUMED, Some("shop_no"), 3);
    pub(crate) SEE_SIGNAL = touch("see signals", &SIGNAL_KEYS, Some("shop_no"), "t.consumed", false);
    pub(crate) PARK = insert("insert parked", &PARKED, Some("shop_no"), OnConflict::Nothing);
    pub(crate) SEE_PARKED = touch("see parked", &PARKED_KEYS, Some("shop_no"), "t.at", false);
    pub(crate) UNPARK = delete("delete parked", &UNPARKED, Some("shop_no"));
    pub(crate) BURY = insert_with("bury parked", &DEAD, Some("shop_no"), &[("payload", "p.payload"), ("at", "p.at")],
        PARKED_ROW, OnConflict::Nothing);
    pub(crate) INSERT_SETTLEMENT = insert("insert settlements", &SETTLEMENTS, Some("shop_no"), OnConflict::Nothing);
    pub(crate) SEE_SETTLEMENT = touch("see settlements", &SETTLEMENT_KEYS, Some("shop_no"), "t.net", false);
    pub(crate) INSERT_CLAIM = insert("insert idempotency", &IDEMPOTENCY, None, OnConflict::Nothing);
    /// (slot, principal, key) → digest, operation, outcome
    pub(crate) SEE_CLAIM = touch("see idempotency", &CLAIM_KEYS, None, "t.digest, t.operation, t.outcome", false);
}

pub(crate) fn put_timer(rows: &mut Rows, timer: &Timer) {
    rows.int(timer.key.subject.0);
    rows.int(timer.key.kind.code().into());
    rows.int(timer.key.subject.slot().group().into());
    rows.int(timer.due);
    rows.int(timer.attempt);
}

pub(crate) fn put_timer_key(rows: &mut Rows, key: TimerKey) {
    rows.int(key.subject.0);
    rows.int(key.kind.code().into());
}

pub(crate) fn put_fired(rows: &mut Rows, fired: &Fired) {
    put_timer_key(rows, fired.timer.key);
    rows.int(fired.timer.due);
    if let Some(again) = fired.again {
        rows.int(again);
    }
}

pub(crate) fn take_timer(row: &mut Reader<'_>) -> Result<Timer, StoreError> {
    let subject = OrderNo(row.int()?);
    let kind = row.code(TimerKind::from_code)?;
    row.int()?;
    Ok(Timer { key: TimerKey { subject, kind }, due: row.int()?, attempt: row.int()? })
}

pub(crate) fn put_event(rows: &mut Rows, event: &Event) {
    rows.int(event.subject.slot().group().into());
    rows.int(event.subject.0);
    rows.int(event.topic.code().into());
    rows.int(event.sequence);
    rows.text(&event.tag);
    rows.text(&event.body);
}

pub(crate) fn take_event(row: &mut Reader<'_>) -> Result<(i64, Event), StoreError> {
    let position = row.int()?;
    let event = Event {
        subject: OrderNo(row.int()?),
        topic: row.code(Topic::from_code)?,
        sequence: row.int()?,
        tag: row.text()?,
        body: row.text()?,
    };
    Ok((position, event))
}

pub(crate) fn put_decision(rows: &mut Rows, decision: &Decision) {
    rows.int(decision.subject.0);
    rows.int(decision.seq);
    rows.text(decision.business.as_str());
    rows.text(decision.hook.as_str());
    rows.bytes(&decision.plugin.0);
    rows.bytes(&decision.input);
    rows.bytes(&decision.output);
    rows.int(decision.fuel);
    rows.int(decision.micros);
    rows.text(&decision.outcome);
    rows.int(decision.at);
}

fn hook(row: &mut Reader<'_>) -> Result<Hook, StoreError> {
    let word = row.text()?;
    Hook::parse(&word).ok_or_else(|| row.bad(&format!("{word} is no hook")))
}

pub(crate) fn take_decision(row: &mut Reader<'_>) -> Result<Decision, StoreError> {
    Ok(Decision {
        subject: OrderNo(row.int()?),
        seq: row.int()?,
        business: row.id()?,
        hook: hook(row)?,
        plugin: row.digest()?,
        input: row.bytes()?,
        output: row.bytes()?,
        fuel: row.int()?,
        micros: row.int()?,
        outcome: row.text()?,
        at: row.int()?,
    })
}

pub(crate) fn put_journal(rows: &mut Rows, entry: &JournalRow) {
    rows.int(entry.shop_no.0);
    rows.text(entry.hook.as_str());
    rows.int(entry.index.into());
    rows.bytes(&entry.digest.0);
    rows.text(&entry.answer);
    rows.int(entry.at);
}

pub(crate) fn take_journal(row: &mut Reader<'_>) -> Result<JournalRow, StoreError> {
    Ok(JournalRow {
        shop_no: OrderNo(row.int()?),
        hook: hook(row)?,
        index: row.small()?,
        digest: row.digest()?,
        answer: row.text()?,
        at: row.int()?,
    })
}

pub(crate) fn put_signal(rows: &mut Rows, signal: &SignalRow, consumed: bool) {
    rows.int(signal.key.shop_no.0);
    rows.text(signal.key.name.as_str());
    rows.text(&signal.key.id);
    rows.text(&signal.payload);
    rows.int(signal.at);
    rows.int(consumed.into());
}

pub(crate) fn take_signal(row: &mut Reader<'_>) -> Result<SignalRow, StoreError> {
    let key = SignalKey { shop_no: OrderNo(row.int()?), name: row.id()?, id: row.text()? };
    Ok(SignalRow { key, payload: row.text()?, at: row.int()? })
}

pub(crate) fn put_parked(rows: &mut Rows, parked: &Parked) {
    rows.int(parked.shop_no.0);
    rows.text(&parked.event);
    rows.text(&parked.id);
    rows.text(&parked.payload);
    rows.int(parked.at);
    rows.int(parked.expires_at);
}

pub(crate) fn take_parked(row: &mut Reader<'_>) -> Result<Parked, StoreError> {
    Ok(Parked {
        shop_no: OrderNo(row.int()?),
        event: row.text()?,
        id: row.text()?,
        payload: row.text()?,
        at: row.int()?,
        expires_at: row.int()?,
    })
}

pub(crate) fn put_unpark(rows: &mut Rows, unpark: &Unpark) {
    rows.int(unpark.shop_no.0);
    rows.text(&unpark.event);
    rows.text(&unpark.id);
}

pub(crate) fn put_dead(rows: &mut Rows, unpark: &Unpark, reason: &str, at: Millis) {
    put_unpark(rows, unpark);
    rows.int(at);
    rows.text(reason);
}

pub(crate) fn put_settlement(rows: &mut Rows, settlement: &Settlement) {
    rows.int(settlement.shop_no.0);
    rows.text(settlement.shop.as_str());
    rows.text(settlement.business.as_str());
    rows.text(settlement.currency.as_str());
    rows.int(settlement.gross);
    rows.int(settlement.technical_fee);
    rows.int(settlement.promotion_fee);
    rows.int(settlement.net);
    rows.int(settlement.at);
}

pub(crate) fn take_settlement(row: &mut Reader<'_>) -> Result<Settlement, StoreError> {
    Ok(Settlement {
        shop_no: OrderNo(row.int()?),
        shop: row.id()?,
        business: row.id()?,
        currency: row.id()?,
        gross: row.int()?,
        technical_fee: row.int()?,
        promotion_fee: row.int()?,
        net: row.int()?,
        at: row.int()?,
    })
}

pub(crate) fn put_claim(rows: &mut Rows, claim: &Claim, at: Millis) {
    rows.int(Slot::of(&claim.principal).index().into());
    rows.text(&claim.principal);
    rows.text(&claim.key);
    rows.bytes(&claim.digest.0);
    rows.text(&claim.operation);
    rows.text(&claim.outcome);
    rows.int(at);
}
