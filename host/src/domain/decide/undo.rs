//! Undoing a shop order that was paid: everything it gave goes back, everything it holds is released.
//!
//! A closed order never owes money: it is `closing` until the last refund succeeded.

use serde_json::json;

use crate::domain::aftersale::Aftersale;
use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::order::{Reason, ShopOrder, Status, SubStatus};
use crate::domain::payment::{Refund, RefundStatus, Way};
use crate::domain::resource::{CouponMove, CouponState};
use crate::domain::tree::OrderTree;

use super::refund::{left, owe, succeeded};
use super::ship::is_deducted;
use super::stock;
use super::{aftersale, settle, tell};

/// Undoes a shop order: whatever of it is left goes back, freight and tax too. `numbers` holds [`super::refund::REFUNDS`] fresh numbers.
/// The order is closed at once when nothing is owed through a provider.
pub fn undo(draft: &mut Draft, no: OrderNo, reason: &Reason, rules: &LineRules, numbers: &[RefundNo]) {
    let Some(before) = draft.tree().shop(no).cloned() else { return };
    let shop = draft.step(no, "undo", (before.status, SubStatus::Closing), reason.text.clone());
    shop.reason = Some(reason.clone());
    shop.suspended = None;
    shop.attention = None;
    shop.expire_time = None;
    shop.amounts.freight_refunded.quantity = 1;
    aftersale::join(draft, no, &reason.text);
    draft.change.stock.extend(stock::give_back(&before, is_deducted(&before)));
    for item in &before.items {
        if let Some(item) = draft.item(no, item.no) {
            item.refunded.restocked = item.quantity;
        }
    }
    let_go(draft, &before);
    let parts = left(draft.tree(), &before);
    owe(draft, &before, &parts, (&reason.text, None), numbers);
    close_if_settled(draft, no, rules);
    aftersale::settle_refunds(draft, no);
}

/// Lets go of what a closing order holds besides stock and money: coupons, packages, timers.
pub(super) fn let_go(draft: &mut Draft, shop: &ShopOrder) {
    let from = if is_deducted(shop) { CouponState::Used } else { CouponState::Locked };
    free_coupons(draft, &shop.facts.coupons, from);
    end_shipments(draft, shop.no);
    for kind in [TimerKind::Compensate, TimerKind::ShipOverdue, TimerKind::AutoReceive, TimerKind::Settle] {
        draft.disarm(shop.no, kind);
    }
    if tell::recalled(draft.tree(), shop.no).next().is_some() {
        let at = draft.at();
        draft.arm(shop.no, TimerKind::Fulfilment, at, 0);
    } else {
        draft.disarm(shop.no, TimerKind::Fulfilment);
    }
}

/// Whether nothing of a shop order was ever sent: then its freight was not spent.
pub(super) fn never_left(tree: &OrderTree, no: OrderNo) -> bool {
    let left = |s: &Shipment| !matches!(s.status, ShipmentStatus::Created | ShipmentStatus::Cancelled);
    !tree.shipments_of(no).any(left)
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
        aftersale::settle_refunds(draft, no);
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

/// A received order waits with its settlement while it owes a refund or an after-sale is open. The order must have been
/// stepped.
pub(super) fn settle_if_due(draft: &mut Draft, no: OrderNo) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let owes = draft.tree().refunds.iter().any(|r| r.shop_no == Some(no) && r.is_owed());
    let asked = draft.tree().aftersales_of(no).any(Aftersale::is_open);
    if shop.status == Status::Received && shop.sub_status == SubStatus::None && !owes && !asked {
        let window_ends = shop.received_at.unwrap_or_default() + shop.facts.aftersale_window_ms;
        let due = window_ends.max(draft.at());
        draft.deadline(no, TimerKind::Settle, due);
    }
}

pub(super) fn close_if_settled(draft: &mut Draft, no: OrderNo, rules: &LineRules) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let owes = draft.tree().refunds.iter().any(|r| r.shop_no == Some(no) && r.is_owed());
    if shop.sub_status != SubStatus::Closing || owes {
        return;
    }
    let reason = shop.reason.clone().unwrap_or_else(|| Reason::new("undone", ""));
    draft.step(no, "close", (Status::Closed, SubStatus::None), reason.text.clone()).attention = None;
    settle::retained(draft, no, rules);
    draft.disarm(no, TimerKind::Aftersale);
    draft.emit(no, Topic::Order, "ORDER_CLOSED", json!({"reason": reason.code, "text": reason.text}));
    // Used up for good where a shop order that was split off kept a part of the discount.
    let whole = draft.tree().pay.amounts.split_off <= 0;
    if whole && draft.tree().shops.iter().all(|s| s.status == Status::Closed) {
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
