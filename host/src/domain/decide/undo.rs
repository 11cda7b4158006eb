//! Undoing a shop order that was paid: everything it gave goes back, everything it holds is released.
//!
//! A closed order never owes money: it is `closing` until the last refund succeeded.

use serde_json::json;

use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::ShipmentStatus;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::order::{Reason, Status, SubStatus};
use crate::domain::payment::{Refund, RefundStatus, Way};
use crate::domain::resource::{CouponMove, CouponState};

use super::refund::{left, owe, succeeded};
use super::settle;
use super::ship::is_deducted;
use super::stock;
use super::tell;

/// What an undo does with the freight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freight {
    /// It goes back: nothing was shipped, or the deal failed on the seller's side.
    Back,
    /// It is retained: the goods were on their way.
    Kept,
}

/// Undoes a shop order: whatever of it is left goes back. `numbers` holds [`super::refund::REFUNDS`] fresh numbers.
/// The order is closed at once when nothing is owed through a provider.
pub fn undo(
    draft: &mut Draft,
    no: OrderNo,
    reason: &Reason,
    freight: Freight,
    rules: &LineRules,
    numbers: &[RefundNo],
) {
    let Some(before) = draft.tree().shop(no).cloned() else { return };
    let shop = draft.step(no, "undo", (before.status, SubStatus::Closing), reason.text.clone());
    shop.reason = Some(reason.clone());
    shop.suspended = None;
    shop.attention = None;
    let deducted = is_deducted(&before);
    draft.change.stock.extend(stock::give_back(&before, deducted));
    free_coupons(draft, &before.facts.coupons, if deducted { CouponState::Used } else { CouponState::Locked });
    end_shipments(draft, no);
    for kind in [TimerKind::Compensate, TimerKind::ShipOverdue, TimerKind::AutoReceive, TimerKind::Settle] {
        draft.disarm(no, kind);
    }
    if tell::recalled(draft.tree(), no).next().is_some() {
        let at = draft.at();
        draft.arm(no, TimerKind::Fulfilment, at, 0);
    } else {
        draft.disarm(no, TimerKind::Fulfilment);
    }
    let goes_back = |line: &super::refund::Left| line.item_no.is_some() || freight == Freight::Back;
    let parts: Vec<_> = left(draft.tree(), &before).into_iter().filter(goes_back).collect();
    owe(draft, &before, &parts, &reason.text, numbers);
    close_if_settled(draft, no, rules);
}

/// The provider did a refund: it is recorded, and the order is closed when it was the last one owed. `rules` are those
/// of the shop order's line.
pub fn refunded(draft: &mut Draft, refund: Refund, rules: &LineRules) {
    // An order that ended cannot owe; should one all the same, its refund is recorded and the order left as it is.
    let open = |no: &OrderNo| draft.tree().shop(*no).is_some_and(|shop| !shop.status.is_final());
    let (pay_no, shop_no) = (refund.pay_no, refund.shop_no.filter(open));
    if let Some(no) = shop_no {
        draft.stay(no, "refund", refund.no.to_string());
    }
    succeeded(draft, refund);
    let waiting = |r: &Refund| r.status == RefundStatus::Pending && r.way == Way::Provider;
    if !draft.tree().refunds.iter().any(waiting) {
        draft.disarm(pay_no, TimerKind::Refund);
    }
    if let Some(no) = shop_no {
        close_if_settled(draft, no, rules);
        settle_if_due(draft, no);
    }
}

/// A person gave the money back outside of the provider, or wrote it off: the refund is over.
pub fn refunded_by_hand(draft: &mut Draft, refund: Refund, rules: &LineRules, note: &str) {
    if let Some(payment_no) = refund.payment_no {
        draft.log(payment_no, "refunded_by_hand", format!("{}: {note}", refund.no));
    }
    let shop_no = refund.shop_no;
    refunded(draft, refund, rules);
    if let Some(no) = shop_no.filter(|no| draft.tree().shop(*no).is_some_and(|shop| !shop.status.is_final())) {
        draft.stepped(no).attention = None;
    }
}

/// A received order waits with its settlement while it owes a refund.
fn settle_if_due(draft: &mut Draft, no: OrderNo) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let owes = draft.tree().refunds.iter().any(|r| r.shop_no == Some(no) && r.is_owed());
    if shop.status == Status::Received && shop.sub_status == SubStatus::None && !owes {
        let due = shop.expire_time.unwrap_or_default().max(draft.at());
        draft.arm(no, TimerKind::Settle, due, 0);
    }
}

fn close_if_settled(draft: &mut Draft, no: OrderNo, rules: &LineRules) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let owes = draft.tree().refunds.iter().any(|r| r.shop_no == Some(no) && r.is_owed());
    if shop.sub_status != SubStatus::Closing || owes {
        return;
    }
    let reason = shop.reason.clone().unwrap_or_else(|| Reason::new("undone", ""));
    draft.step(no, "close", (Status::Closed, SubStatus::None), reason.text.clone()).attention = None;
    settle::retained(draft, no, rules);
    draft.emit(no, Topic::Order, "ORDER_CLOSED", json!({"reason": reason.code, "text": reason.text}));
    if draft.tree().shops.iter().all(|s| s.status == Status::Closed) {
        let coupons = draft.tree().pay.facts.coupons.clone();
        draft.pay();
        free_coupons(draft, &coupons, CouponState::Used);
    }
}

fn free_coupons(draft: &mut Draft, codes: &[crate::domain::ids::CouponCode], from: CouponState) {
    let (order_no, buyer) = (draft.tree().pay.no, draft.tree().pay.buyer.clone());
    draft.change.coupons.extend(codes.iter().map(|code| CouponMove {
        code: code.clone(),
        buyer: buyer.clone(),
        order_no,
        from,
        to: CouponState::Free,
    }));
}

/// Packages that never left are cancelled, those on their way count as refused; the others stay what they are.
fn end_shipments(draft: &mut Draft, no: OrderNo) {
    let open: Vec<_> = draft.tree().shipments_of(no).cloned().collect();
    for mut row in open {
        row.status = match row.status {
            ShipmentStatus::Created => ShipmentStatus::Cancelled,
            ShipmentStatus::Shipped => ShipmentStatus::Refused,
            _ => continue,
        };
        draft.shipment(Write::Update(row));
    }
}
