//! Ending an order that was never paid.

use serde_json::json;

use crate::domain::change::TimerKind;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::Millis;
use crate::domain::order::{Mode, Reason, Status, SubStatus};
use crate::domain::resource::{Account, CouponMove, CouponState, Transfer, Unit};

use super::stock;

/// Says that the order is about to be cancelled and why: no new payment may be opened while providers close the open
/// ones. Should this host die now, the timer goes on: from here on it repeats the closing, and `expire_time` stays what it
/// was, the time until which the order could be paid.
pub fn begin(draft: &mut Draft, reason: &Reason, retry_ms: Millis) {
    let pay = draft.pay();
    pay.sub_status = SubStatus::Cancelling;
    pay.reason = Some(reason.clone());
    let no = pay.no;
    draft.arm(no, TimerKind::PayTimeout, draft.at() + retry_ms, 0);
}

/// Cancels the pay order with all its shop orders and gives back everything it holds. Its open payments must have been
/// closed before, in this draft.
pub fn cancel(draft: &mut Draft, reason: &Reason) {
    let shops: Vec<_> = draft.tree().shops.iter().filter(|s| s.status == Status::Created).cloned().collect();
    let order_no = draft.tree().pay.no;
    let mut coupons = draft.tree().pay.facts.coupons.clone();
    for shop in shops {
        coupons.extend(shop.facts.coupons.iter().cloned());
        draft.change.stock.extend(stock::give_back(&shop, false));
        draft.step(shop.no, "cancel", (Status::Cancelled, SubStatus::None), reason.text.clone()).reason =
            Some(reason.clone());
        if draft.tree().pay.mode == Mode::Prepaid {
            draft.disarm(shop.no, TimerKind::Compensate);
        }
        draft.emit(shop.no, Topic::Order, "ORDER_CANCELLED", json!({"reason": reason.code, "text": reason.text}));
    }
    let pay = draft.pay();
    pay.status = Status::Cancelled;
    pay.sub_status = SubStatus::None;
    pay.expire_time = None;
    pay.reason = Some(reason.clone());
    let (buyer, coins) = (pay.buyer.clone(), pay.amounts.coins);
    draft.disarm(order_no, TimerKind::PayTimeout);
    draft.change.coupons.extend(coupons.into_iter().map(|code| CouponMove {
        code,
        buyer: buyer.clone(),
        order_no,
        from: CouponState::Locked,
        to: CouponState::Free,
    }));
    if coins > 0 {
        draft.change.transfers.push(Transfer {
            order_no,
            operation: "release:coins".into(),
            from: Account::Held(buyer.clone()),
            to: Account::Available(buyer),
            unit: Unit::Coins,
            amount: coins,
        });
    }
}
