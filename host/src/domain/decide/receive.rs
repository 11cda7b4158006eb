//! The end of delivery.

use serde_json::json;

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::hook;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::order::{Status, SubStatus};
use crate::domain::time::rfc3339;

use super::ship::{BadEffect, business_events, delivered_event, merge};

/// How long a timer that was told "not yet" waits before it asks again, at most.
pub const ASK_AGAIN_MS: Millis = 86_400_000;

/// The receive hook confirmed: the order is received, packages still on their way count as handed over.
pub fn received(draft: &mut Draft, no: OrderNo, answer: &hook::Received, how: &str) -> Result<(), BadEffect> {
    let at = draft.at();
    let on_its_way = draft.tree().shipments_of(no).filter(|s| s.status == ShipmentStatus::Shipped);
    let arrived: Vec<_> = on_its_way
        .cloned()
        .map(|row| Shipment { status: ShipmentStatus::Delivered, delivered_at: Some(at), ..row })
        .collect();
    for row in &arrived {
        draft.shipment(Write::Update(row.clone()));
    }
    let shop = draft.step(no, "receive", (Status::Received, SubStatus::None), how);
    let settle = at + shop.facts.aftersale_window_ms;
    shop.suspended = None;
    shop.received_at = Some(at);
    merge(&mut shop.attributes, &answer.attributes)?;
    for row in &arrived {
        delivered_event(draft, row);
    }
    draft.disarm(no, TimerKind::AutoReceive);
    draft.disarm(no, TimerKind::Compensate);
    draft.deadline(no, TimerKind::Settle, settle);
    draft.emit(no, Topic::Order, "ORDER_RECEIVED", json!({"how": how}));
    business_events(draft, no, &answer.events);
    Ok(())
}

/// The receive hook said "not yet": the order stays shipped, the timer stays armed (a timer that fired is armed again).
pub fn not_yet(draft: &mut Draft, no: OrderNo, answer: &hook::Received, how: &str) -> Result<(), BadEffect> {
    let at = draft.at();
    let shop = draft.stay(no, "not_received", how);
    shop.suspended = None;
    merge(&mut shop.attributes, &answer.attributes)?;
    if how == "timer" {
        let due = at + shop.facts.auto_receive_ms.clamp(1_000, ASK_AGAIN_MS);
        draft.deadline(no, TimerKind::AutoReceive, due);
    }
    draft.disarm(no, TimerKind::Compensate);
    business_events(draft, no, &answer.events);
    Ok(())
}

/// Why the automatic receipt cannot be put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotExtend {
    /// Nothing is on its way.
    #[error("only a shipped order has an automatic receipt to put off")]
    NotShipped,
    /// Once only.
    #[error("the automatic receipt was put off before; it is possible once")]
    Already,
    /// The line's rules say 0.
    #[error("this line does not let its automatic receipt be put off")]
    Forbidden,
}

/// The buyer puts off the automatic receipt by so many milliseconds, once. Answers when it is now.
pub fn extend(draft: &mut Draft, no: OrderNo, by: Millis) -> Result<Millis, CannotExtend> {
    let at = draft.at();
    let shop = draft.tree().shop(no).ok_or(CannotExtend::NotShipped)?;
    if (shop.status, shop.sub_status) != (Status::Shipped, SubStatus::None) {
        return Err(CannotExtend::NotShipped);
    }
    if shop.facts.receive_extended_at.is_some() {
        return Err(CannotExtend::Already);
    }
    if by <= 0 {
        return Err(CannotExtend::Forbidden);
    }
    let due = shop.expire_time.unwrap_or(at).saturating_add(by);
    draft.stay(no, "extend_receive", rfc3339(due)).facts.receive_extended_at = Some(at);
    draft.deadline(no, TimerKind::AutoReceive, due);
    Ok(due)
}
