//! The accepted changes as rows: one statement a table, one coalesced write a row.

use std::collections::HashSet;

use super::Attempting;
use super::lock::{State, journal_key};
use crate::domain::change::{Change, JournalWrite, TimerKey, Write};
use crate::store::error::StoreError;
use crate::store::rows::{aftersales, money, orders, work};
use crate::store::sql::{Conn, Dialect, Rows, Sql};

/// How the count of rows written is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A row that was not written lost to somebody else's: the batch is decided again.
    Claim,
    /// All of them, or the batch is rolled back.
    All,
    /// Whatever is there.
    Any,
}

/// What the writing came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// Everything.
    All,
    /// A claim was lost; nothing may be kept.
    Lost,
}

/// Collects the statements of a batch in their order: claims first.
struct Plan {
    dialect: Dialect,
    steps: Vec<(Rows, Due)>,
}

impl Plan {
    fn add(&mut self, sql: &'static Sql, due: Due, fill: impl FnOnce(&mut Rows)) {
        let mut rows = Rows::new(self.dialect, sql);
        fill(&mut rows);
        if !rows.is_empty() {
            self.steps.push((rows, due));
        }
    }
}

/// Writes the accepted changes. `unique` gives numbers for rows that need one of their own.
pub(super) async fn write(
    conn: &mut Conn,
    state: &State<'_>,
    changes: &[&Change],
    unique: &mut i64,
) -> Attempting<Wrote> {
    let mut plan = Plan { dialect: conn.dialect(), steps: Vec::with_capacity(32) };
    claims(&mut plan, state, changes);
    moves(&mut plan, state, changes);
    children(&mut plan, changes);
    records(&mut plan, changes, unique);
    for (rows, due) in plan.steps {
        clean(&rows)?;
        let (statement, expected) = (rows.sql.name, rows.count);
        let written = conn.write(rows).await?;
        if written != expected {
            match due {
                Due::Claim => return Ok(Wrote::Lost),
                Due::All => return Err(StoreError::Rows { statement, expected, written }),
                Due::Any => {}
            }
        }
    }
    Ok(Wrote::All)
}

/// No column keeps a NUL; the edges refuse it, this is the last look.
pub(super) fn clean(rows: &Rows) -> Result<(), StoreError> {
    if rows.nul { Err(StoreError::Nul(rows.sql.name)) } else { Ok(()) }
}

/// Everything under a key that must be new, sorted, so that two hosts never wait for each other.
fn claims(plan: &mut Plan, state: &State<'_>, changes: &[&Change]) {
    let each = || changes.iter().copied();
    plan.add(&work::INSERT_CLAIM, Due::Claim, |rows| {
        let mut all: Vec<_> = each().filter_map(|c| c.claim.as_ref().map(|claim| (claim, c.at))).collect();
        all.sort_unstable_by_key(|(claim, _)| (claim.principal.as_str(), claim.key.as_str()));
        for (claim, at) in all {
            work::put_claim(rows, claim, at);
        }
    });
    plan.add(&orders::INSERT_PAY, Due::Claim, |rows| {
        let mut all: Vec<_> = each().flat_map(|c| &c.new_pay_orders).collect();
        all.sort_unstable_by_key(|o| o.no);
        for order in all {
            orders::put_pay(rows, order);
        }
    });
    plan.add(&orders::INSERT_SHOP, Due::Claim, |rows| {
        let mut all: Vec<_> = each().flat_map(|c| &c.new_shop_orders).collect();
        all.sort_unstable_by_key(|o| o.no);
        for order in all {
            orders::put_shop(rows, order);
        }
    });
    plan.add(&money::CLAIM_WAYBILL, Due::Claim, |rows| {
        let mut all: Vec<_> = each().flat_map(waybills).collect();
        all.sort_unstable();
        all.dedup();
        for (waybill, no, kind) in all {
            rows.text(waybill);
            rows.int(no);
            rows.int(kind);
        }
    });
    plan.add(&money::CLAIM_TRADE, Due::Claim, |rows| {
        let payments = each().flat_map(|c| &c.payments).map(Write::row);
        let mut all: Vec<_> =
            payments.filter_map(|p| Some((p.method.as_str(), p.trade_no.as_deref()?, p.no.0))).collect();
        all.sort_unstable();
        all.dedup();
        for (method, trade_no, no) in all {
            rows.text(method);
            rows.text(trade_no);
            rows.int(no);
        }
    });
    plan.add(&money::INSERT_STOCK_MOVE, Due::Claim, |rows| {
        for change in each() {
            for step in &change.stock {
                money::put_stock_move(rows, step, change.at);
            }
        }
    });
    plan.add(&money::INSERT_POSTING, Due::Claim, |rows| {
        for change in each() {
            for transfer in &change.transfers {
                let entry = state.booked.get(&(transfer.order_no.0, transfer.operation.as_str()));
                money::put_posting(rows, transfer, entry.copied(), change.at);
            }
        }
    });
    plan.add(&aftersales::CLAIM_EXTERNAL, Due::Claim, |rows| {
        let mut all: Vec<_> = each().flat_map(|c| &c.external_numbers).collect();
        all.sort_unstable_by(|a, b| (a.kind, &a.buyer, &a.id).cmp(&(b.kind, &b.buyer, &b.id)));
        for number in all {
            aftersales::put_external(rows, number);
        }
    });
    signals(plan, changes);
    plan.add(&work::PARK, Due::Claim, |rows| {
        let mut all: Vec<_> = each().flat_map(|c| &c.park).collect();
        all.sort_unstable_by(|a, b| (a.shop_no, &a.event, &a.id).cmp(&(b.shop_no, &b.event, &b.id)));
        for parked in all {
            work::put_parked(rows, parked);
        }
    });
    plan.add(&work::INSERT_SETTLEMENT, Due::Claim, |rows| {
        for settlement in each().flat_map(|c| &c.settlements) {
            work::put_settlement(rows, settlement);
        }
    });
    journals(plan, state, changes);
}

/// Waybills of packages (kind 0) and of goods that come back (kind 1), with whose they are.
pub(super) fn waybills(change: &Change) -> impl Iterator<Item = (&str, i64, i64)> {
    let shipments = change.shipments.iter().map(Write::row).filter_map(|s| Some((s.waybill.as_deref()?, s.no.0, 0)));
    let parcels = change.aftersales.iter().map(Write::row);
    shipments.chain(parcels.filter_map(|a| Some((a.detail.parcel.as_ref()?.waybill.as_str(), a.no.0, 1))))
}

fn signals(plan: &mut Plan, changes: &[&Change]) {
    let consumed: HashSet<_> = changes
        .iter()
        .flat_map(|c| &c.consumed)
        .map(|key| (key.shop_no.0, key.name.as_str(), key.id.as_str()))
        .collect();
    let mut here = HashSet::new();
    plan.add(&work::INSERT_SIGNAL, Due::Claim, |rows| {
        let mut all: Vec<_> = changes.iter().flat_map(|c| &c.signals).collect();
        all.sort_unstable_by_key(|s| (s.key.shop_no, s.key.name.as_str(), s.key.id.as_str()));
        for signal in all {
            let key = (signal.key.shop_no.0, signal.key.name.as_str(), signal.key.id.as_str());
            work::put_signal(rows, signal, consumed.contains(&key));
            here.insert(key);
        }
    });
    plan.add(&work::CONSUME_SIGNAL, Due::All, |rows| {
        for (no, name, id) in consumed.difference(&here) {
            rows.int(*no);
            rows.text(name);
            rows.text(id);
            rows.int(1);
        }
    });
}

/// A journal entry that was there and changes is taken out and put in again.
fn journals(plan: &mut Plan, state: &State<'_>, changes: &[&Change]) {
    let last = last_by_key(changes.iter().flat_map(|c| &c.journal).map(|write| {
        let row = match write {
            JournalWrite::Append(row) | JournalWrite::Intent(row) | JournalWrite::Answer(row) => Some(row),
            JournalWrite::DropLast { .. } => None,
        };
        (journal_key(write), row)
    }));
    plan.add(&work::DELETE_JOURNAL, Due::All, |rows| {
        for ((no, hook, index), _) in last.iter().filter(|(key, _)| state.entries.contains(key)) {
            rows.int(*no);
            rows.text(hook);
            rows.int((*index).into());
        }
    });
    plan.add(&work::INSERT_JOURNAL, Due::Claim, |rows| {
        for row in last.iter().filter_map(|(_, row)| *row) {
            work::put_journal(rows, row);
        }
    });
}

/// Rows that exist and move on.
fn moves(plan: &mut Plan, state: &State<'_>, changes: &[&Change]) {
    let pays = last_by_key(changes.iter().flat_map(|c| &c.pay_orders).map(|g| (g.row.no, &g.row)));
    plan.add(&orders::MOVE_PAY, Due::All, |rows| {
        for (_, order) in &pays {
            orders::move_pay(rows, order);
        }
    });
    let shops = last_by_key(changes.iter().flat_map(|c| &c.shop_orders).map(|g| (g.row.no, &g.row)));
    plan.add(&orders::MOVE_SHOP, Due::All, |rows| {
        for (_, order) in &shops {
            orders::move_shop(rows, order);
        }
    });
    plan.add(&orders::FACTS_SHOP, Due::All, |rows| {
        for (no, order) in &shops {
            let stored = state.shops.find(&no.0).and_then(|at| state.shops.rows[at]).map(|s| s.mark);
            let (facts, mark) = orders::mark(order);
            if stored != Some(mark) {
                orders::facts_shop(rows, order, &facts, mark);
            }
        }
    });
    let items = last_by_key(changes.iter().flat_map(|c| &c.items).map(|item| (item.no, item)));
    plan.add(&orders::MOVE_ITEM, Due::All, |rows| {
        for (_, item) in &items {
            orders::move_item(rows, item);
        }
    });
    plan.add(&money::MOVE_STOCK, Due::All, |rows| {
        for (at, (business, key)) in state.stock.keys.iter().enumerate() {
            if let Some(stock) = state.stock.rows[at].filter(|_| state.stock.dirty[at]) {
                rows.text(business);
                rows.text(key);
                rows.int(stock.available);
                rows.int(stock.reserved);
                rows.int(stock.sold);
            }
        }
    });
    plan.add(&money::MOVE_WALLET, Due::All, |rows| {
        for (at, (slot, buyer, unit)) in state.wallets.keys.iter().enumerate() {
            if let Some(wallet) = state.wallets.rows[at].filter(|_| state.wallets.dirty[at]) {
                rows.int(*slot);
                rows.text(buyer);
                rows.text(&String::from(*unit));
                rows.int(wallet.available);
                rows.int(wallet.held);
                rows.int(wallet.entries);
            }
        }
    });
    plan.add(&money::MOVE_COUPON, Due::All, |rows| {
        for (at, code) in state.coupons.keys.iter().enumerate() {
            if let Some(coupon) = state.coupons.rows[at].as_ref().filter(|_| state.coupons.dirty[at]) {
                rows.text(code);
                rows.int(coupon.state);
                rows.opt_int(coupon.order_no);
            }
        }
    });
}

/// Rows under an order's version.
fn children(plan: &mut Plan, changes: &[&Change]) {
    plan.add(&orders::INSERT_ITEM, Due::All, |rows| {
        for order in changes.iter().flat_map(|c| &c.new_shop_orders) {
            for item in &order.items {
                orders::put_item(rows, order.no, item);
            }
        }
    });
    let payments = fold(changes.iter().flat_map(|c| &c.payments), |p| p.no.0);
    plan.add(&money::INSERT_PAYMENT, Due::All, |rows| new(&payments).for_each(|p| money::put_payment(rows, p)));
    plan.add(&money::MOVE_PAYMENT, Due::All, |rows| old(&payments).for_each(|p| money::move_payment(rows, p)));
    let refunds = fold(changes.iter().flat_map(|c| &c.refunds), |r| r.no.0);
    plan.add(&money::INSERT_REFUND, Due::All, |rows| new(&refunds).for_each(|r| money::put_refund(rows, r)));
    plan.add(&money::MOVE_REFUND, Due::All, |rows| old(&refunds).for_each(|r| money::move_refund(rows, r)));
    plan.add(&money::INSERT_DISCREPANCY, Due::Any, |rows| {
        let mut all: Vec<_> = changes.iter().flat_map(|c| &c.discrepancies).collect();
        all.sort_unstable_by_key(|found| found.id());
        for found in all {
            money::put_discrepancy(rows, found);
        }
    });
    let days = changes.iter().flat_map(|c| &c.book_days);
    let days = last_by_key(days.map(|day| ((day.method.as_str(), day.account.as_str(), day.day.as_str()), day)));
    plan.add(&money::PUT_BOOK_DAY, Due::All, |rows| {
        for (_, day) in &days {
            money::put_book_day(rows, day);
        }
    });
    let shipments = fold(changes.iter().flat_map(|c| &c.shipments), |s| s.no.0);
    plan.add(&money::INSERT_SHIPMENT, Due::All, |rows| new(&shipments).for_each(|s| money::put_shipment(rows, s)));
    plan.add(&money::MOVE_SHIPMENT, Due::All, |rows| old(&shipments).for_each(|s| money::move_shipment(rows, s)));
    let asked = fold(changes.iter().flat_map(|c| &c.aftersales), |a| a.no.0);
    plan.add(&aftersales::INSERT_AFTERSALE, Due::All, |rows| {
        new(&asked).for_each(|a| aftersales::put_aftersale(rows, a));
    });
    plan.add(&aftersales::MOVE_AFTERSALE, Due::All, |rows| {
        old(&asked).for_each(|a| aftersales::move_aftersale(rows, a));
    });
    plan.add(&aftersales::INSERT_TRACK, Due::Any, |rows| {
        let mut all: Vec<_> = changes.iter().flat_map(|c| &c.tracks).collect();
        all.sort_by(|a, b| (&a.waybill, a.node_time, &a.node_code).cmp(&(&b.waybill, b.node_time, &b.node_code)));
        for track in all {
            aftersales::put_track(rows, track);
        }
    });
}

/// History, timers, events.
fn records(plan: &mut Plan, changes: &[&Change], unique: &mut i64) {
    plan.add(&orders::INSERT_FLOW, Due::All, |rows| {
        for flow in changes.iter().flat_map(|c| &c.flows) {
            let n = if flow.ignored { next(unique) } else { 0 };
            orders::put_flow(rows, flow, n);
        }
    });
    plan.add(&money::INSERT_PAYMENT_LOG, Due::All, |rows| {
        for log in changes.iter().flat_map(|c| &c.payment_logs) {
            money::put_payment_log(rows, log, next(unique));
        }
    });
    plan.add(&aftersales::INSERT_OPERATION, Due::All, |rows| {
        for operation in changes.iter().flat_map(|c| &c.operations) {
            aftersales::put_operation(rows, operation, next(unique));
        }
    });
    plan.add(&aftersales::INSERT_SNAPSHOT, Due::All, |rows| {
        for snapshot in changes.iter().flat_map(|c| &c.snapshots) {
            aftersales::put_snapshot(rows, snapshot);
        }
    });
    let fired = |again: bool| changes.iter().flat_map(|c| &c.fired).filter(move |f| f.again.is_some() == again);
    plan.add(&work::DISARM_FIRED, Due::Any, |rows| fired(false).for_each(|f| work::put_fired(rows, f)));
    plan.add(&work::PUT_OFF, Due::Any, |rows| fired(true).for_each(|f| work::put_fired(rows, f)));
    let timers = last_by_key(changes.iter().flat_map(|c| {
        let off = c.disarm.iter().map(|key| (*key, None));
        off.chain(c.arm.iter().map(|timer| (timer.key, Some(timer))))
    }));
    let armed: HashSet<TimerKey> = timers.iter().filter(|(_, timer)| timer.is_some()).map(|(key, _)| *key).collect();
    plan.add(&work::DISARM, Due::Any, |rows| {
        for (key, _) in timers.iter().filter(|(key, _)| !armed.contains(key)) {
            work::put_timer_key(rows, *key);
        }
    });
    plan.add(&work::ARM, Due::All, |rows| {
        for timer in timers.iter().filter_map(|(_, timer)| *timer) {
            work::put_timer(rows, timer);
        }
    });
    plan.add(&work::INSERT_EVENT, Due::All, |rows| {
        for event in changes.iter().flat_map(|c| &c.events) {
            work::put_event(rows, event);
        }
    });
    plan.add(&work::INSERT_DECISION, Due::All, |rows| {
        for decision in changes.iter().flat_map(|c| &c.decisions) {
            work::put_decision(rows, decision);
        }
    });
    plan.add(&work::BURY, Due::Any, |rows| {
        for change in changes {
            for unpark in &change.unpark {
                if let Some(reason) = &unpark.dead {
                    work::put_dead(rows, unpark, reason, change.at);
                }
            }
        }
    });
    plan.add(&work::UNPARK, Due::Any, |rows| {
        for unpark in changes.iter().flat_map(|c| &c.unpark) {
            work::put_unpark(rows, unpark);
        }
    });
}

/// The next number that no row has.
pub(super) fn next(unique: &mut i64) -> i64 {
    *unique += 1;
    *unique
}

/// For every key what was said last, sorted by key.
fn last_by_key<K: Ord, V>(said: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut all: Vec<(K, V)> = said.collect();
    all.reverse();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|later, first| later.0 == first.0);
    all
}

/// For every number its last row and whether it is new in this batch.
fn fold<'c, T>(writes: impl Iterator<Item = &'c Write<T>>, no: impl Fn(&T) -> i64) -> Vec<(bool, &'c T)> {
    let mut all: Vec<&Write<T>> = writes.collect();
    all.sort_by_key(|write| no(write.row()));
    let mut out: Vec<(bool, &T)> = Vec::with_capacity(all.len());
    for write in all {
        let fresh = matches!(write, Write::Insert(_));
        match out.last_mut() {
            Some((new, row)) if no(row) == no(write.row()) => (*new, *row) = (*new || fresh, write.row()),
            _ => out.push((fresh, write.row())),
        }
    }
    out
}

fn new<'a, 'c, T>(folded: &'a [(bool, &'c T)]) -> impl Iterator<Item = &'c T> + use<'a, 'c, T> {
    folded.iter().filter(|(fresh, _)| *fresh).map(|(_, row)| *row)
}

fn old<'a, 'c, T>(folded: &'a [(bool, &'c T)]) -> impl Iterator<Item = &'c T> + use<'a, 'c, T> {
    folded.iter().filter(|(fresh, _)| !*fresh).map(|(_, row)| *row)
}
