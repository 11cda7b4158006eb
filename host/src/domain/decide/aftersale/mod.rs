//! After-sales: applied for, decided, and what follows.
//!
//! refund: applied → approved → refunding → refunded. return: … approved → returning → returned → refunding → refunded.
//! exchange: … returned → reshipping → exchanged. applied | returned → rejected → applied (at most twice) | arbitrating →
//! approved | rejected for good. The buyer withdraws from applied, approved, returning or rejected.
//!
//! Each step is one of the shop order, under its version, with one event on `AFTERSALE_TOPIC`. What a deadline does is
//! what the side it was set for could have done.

mod apply;
mod goods;
mod money;
mod reverse;

pub use apply::{Application, Priced, apply, resubmit};
pub use goods::{Moved, confirm, delivered, parcel_arrived, sent_back, shipped, went_wrong};
pub use money::{Proceeds, proceed, ready, refund_failed, refund_retried, settle_refunds};
pub use reverse::{aftersales_word, item_status, of_shop, of_shops};

use serde_json::json;

use super::refund::CannotRefund;
use super::{stock, undo};
use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus, Evidence};
use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::{AftersaleNo, Millis, OrderNo, ShipmentNo};
use crate::domain::order::Status;
use crate::domain::resource::StockMoveKind;

/// After-sales of a shop order that may be open at a time.
pub const OPEN_MAX: usize = 20;
/// How often a rejected after-sale can be changed and handed in again.
pub const RESUBMITS_MAX: u8 = 2;
/// How many after-sales of a shop order its buyer can withdraw.
pub const WITHDRAWALS_MAX: usize = 2;
/// Words of both sides that an after-sale keeps.
pub const EVIDENCE_MAX: usize = 20;

const SILENT_MERCHANT: &str = "the merchant did not answer in time";

/// Why an after-sale cannot go on like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cannot {
    /// The order is in no state for it.
    #[error("the order is {status}: {what}")]
    Order {
        /// Its state.
        status: Status,
        /// What would have been possible.
        what: &'static str,
    },
    /// The time for it is over.
    #[error("the after-sale window is over")]
    TooLate,
    /// The after-sale is in no state for it.
    #[error("after-sale {no} is {status}: it cannot be {what}")]
    State {
        /// Which.
        no: AftersaleNo,
        /// Its state.
        status: AftersaleStatus,
        /// What was wanted.
        what: &'static str,
    },
    /// There is no such after-sale in the order.
    #[error("there is no after-sale {0}")]
    Unknown(AftersaleNo),
    /// Goods that come back are counted in units, and paid for in full.
    #[error("a return or an exchange is of whole units: give their quantity and no amount")]
    Units,
    /// Some of the units have left and some have not.
    #[error("some of these units were shipped and some were not: apply for them one after the other")]
    Mixed,
    /// More than can go back.
    #[error(transparent)]
    Refund(#[from] CannotRefund),
    /// A limit of this file.
    #[error("{what}: at most {limit}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// A hook is being asked about the order.
    #[error("its supplier is being asked right now; try again when that is known")]
    HookInFlight,
}

/// The after-sale of a number, to be changed.
fn find(draft: &Draft, no: AftersaleNo) -> Result<Aftersale, Cannot> {
    draft.tree().aftersales.iter().find(|a| a.no == no).cloned().ok_or(Cannot::Unknown(no))
}

fn must(aftersale: &Aftersale, states: &[AftersaleStatus], what: &'static str) -> Result<(), Cannot> {
    if aftersale.is_open() && states.contains(&aftersale.status) {
        return Ok(());
    }
    Err(Cannot::State { no: aftersale.no, status: aftersale.status, what })
}

/// Moves an after-sale on: its row, its event, its deadline. The shop order must have been stepped.
fn turn(draft: &mut Draft, mut row: Aftersale, status: AftersaleStatus, deadline: Option<Millis>) {
    let at = draft.at();
    row.status = status;
    row.deadline = deadline;
    row.updated_at = at;
    if row.succeeded() || status == AftersaleStatus::Cancelled {
        row.ended_at = Some(at);
    }
    tell(draft, &row);
    let shop_no = row.shop_no;
    draft.aftersale(Write::Update(row));
    arm(draft, shop_no);
}

/// The event of a state that was reached.
fn tell(draft: &mut Draft, row: &Aftersale) {
    let data = json!({
        "aftersale_no": row.no, "kind": row.kind, "aftersale_status": row.status, "reason": row.reason,
        "items": row.items, "note": row.detail.note,
    });
    let tag = format!("AFTERSALE_{}", row.status.word().to_uppercase());
    draft.emit(row.shop_no, Topic::Aftersale, &tag, data);
}

/// One timer a shop order: the earliest deadline of its open after-sales.
fn arm(draft: &mut Draft, shop_no: OrderNo) {
    let open = draft.tree().aftersales_of(shop_no).filter(|a| a.is_open());
    match open.filter_map(|a| a.deadline).min() {
        Some(due) => draft.arm(shop_no, TimerKind::Aftersale, due, 0),
        None => draft.disarm(shop_no, TimerKind::Aftersale),
    }
}

/// Forward goes on where an after-sale held it, and so does settlement.
fn resume(draft: &mut Draft, shop_no: OrderNo) {
    let at = draft.at();
    if draft.tree().shop(shop_no).is_some_and(|shop| shop.status == Status::Paid) {
        draft.arm(shop_no, TimerKind::Compensate, at, 0);
    }
    undo::settle_if_due(draft, shop_no);
}

/// Agrees. A refund begins with [`proceed`], as soon as no hook is being asked; goods may come back. An exchange holds
/// the new goods: short of them the store refuses it. `number` is for the package of an exchange whose goods are back.
pub fn approve(
    draft: &mut Draft,
    no: AftersaleNo,
    rules: &LineRules,
    number: ShipmentNo,
    note: &str,
) -> Result<(), Cannot> {
    use AftersaleStatus as S;
    let row = find(draft, no)?;
    must(&row, &[S::Applied, S::Arbitrating], "approved")?;
    if row.detail.goods_back {
        return goods::take_back(draft, row, number, note);
    }
    agree(draft, row, rules, note);
    Ok(())
}

fn agree(draft: &mut Draft, row: Aftersale, rules: &LineRules, note: &str) {
    let at = draft.at();
    draft.stay(row.shop_no, "aftersale_approve", note);
    if row.kind == AftersaleKind::Exchange
        && let Some(shop) = draft.tree().shop(row.shop_no)
    {
        let moves = stock::replacement(shop, &row.items, StockMoveKind::Reserve, &row.no.to_string());
        draft.change.stock.extend(moves);
    }
    // A refund waits for nothing but forward; should this host die now, the timer goes on.
    let deadline = row.takes_goods_back().then_some(at + rules.aftersale_buyer_ms);
    if deadline.is_none() {
        draft.arm(row.shop_no, TimerKind::Compensate, at, 0);
    }
    turn(draft, row, AftersaleStatus::Approved, deadline);
}

/// The new goods of an exchange are short: its money goes back instead, once the goods are there.
pub fn into_return(draft: &mut Draft, no: AftersaleNo) -> Result<(), Cannot> {
    let mut row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Applied, AftersaleStatus::Arbitrating], "approved")?;
    row.kind = AftersaleKind::Return;
    draft.stay(row.shop_no, "aftersale_exchange_short", "the new goods are out of stock: the money goes back");
    row.detail.note = Some("the new goods are out of stock".to_owned());
    draft.aftersale(Write::Update(row));
    Ok(())
}

/// Says no. The buyer may change it or ask an operator; an operator's no is the last.
pub fn reject(draft: &mut Draft, no: AftersaleNo, rules: &LineRules, why: &str) -> Result<(), Cannot> {
    use AftersaleStatus as S;
    let mut row = find(draft, no)?;
    must(&row, &[S::Applied, S::Returned, S::Arbitrating], "rejected")?;
    if row.status == S::Returned && row.detail.goods_back {
        return Err(Cannot::State { no, status: row.status, what: "rejected: the goods were taken back" });
    }
    let for_good = row.status == S::Arbitrating;
    row.detail.goods_back |= row.status == S::Returned;
    row.detail.rejection = Some(why.to_owned());
    draft.stay(row.shop_no, "aftersale_reject", why);
    let deadline = draft.at() + rules.aftersale_buyer_ms;
    if for_good {
        end(draft, row, S::Rejected, why);
    } else {
        let shop_no = row.shop_no;
        turn(draft, row, S::Rejected, Some(deadline));
        resume(draft, shop_no);
    }
    Ok(())
}

/// The supplier will not take back what it delivered: nothing goes back.
pub fn not_revoked(draft: &mut Draft, no: AftersaleNo, rules: &LineRules, why: &str) -> Result<(), Cannot> {
    let mut row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Approved], "rejected")?;
    row.detail.rejection = Some(why.to_owned());
    let deadline = draft.at() + rules.aftersale_buyer_ms;
    turn(draft, row, AftersaleStatus::Rejected, Some(deadline));
    Ok(())
}

/// The buyer asks an operator.
pub fn arbitrate(draft: &mut Draft, no: AftersaleNo) -> Result<(), Cannot> {
    let row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Rejected], "arbitrated")?;
    draft.stay(row.shop_no, "aftersale_arbitrate", "");
    turn(draft, row, AftersaleStatus::Arbitrating, None);
    Ok(())
}

/// The buyer withdraws it.
pub fn withdraw(draft: &mut Draft, no: AftersaleNo) -> Result<(), Cannot> {
    use AftersaleStatus as S;
    let mut row = find(draft, no)?;
    must(&row, &[S::Applied, S::Approved, S::Returning, S::Rejected], "withdrawn")?;
    if row.detail.refund_begun {
        return Err(Cannot::State { no, status: row.status, what: "withdrawn: its refund has begun" });
    }
    let shop = draft.tree().shop(row.shop_no);
    if row.status == S::Approved && !row.takes_goods_back() && shop.is_some_and(|s| s.suspended.is_some()) {
        return Err(Cannot::HookInFlight);
    }
    if draft.tree().aftersales_of(row.shop_no).filter(|a| a.detail.withdrawn).count() >= WITHDRAWALS_MAX {
        return Err(Cannot::Limit { what: "after-sales of an order that its buyer withdraws", limit: WITHDRAWALS_MAX });
    }
    row.detail.withdrawn = true;
    draft.stay(row.shop_no, "aftersale_withdraw", "");
    end(draft, row, S::Cancelled, "withdrawn");
    Ok(())
}

/// Ends an after-sale without what it wanted. The shop order must have been stepped.
fn end(draft: &mut Draft, mut row: Aftersale, status: AftersaleStatus, note: &str) {
    release_replacement(draft, &row);
    row.detail.note = Some(note.to_owned());
    row.ended_at = Some(draft.at());
    let shop_no = row.shop_no;
    turn(draft, row, status, None);
    resume(draft, shop_no);
}

/// The whole order goes back, and every open after-sale with it: what they hold is free for that, and they are refunded
/// when it is closed. The shop order must have been stepped.
pub fn join(draft: &mut Draft, shop_no: OrderNo, note: &str) {
    let open: Vec<_> = draft.tree().aftersales_of(shop_no).filter(|a| a.holds()).cloned().collect();
    for mut row in open {
        release_replacement(draft, &row);
        row.detail.refund_begun = true;
        row.detail.note = Some(note.to_owned());
        turn(draft, row, AftersaleStatus::Refunding, None);
    }
}

/// Items are refunded for another cause, a lost package: what was asked for about them is over. The shop order must have
/// been stepped.
pub fn supersede(draft: &mut Draft, shop_no: OrderNo, items: &[OrderNo], note: &str) {
    let about = |a: &&Aftersale| a.holds() && a.items.iter().any(|claim| items.contains(&claim.item_no));
    let open: Vec<_> = draft.tree().aftersales_of(shop_no).filter(about).cloned().collect();
    for row in open {
        end(draft, row, AftersaleStatus::Cancelled, note);
    }
}

/// An exchange that will not be: the new goods are free again.
fn release_replacement(draft: &mut Draft, row: &Aftersale) {
    use AftersaleStatus as S;
    let holds = match row.status {
        S::Approved | S::Returning | S::Returned => true,
        S::Rejected | S::Arbitrating => row.detail.goods_back,
        S::Applied | S::Refunding | S::Refunded | S::Reshipping | S::Exchanged | S::Cancelled => false,
    };
    if holds
        && row.kind == AftersaleKind::Exchange
        && let Some(shop) = draft.tree().shop(row.shop_no)
    {
        let moves = stock::replacement(shop, &row.items, StockMoveKind::Release, &row.no.to_string());
        draft.change.stock.extend(moves);
    }
}

/// Adds a word of one side.
pub fn add_evidence(draft: &mut Draft, no: AftersaleNo, evidence: Evidence) -> Result<(), Cannot> {
    let mut row = find(draft, no)?;
    if !row.is_open() {
        return Err(Cannot::State { no, status: row.status, what: "argued about" });
    }
    if row.detail.evidence.len() >= EVIDENCE_MAX {
        return Err(Cannot::Limit { what: "words of an after-sale", limit: EVIDENCE_MAX });
    }
    draft.stay(row.shop_no, "aftersale_evidence", "");
    row.updated_at = draft.at();
    row.detail.evidence.push(evidence);
    draft.aftersale(Write::Update(row));
    Ok(())
}

/// Does what the passed deadlines of a shop order's after-sales say. A silent merchant has agreed, and taken the goods
/// back; a silent buyer has dropped it, or has the new goods. `numbers` holds [`OPEN_MAX`] fresh numbers.
pub fn deadlines(draft: &mut Draft, shop_no: OrderNo, rules: &LineRules, numbers: &[ShipmentNo]) -> Result<(), Cannot> {
    use AftersaleStatus as S;
    let now = draft.at();
    let is_due = |a: &&Aftersale| a.is_open() && a.deadline.is_some_and(|due| due <= now);
    let due: Vec<Aftersale> = draft.tree().aftersales_of(shop_no).filter(is_due).cloned().collect();
    for (row, number) in due.into_iter().zip(numbers) {
        match row.status {
            S::Applied => approve(draft, row.no, rules, *number, SILENT_MERCHANT)?,
            S::Returning | S::Returned => confirm(draft, row.no, *number, SILENT_MERCHANT)?,
            S::Approved | S::Rejected => {
                let note = "the buyer did not go on in time";
                draft.stay(shop_no, "aftersale_drop", note);
                end(draft, row, S::Cancelled, note);
            }
            S::Reshipping => goods::exchanged(draft, row, "timer"),
            S::Refunding | S::Refunded | S::Exchanged | S::Arbitrating | S::Cancelled => {
                draft.stay(shop_no, "aftersale_drop", "");
                let status = row.status;
                turn(draft, row, status, None);
            }
        }
    }
    arm(draft, shop_no);
    Ok(())
}
