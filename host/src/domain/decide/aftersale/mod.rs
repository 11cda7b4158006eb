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
pub use money::{Proceeds, is_due, must_come_back, proceed, ready, refund_failed, refund_retried, settle_refunds};
pub use reverse::{aftersales_word, item_status, of_shop, of_shops};

use serde_json::json;

use super::refund::{self, CannotRefund};
use super::{stock, undo};
use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus, Evidence};
use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::{AftersaleNo, Millis, OrderNo, ShipmentNo};
use crate::domain::order::{ShopOrder, Status, SubStatus};
use crate::domain::resource::StockMoveKind;
use crate::domain::tree::OrderTree;

/// After-sales of a shop order that may be open at a time.
pub const OPEN_MAX: usize = 20;
/// How often a rejected after-sale can be changed and handed in again.
pub const RESUBMITS_MAX: u8 = 2;
/// How many after-sales of a shop order its buyer can withdraw.
pub const WITHDRAWALS_MAX: usize = 2;
/// Words of each side that an after-sale keeps.
pub const EVIDENCE_MAX: usize = 10;

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
    /// A shipment delivers its order, and no exchange.
    #[error("shipment {0} holds the goods of no exchange")]
    NoExchange(ShipmentNo),
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
    draft.emit(row.shop_no, Topic::Aftersale, &row.status.tag(), data);
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
    let goes_on = |shop: &ShopOrder| {
        shop.status == Status::Paid && shop.sub_status != SubStatus::Closing || ready(draft.tree(), shop).is_some()
    };
    if draft.tree().shop(shop_no).is_some_and(goes_on) {
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

/// The supplier will not take back what it delivered: nothing goes back. The order must have been stepped.
pub fn not_revoked(draft: &mut Draft, no: AftersaleNo, rules: &LineRules, why: &str) -> Result<(), Cannot> {
    let mut row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Approved], "rejected")?;
    row.detail.rejection = Some(why.to_owned());
    let (deadline, shop_no) = (draft.at() + rules.aftersale_buyer_ms, row.shop_no);
    turn(draft, row, AftersaleStatus::Rejected, Some(deadline));
    resume(draft, shop_no);
    Ok(())
}

/// An operator's word where the supplier gives none: the order stands still, and its hook is not asked any more.
pub fn without_supplier(draft: &mut Draft, no: AftersaleNo, note: &str) -> Result<(), Cannot> {
    let row = find(draft, no)?;
    let stands = draft.tree().shop(row.shop_no).is_some_and(|shop| shop.attention.is_some());
    if !is_due(&row) || !stands {
        return Err(Cannot::State { no, status: row.status, what: "decided by hand" });
    }
    let shop = draft.stay(row.shop_no, "aftersale_by_hand", note);
    (shop.suspended, shop.attention) = (None, None);
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
    let asked = |s: &ShopOrder| s.suspended.is_some() && s.attention.is_none();
    if row.status == S::Approved && !row.takes_goods_back() && shop.is_some_and(asked) {
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
    goods::never_sent(draft, &row);
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
        goods::never_sent(draft, &row);
        row.detail.refund_begun = true;
        row.detail.note = Some(note.to_owned());
        turn(draft, row, AftersaleStatus::Refunding, None);
    }
}

/// Units are refunded for another cause, a lost package: an open after-sale that is about those units is over. One whose
/// goods are coming back, or were exchanged, is about others. The shop order must have been stepped.
pub fn supersede(draft: &mut Draft, shop_no: OrderNo, lost: &[(OrderNo, u32)], note: &str) {
    let Some(shop) = draft.tree().shop(shop_no).cloned() else { return };
    for (item_no, units) in lost {
        let left = refund::unrefunded(draft.tree(), &shop);
        let left = left.iter().find(|line| line.item_no == Some(*item_no)).map_or(0, |line| line.quantity);
        let mut elsewhere = left.saturating_sub(*units);
        let rows: Vec<_> = draft.tree().aftersales_of(shop_no).filter(|a| a.holds()).cloned().collect();
        for row in rows {
            let mine: Vec<u32> = row.items.iter().filter(|c| c.item_no == *item_no).map(|c| c.quantity).collect();
            let claimed: u32 = mine.iter().sum();
            // A claim of money alone is about units that stay with the buyer: about none, once none stays.
            let fits = claimed <= elsewhere && (elsewhere > 0 || mine.is_empty());
            if fits || row.takes_goods_back() && row.status != AftersaleStatus::Applied {
                elsewhere = elsewhere.saturating_sub(claimed);
            } else {
                end(draft, row, AftersaleStatus::Cancelled, note);
            }
        }
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
    let ended = draft.tree().shop(row.shop_no).is_none_or(|shop| shop.status.is_final());
    if ended || !row.is_open() {
        return Err(Cannot::State { no, status: row.status, what: "argued about" });
    }
    argue(&mut row, evidence)?;
    draft.stay(row.shop_no, "aftersale_evidence", "");
    row.updated_at = draft.at();
    draft.aftersale(Write::Update(row));
    Ok(())
}

/// Neither side can shut the other out.
fn argue(row: &mut Aftersale, evidence: Evidence) -> Result<(), Cannot> {
    let side = |evidence: &Evidence| evidence.by.split(':').next().unwrap_or_default().to_owned();
    let mine = side(&evidence);
    if row.detail.evidence.iter().filter(|other| side(other) == mine).count() >= EVIDENCE_MAX {
        return Err(Cannot::Limit { what: "words of one side of an after-sale", limit: EVIDENCE_MAX });
    }
    row.detail.evidence.push(evidence);
    Ok(())
}

/// The after-sales of a shop order whose deadline has passed.
pub fn overdue(tree: &OrderTree, shop_no: OrderNo, now: Millis) -> Vec<AftersaleNo> {
    let is_due = |a: &&Aftersale| a.is_open() && a.deadline.is_some_and(|due| due <= now);
    tree.aftersales_of(shop_no).filter(is_due).map(|a| a.no).collect()
}

/// Does what a passed deadline says. A silent merchant has agreed, and taken the goods back; a silent buyer has dropped
/// it, or has the new goods; new goods that nobody sends become money. `number` is for a package.
pub fn deadline(draft: &mut Draft, no: AftersaleNo, rules: &LineRules, number: ShipmentNo) -> Result<(), Cannot> {
    use AftersaleStatus as S;
    let row = find(draft, no)?;
    let shop_no = row.shop_no;
    match row.status {
        S::Applied => approve(draft, no, rules, number, SILENT_MERCHANT)?,
        S::Returning | S::Returned if !row.detail.goods_back => confirm(draft, no, number, SILENT_MERCHANT)?,
        S::Approved | S::Rejected if !row.detail.refund_begun => {
            let note = "the buyer did not go on in time";
            draft.stay(shop_no, "aftersale_drop", note);
            end(draft, row, S::Cancelled, note);
        }
        S::Reshipping => goods::overdue(draft, row),
        status => {
            draft.stay(shop_no, "aftersale_drop", "");
            turn(draft, row, status, None);
        }
    }
    Ok(())
}
