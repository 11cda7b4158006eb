//! Holding what an order needs after it was written: stock that a line reserves later, or everything of an order that
//! nobody sees before. One change holds all of it, or the order ends.

use serde_json::json;

use crate::domain::change::TimerKind;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::{BusinessCode, Millis, OrderNo, PaymentNo, ShipmentNo, StockKey};
use crate::domain::order::{Mode, Reason, Status, SubStatus, Visible};

use super::{cancel, create, hold, pay, stock};

/// The reason of an order whose stock was short.
pub const STOCK_FAILED: &str = "stock_failed";
/// The reason of an invisible order that could not hold what it needs.
pub const VOIDED: &str = "voided";

/// What follows a reservation, should it be the payment: fresh numbers, and the line's pause.
#[derive(Debug, Clone)]
pub struct Next<'n> {
    /// Of the payment of method `none`.
    pub payment: PaymentNo,
    /// One per shop order.
    pub shipments: &'n [ShipmentNo],
    /// Milliseconds until an order that should have gone on is forwarded again.
    pub compensate_ms: Millis,
}

/// Holds the stock of every shop order that waits for it. An order with nothing to pay is paid in the same change; a
/// prepaid one is forwarded by its timers from now on.
pub fn reserve(draft: &mut Draft, next: &Next<'_>) {
    for no in pending(draft) {
        take(draft, no, "reserve");
        draft.emit(no, Topic::Order, "STOCK_RESERVED", json!({}));
    }
    reserved(draft, next);
}

/// Holds everything of an invisible order and shows it. It tells the same events as one that was visible from the start.
pub fn reveal(draft: &mut Draft, next: &Next<'_>) {
    for no in pending(draft) {
        take(draft, no, "reveal").visible = Visible::Normal;
        let shop = draft.tree().shop(no).cloned();
        if let Some(shop) = shop {
            let data = create::told(&draft.tree().pay, &shop);
            draft.emit(no, Topic::Order, "ORDER_CREATED", data);
        }
    }
    let (pay, shops) = (draft.tree().pay.clone(), draft.tree().shops.clone());
    hold::everything(&mut draft.change, &pay, &shops);
    if let Some(due) = pay.expire_time {
        draft.arm(pay.no, TimerKind::PayTimeout, due, 0);
    }
    reserved(draft, next);
}

fn pending(draft: &Draft) -> Vec<OrderNo> {
    draft.tree().shops.iter().filter(|s| s.stock_pending()).map(|s| s.no).collect()
}

fn take<'d>(draft: &'d mut Draft, no: OrderNo, event: &str) -> &'d mut crate::domain::order::ShopOrder {
    let moves = draft.tree().shop(no).map(stock::take).unwrap_or_default();
    draft.change.stock.extend(moves);
    draft.step(no, event, (Status::Created, SubStatus::StockReserved), "")
}

fn reserved(draft: &mut Draft, next: &Next<'_>) {
    let pay = draft.pay();
    pay.sub_status = SubStatus::StockReserved;
    let (no, prepaid, to_pay) = (pay.no, pay.mode == Mode::Prepaid, pay.amounts.to_pay);
    draft.disarm(no, TimerKind::Reserve);
    if to_pay == 0 {
        pay::nothing(draft, next.payment, next.shipments, next.compensate_ms);
    } else if prepaid {
        let shops: Vec<OrderNo> = draft.tree().shops.iter().map(|s| s.no).collect();
        for shop in shops {
            draft.arm(shop, TimerKind::Compensate, draft.at() + next.compensate_ms, 0);
        }
    }
}

/// The stock of a key is short: the whole pay order ends, and what its other shop orders hold goes back once.
pub fn failed(draft: &mut Draft, business: &BusinessCode, key: &StockKey, text: &str) {
    let short =
        |s: &&crate::domain::order::ShopOrder| s.stock_pending() && s.business == *business && stock::needs(s, key);
    let short: Vec<OrderNo> = draft.tree().shops.iter().filter(short).map(|s| s.no).collect();
    for no in short {
        draft.stay(no, STOCK_FAILED, text);
        draft.emit(no, Topic::Order, "STOCK_FAILED", json!({"stock_key": key, "text": text}));
    }
    cancel::cancel(draft, &Reason::new(STOCK_FAILED, text));
}

/// An invisible order ends as it was: unseen. It held nothing, so nothing goes back, and it tells nobody.
pub fn void(draft: &mut Draft, text: &str) {
    let reason = Reason::new(VOIDED, text);
    let shops: Vec<OrderNo> = draft.tree().shops.iter().map(|s| s.no).collect();
    for no in shops {
        draft.step(no, "void", (Status::Cancelled, SubStatus::None), text).reason = Some(reason.clone());
    }
    cancel::end_unpaid(draft, &reason);
    draft.disarm(draft.tree().pay.no, TimerKind::Reserve);
}
