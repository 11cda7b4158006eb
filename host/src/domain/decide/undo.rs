//! Undoing a shop order that was paid: everything it gave goes back, everything it holds is released.
//!
//! A closed order never owes money: it is `closing` until the last refund succeeded.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::ShipmentStatus;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::order::{Reason, Share, ShopOrder, Status, SubStatus};
use crate::domain::payment::{Refund, RefundLine, RefundStatus, Way};
use crate::domain::resource::{Account, CouponMove, CouponState, SALES, Transfer, Unit};

use super::pay::REFUND_RETRY_MS;
use super::ship::is_deducted;
use super::stock;

/// How many refunds an undo makes at most: one per way.
pub const REFUNDS: usize = 3;

/// Undoes a shop order. `numbers` holds [`REFUNDS`] fresh numbers. The order is closed at once when nothing is owed
/// through a provider.
pub fn undo(draft: &mut Draft, no: OrderNo, reason: &Reason, numbers: &[RefundNo]) {
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
    for (refund, number) in owed(draft, &before).into_iter().zip(numbers) {
        let refund = Refund { no: *number, reason: reason.text.clone(), ..refund };
        let instant = refund.way != Way::Provider;
        draft.refund(Write::Insert(refund.clone()));
        if instant {
            into_wallet(draft, &refund);
            apply(draft, refund);
        } else {
            draft.arm(before.pay_no, TimerKind::Refund, draft.at() + REFUND_RETRY_MS, 0);
        }
    }
    close_if_settled(draft, no);
}

/// What the buyer gets back, per way, each line once with its units.
fn owed(draft: &Draft, shop: &ShopOrder) -> Vec<Refund> {
    let freight = (None, 0, &shop.amounts.freight_share);
    let lines: Vec<(Option<OrderNo>, u32, &Share)> =
        shop.items.iter().map(|i| (Some(i.no), i.quantity, &i.share)).chain([freight]).collect();
    let mut counted = false;
    let mut refunds = vec![];
    for way in Way::ALL {
        let (way, part) = (*way, |share: &Share| part_in(*way, share));
        let amount: i64 = lines.iter().map(|(_, _, share)| part(share)).sum();
        if amount == 0 {
            continue;
        }
        let units = |quantity: u32| if counted { 0 } else { quantity };
        let lines = lines
            .iter()
            .map(|(item_no, quantity, share)| RefundLine {
                item_no: *item_no,
                quantity: units(*quantity),
                amount: part(share),
            })
            .filter(|line| line.amount > 0 || line.quantity > 0)
            .collect();
        counted = true;
        refunds.push(Refund {
            no: RefundNo(0),
            pay_no: shop.pay_no,
            shop_no: Some(shop.no),
            payment_no: draft.tree().paid_by().filter(|_| way != Way::Coins).map(|p| p.no),
            way,
            amount,
            status: RefundStatus::Pending,
            reason: String::new(),
            lines,
            attempts: 0,
            replaced_by: None,
            created_at: draft.at(),
            succeeded_at: None,
        });
    }
    refunds
}

fn part_in(way: Way, share: &Share) -> i64 {
    match way {
        Way::Provider => share.cash - share.balance,
        Way::Balance => share.balance,
        Way::Coins => share.coins,
    }
}

fn into_wallet(draft: &mut Draft, refund: &Refund) {
    let pay = &draft.tree().pay;
    let unit = if refund.way == Way::Coins { Unit::Coins } else { Unit::Money(pay.currency) };
    let to = Account::Available(pay.buyer.clone());
    let operation = format!("refund:{}", refund.no);
    let transfer = Transfer { order_no: pay.no, operation, from: SALES, to, unit, amount: refund.amount };
    draft.change.transfers.push(transfer);
}

/// The provider did a refund: it is recorded, and the order is closed when it was the last one owed.
pub fn refunded(draft: &mut Draft, refund: Refund) {
    if let Some(no) = refund.shop_no {
        draft.stay(no, "refund", refund.no.to_string());
    }
    let (pay_no, shop_no) = (refund.pay_no, refund.shop_no);
    apply(draft, refund);
    if !draft.tree().refunds.iter().any(|r| r.status == RefundStatus::Pending) {
        draft.disarm(pay_no, TimerKind::Refund);
    }
    if let Some(no) = shop_no {
        close_if_settled(draft, no);
    }
}

fn apply(draft: &mut Draft, mut refund: Refund) {
    refund.status = RefundStatus::Succeeded;
    refund.succeeded_at = Some(draft.at());
    if let Some(shop_no) = refund.shop_no {
        for line in &refund.lines {
            let refunded = match line.item_no {
                None => Some(&mut draft.stepped(shop_no).amounts.freight_refunded),
                Some(item_no) => draft.item(shop_no, item_no).map(|item| &mut item.refunded),
            };
            let Some(refunded) = refunded else { continue };
            refunded.quantity += line.quantity;
            if refund.way == Way::Coins {
                refunded.coins += line.amount;
            } else {
                refunded.cash += line.amount;
            }
        }
    }
    let data = json!({
        "refund_no": refund.no, "payment_no": refund.payment_no, "way": refund.way, "amount": refund.amount,
        "shop_order_no": refund.shop_no, "reason": refund.reason,
    });
    draft.refund(Write::Update(refund));
    draft.emit_pay("REFUND_SUCCEEDED", data);
}

fn close_if_settled(draft: &mut Draft, no: OrderNo) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let owes = draft.tree().refunds.iter().any(|r| r.shop_no == Some(no) && r.status != RefundStatus::Succeeded);
    if shop.sub_status != SubStatus::Closing || owes {
        return;
    }
    let reason = shop.reason.clone().unwrap_or_else(|| Reason::new("undone", ""));
    draft.step(no, "close", (Status::Closed, SubStatus::None), reason.text.clone());
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

/// Packages that never left are cancelled, those on their way count as refused.
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
