//! One change after another is decided in memory, on the locked rows and on what the changes before it left of them.

use std::collections::HashSet;

use super::lock::{
    Coupon, Journal, Keyed, ShopStage, Stage, State, Stock, Taken, Used, Wallet, coupon_code, journal_key, wallet_key,
};
use super::write::waybills;
use crate::domain::change::{Change, Claim, JournalWrite, Refusal, StoredClaim, Write};
use crate::domain::ids::OrderNo;
use crate::domain::operation::ExternalNumber;
use crate::domain::order::Status;
use crate::domain::resource::{Account, CouponMove, CouponState, StockMove, StockMoveKind, Transfer};
use crate::store::rows::money::Entry;

/// Rows as this change would leave them; forgotten when it is refused.
struct Staged<R>(Vec<(usize, R)>);

impl<R: Clone> Staged<R> {
    fn get<K>(&self, rows: &Keyed<K, R>, at: usize) -> Option<R> {
        let mine = self.0.iter().rev().find(|(index, _)| *index == at);
        mine.map(|(_, row)| row.clone()).or_else(|| rows.rows[at].clone())
    }

    fn keep<K>(self, rows: &mut Keyed<K, R>) {
        for (at, row) in self.0 {
            rows.rows[at] = Some(row);
            rows.dirty[at] = true;
        }
    }
}

/// Decides every change; none means accepted. Accepted changes see each other, refused ones leave nothing behind.
pub(super) fn decide<'c>(state: &mut State<'c>, changes: &[&'c Change]) -> Vec<Option<Refusal>> {
    changes.iter().enumerate().map(|(index, change)| one(state, changes, index, change).err()).collect()
}

fn one<'c>(state: &mut State<'c>, changes: &[&'c Change], index: usize, change: &'c Change) -> Result<(), Refusal> {
    unclaimed(&state.taken, changes, change.claim.as_ref())?;
    new_numbers(&state.taken, change)?;
    let pays = pay_orders(state, change)?;
    let shops = shop_orders(state, change)?;
    let stock = stock(state, &change.stock)?;
    let (wallets, booked) = wallets(state, &change.transfers)?;
    let coupons = coupons(state, &change.coupons)?;
    once(&state.taken, change)?;
    let journals = journals(state, &change.journal)?;
    pays.keep(&mut state.pays);
    shops.keep(&mut state.shops);
    stock.keep(&mut state.stock);
    wallets.keep(&mut state.wallets);
    state.booked.extend(booked);
    coupons.keep(&mut state.coupons);
    journals.keep(&mut state.journals);
    take(&mut state.taken, index, change);
    Ok(())
}

/// What says that a change, or a twin of it, was done before.
pub(super) fn done_before(taken: &Taken<'_>, changes: &[&Change], change: &Change) -> Option<Refusal> {
    let done = || {
        unclaimed(taken, changes, change.claim.as_ref())?;
        new_numbers(taken, change)?;
        change.stock.iter().try_for_each(|step| new_move(taken, step))?;
        change.transfers.iter().try_for_each(|transfer| new_posting(taken, transfer))?;
        once(taken, change)
    };
    done().err()
}

/// What an idempotency key answers, if it is used.
fn used(taken: &Taken<'_>, changes: &[&Change], claim: &Claim) -> Option<StoredClaim> {
    match taken.claims.get(&(claim.principal.as_str(), claim.key.as_str()))? {
        Used::Stored(stored) => Some(stored.clone()),
        Used::Here(index) => changes[*index].claim.as_ref().map(|winner| StoredClaim {
            digest: winner.digest,
            operation: winner.operation.clone(),
            outcome: winner.outcome.clone(),
        }),
    }
}

fn unclaimed(taken: &Taken<'_>, changes: &[&Change], claim: Option<&Claim>) -> Result<(), Refusal> {
    claim.and_then(|claim| used(taken, changes, claim)).map_or(Ok(()), |stored| Err(Refusal::KeyUsed(stored)))
}

fn new_numbers(taken: &Taken<'_>, change: &Change) -> Result<(), Refusal> {
    let pays = change.new_pay_orders.iter().map(|o| o.no);
    let shops = change.new_shop_orders.iter().map(|o| o.no);
    let mut mine = HashSet::new();
    match pays.chain(shops).find(|no| taken.numbers.contains(&no.0) || !mine.insert(*no)) {
        Some(no) => Err(Refusal::NumberTaken { no }),
        None => Ok(()),
    }
}

/// A row moves only from the version and status that the decision saw.
fn expect(stored: Option<Stage>, no: OrderNo, version: i64, status: Status) -> Result<(), Refusal> {
    match stored {
        Some(stage) if stage.version == version && stage.status == i64::from(status.code()) => Ok(()),
        _ => Err(Refusal::VersionMoved { no }),
    }
}

fn pay_orders(state: &State<'_>, change: &Change) -> Result<Staged<Stage>, Refusal> {
    let mut staged = Staged(vec![]);
    for guarded in &change.pay_orders {
        let no = guarded.row.no;
        let at = state.pays.find(&no.0).ok_or(Refusal::VersionMoved { no })?;
        expect(staged.get(&state.pays, at), no, guarded.version, guarded.status)?;
        staged.0.push((at, Stage { version: guarded.row.version, status: guarded.row.status.code().into() }));
    }
    Ok(staged)
}

fn shop_orders(state: &State<'_>, change: &Change) -> Result<Staged<ShopStage>, Refusal> {
    let mut staged = Staged(vec![]);
    for guarded in &change.shop_orders {
        let no = guarded.row.no;
        let at = state.shops.find(&no.0).ok_or(Refusal::VersionMoved { no })?;
        let before: Option<ShopStage> = staged.get(&state.shops, at);
        expect(before.map(|s| s.stage), no, guarded.version, guarded.status)?;
        let reached = Stage { version: guarded.row.version, status: guarded.row.status.code().into() };
        let mark = before.map_or(0, |s| s.mark);
        staged.0.push((at, ShopStage { stage: reached, mark }));
    }
    Ok(staged)
}

fn new_move(taken: &Taken<'_>, step: &StockMove) -> Result<(), Refusal> {
    if taken.moves.contains(&(step.shop_no.0, step.key.as_str(), step.reason.as_str())) {
        return Err(Refusal::OperationDone { no: step.shop_no, operation: step.reason.clone() });
    }
    Ok(())
}

fn new_posting(taken: &Taken<'_>, transfer: &Transfer) -> Result<(), Refusal> {
    if taken.postings.contains(&(transfer.order_no.0, transfer.operation.as_str())) {
        return Err(Refusal::OperationDone { no: transfer.order_no, operation: transfer.operation.clone() });
    }
    Ok(())
}

fn stock<'c>(state: &State<'c>, moves: &'c [StockMove]) -> Result<Staged<Stock>, Refusal> {
    let mut staged = Staged(vec![]);
    let mut mine = HashSet::new();
    for step in moves {
        new_move(&state.taken, step)?;
        if !mine.insert((step.shop_no, &step.key, &step.reason)) {
            return Err(Refusal::OperationDone { no: step.shop_no, operation: step.reason.clone() });
        }
        let unknown = || Refusal::UnknownStock { business: step.business.clone(), key: step.key.clone() };
        let at = state.stock.find(&(step.business.as_str(), step.key.as_str())).ok_or_else(unknown)?;
        let mut stock: Stock = staged.get(&state.stock, at).ok_or_else(unknown)?;
        let (from, to) = match step.kind {
            StockMoveKind::Reserve => (&mut stock.available, &mut stock.reserved),
            StockMoveKind::Confirm => (&mut stock.reserved, &mut stock.sold),
            StockMoveKind::Release => (&mut stock.reserved, &mut stock.available),
            StockMoveKind::Sell => (&mut stock.available, &mut stock.sold),
            StockMoveKind::Restock => (&mut stock.sold, &mut stock.available),
        };
        if *from < step.quantity {
            return Err(Refusal::StockShort {
                business: step.business.clone(),
                key: step.key.clone(),
                wanted: step.quantity,
                available: *from,
            });
        }
        *from -= step.quantity;
        *to = to.saturating_add(step.quantity);
        staged.0.push((at, stock));
    }
    Ok(staged)
}

/// What postings are to the buyers they touch, by order and operation.
type Booked<'c> = Vec<((i64, &'c str), Entry)>;

fn wallets<'c>(state: &State<'c>, transfers: &'c [Transfer]) -> Result<(Staged<Wallet>, Booked<'c>), Refusal> {
    let (mut staged, mut booked) = (Staged(vec![]), vec![]);
    let mut mine = HashSet::new();
    for transfer in transfers {
        new_posting(&state.taken, transfer)?;
        if !mine.insert((transfer.order_no, &transfer.operation)) {
            return Err(Refusal::OperationDone { no: transfer.order_no, operation: transfer.operation.clone() });
        }
        let keys = [wallet_key(&transfer.from, transfer.unit), wallet_key(&transfer.to, transfer.unit)];
        let key = match keys {
            [Some(from), Some(to)] if from != to => {
                return Err(Refusal::Admin("a posting is never between two buyers".to_owned()));
            }
            [from, to] => from.or(to),
        };
        let Some(at) = key.and_then(|key| state.wallets.find(&key)) else { continue };
        let mut wallet: Wallet = staged.get(&state.wallets, at).unwrap_or_default();
        if let Some(side) = side(&mut wallet, &transfer.from) {
            if *side < transfer.amount {
                return Err(Refusal::BalanceShort {
                    unit: transfer.unit.into(),
                    needed: transfer.amount,
                    available: *side,
                });
            }
            *side -= transfer.amount;
        }
        if let Some(side) = side(&mut wallet, &transfer.to) {
            *side = side.saturating_add(transfer.amount);
        }
        wallet.entries = wallet.entries.saturating_add(1);
        let entry = Entry { number: wallet.entries, available: wallet.available, held: wallet.held };
        booked.push(((transfer.order_no.0, transfer.operation.as_str()), entry));
        staged.0.push((at, wallet));
    }
    Ok((staged, booked))
}

/// The side of a buyer's row that an account is; none for the house.
fn side<'w>(wallet: &'w mut Wallet, account: &Account) -> Option<&'w mut i64> {
    match account {
        Account::Held(_) => Some(&mut wallet.held),
        Account::Available(_) => Some(&mut wallet.available),
        Account::House(_) => None,
    }
}

fn coupons(state: &State<'_>, moves: &[CouponMove]) -> Result<Staged<Coupon>, Refusal> {
    let mut staged = Staged(vec![]);
    for step in moves {
        let unusable = || Refusal::CouponUnusable { code: step.code.clone() };
        let at = state.coupons.find(&step.code.as_str()).ok_or_else(unusable)?;
        let mut coupon: Coupon = staged.get(&state.coupons, at).ok_or_else(unusable)?;
        let of_order = step.from == CouponState::Free || coupon.order_no == Some(step.order_no.0);
        if coupon.buyer != step.buyer.as_str() || coupon.state != coupon_code(step.from) || !of_order {
            return Err(unusable());
        }
        coupon.state = coupon_code(step.to);
        coupon.order_no = (step.to != CouponState::Free).then_some(step.order_no.0);
        staged.0.push((at, coupon));
    }
    Ok(staged)
}

fn journals(state: &State<'_>, writes: &[JournalWrite]) -> Result<Staged<Journal>, Refusal> {
    let mut staged = Staged(vec![]);
    for write in writes {
        let (no, hook, index) = journal_key(write);
        let moved = || Refusal::JournalMoved { no: OrderNo(no) };
        let at = state.journals.find(&(no, hook)).ok_or_else(moved)?;
        let mut journal: Journal = staged.get(&state.journals, at).unwrap_or_default();
        let fits = match write {
            JournalWrite::Append(_) => journal.insert(index, true).is_none(),
            JournalWrite::Intent(_) => journal.insert(index, false).is_none(),
            JournalWrite::Answer(_) => journal.insert(index, true) == Some(false),
            JournalWrite::DropLast { .. } => journal.pop_last().is_some_and(|(last, _)| last == index),
        };
        if !fits {
            return Err(moved());
        }
        staged.0.push((at, journal));
    }
    Ok(staged)
}

/// What may exist once only.
fn once(taken: &Taken<'_>, change: &Change) -> Result<(), Refusal> {
    for (waybill, no, _) in waybills(change) {
        if taken.waybills.get(waybill).is_some_and(|owner| *owner != no) {
            return Err(Refusal::WaybillTaken { waybill: waybill.to_owned() });
        }
    }
    let known = |n: &ExternalNumber| taken.external.get(&(n.kind, n.buyer.as_str(), n.id.as_str())).copied();
    if let Some(no) = change.external_numbers.iter().find_map(known) {
        return Err(Refusal::ExternalKnown { no: OrderNo(no) });
    }
    for payment in change.payments.iter().map(Write::row) {
        if let Some(trade_no) = &payment.trade_no {
            let owner = taken.trades.get(&(payment.method.as_str(), trade_no.as_str()));
            if owner.is_some_and(|owner| *owner != payment.no.0) {
                return Err(Refusal::TradeTaken { trade_no: trade_no.clone() });
            }
        }
    }
    let seen = |k: &(i64, &str, &str)| taken.signals.contains(k);
    if let Some(signal) = change.signals.iter().find(|s| seen(&(s.key.shop_no.0, s.key.name.as_str(), &s.key.id))) {
        return Err(Refusal::SignalSeen { id: signal.key.id.clone() });
    }
    let parked = |k: &(i64, &str, &str)| taken.parked.contains(k);
    if let Some(early) = change.park.iter().find(|p| parked(&(p.shop_no.0, &p.event, &p.id))) {
        return Err(Refusal::ParkedBefore { id: early.id.clone() });
    }
    if let Some(settled) = change.settlements.iter().find(|s| taken.settlements.contains(&s.shop_no.0)) {
        return Err(Refusal::OperationDone { no: settled.shop_no, operation: "settle".to_owned() });
    }
    Ok(())
}

/// The accepted change's keys are taken for those after it.
fn take<'c>(taken: &mut Taken<'c>, index: usize, change: &'c Change) {
    if let Some(claim) = &change.claim {
        taken.claims.insert((&claim.principal, &claim.key), Used::Here(index));
    }
    taken.numbers.extend(change.new_pay_orders.iter().map(|o| o.no.0));
    taken.numbers.extend(change.new_shop_orders.iter().map(|o| o.no.0));
    taken.moves.extend(change.stock.iter().map(|m| (m.shop_no.0, m.key.as_str(), m.reason.as_str())));
    taken.postings.extend(change.transfers.iter().map(|t| (t.order_no.0, t.operation.as_str())));
    taken.waybills.extend(waybills(change).map(|(waybill, no, _)| (waybill, no)));
    let external = change.external_numbers.iter();
    taken.external.extend(external.map(|n| ((n.kind, n.buyer.as_str(), n.id.as_str()), n.no.0)));
    for payment in change.payments.iter().map(Write::row) {
        if let Some(trade_no) = &payment.trade_no {
            taken.trades.insert((payment.method.as_str(), trade_no), payment.no.0);
        }
    }
    taken.signals.extend(change.signals.iter().map(|s| (s.key.shop_no.0, s.key.name.as_str(), s.key.id.as_str())));
    taken.parked.extend(change.park.iter().map(|p| (p.shop_no.0, p.event.as_str(), p.id.as_str())));
    taken.settlements.extend(change.settlements.iter().map(|s| s.shop_no.0));
}
