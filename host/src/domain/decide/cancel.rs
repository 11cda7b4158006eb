//! Ending an order that was never paid.

use serde_json::json;

use crate::domain::change::TimerKind;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::Millis;
use crate::domain::order::{Mode, Reason, Status, SubStatus};
use crate::domain::resource::CouponState;

use super::{hold, stock};

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
///
/// Platform coupons go back unless a shop order that was split off still uses a part of their discount: then they are
/// used up.
pub fn cancel(draft: &mut Draft, reason: &Reason) {
    let shops: Vec<_> = draft.tree().shops.iter().filter(|s| s.status == Status::Created).cloned().collect();
    let prepaid = draft.tree().pay.mode == Mode::Prepaid;
    if draft.tree().stock_pending() || draft.tree().pay.amounts.to_pay == 0 {
        draft.disarm(draft.tree().pay.no, TimerKind::Reserve);
    }
    for shop in &shops {
        if !shop.stock_pending() {
            draft.change.stock.extend(stock::give_back(shop, false));
        }
        draft.step(shop.no, "cancel", (Status::Cancelled, SubStatus::None), reason.text.clone()).reason =
            Some(reason.clone());
        if prepaid {
            draft.disarm(shop.no, TimerKind::Compensate);
        }
        draft.emit(shop.no, Topic::Order, "ORDER_CANCELLED", json!({"reason": reason.code, "text": reason.text}));
    }
    end_unpaid(draft, reason);
    let pay = draft.tree().pay.clone();
    let change = &mut draft.change;
    let of_platform = if pay.amounts.split_off > 0 { CouponState::Used } else { CouponState::Free };
    hold::coupons(change, &pay, &pay.facts.coupons, CouponState::Locked, of_platform);
    let of_shops = shops.iter().flat_map(|shop| &shop.facts.coupons);
    hold::coupons(change, &pay, of_shops, CouponState::Locked, CouponState::Free);
    hold::release_coins(change, &pay, "release:coins".into(), pay.amounts.coins);
}

/// The pay order ends without having been paid.
pub(super) fn end_unpaid(draft: &mut Draft, reason: &Reason) {
    let pay = draft.pay();
    pay.status = Status::Cancelled;
    pay.sub_status = SubStatus::None;
    pay.expire_time = None;
    pay.reason = Some(reason.clone());
    let no = pay.no;
    draft.disarm(no, TimerKind::PayTimeout);
}
