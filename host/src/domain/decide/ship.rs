//! From deducted to shipped: what the hooks answered, ship notices, deliveries.

use serde_json::json;

use crate::domain::change::{ShipNotice, TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Packed, Shipment, ShipmentStatus};
use crate::domain::hook::{self, BusinessEvent, Progress};
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::order::{Pairs, ShopOrder, Status, SubStatus};
use crate::domain::price::read_delivery;

use super::{pay, stock, tell};

/// Attributes of an order hold at most this many bytes, keys and values together.
pub const MAX_ATTRIBUTES: usize = 8 * 1024;

/// An answer that does not fit the order it is for. The firewall refuses most of them before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEffect {
    /// Too much to keep.
    #[error("the order's attributes would hold {0} bytes, more than {MAX_ATTRIBUTES}")]
    AttributesFull(usize),
    /// An after-sale cannot go on with it.
    #[error(transparent)]
    Aftersale(#[from] super::aftersale::Cannot),
    /// There is no such shipment to ship.
    #[error("{0}")]
    Shipment(&'static str),
}

/// The deduct hook is done: stock is sold, the shop's coupons are used up.
pub fn deducted(draft: &mut Draft, no: OrderNo, answer: &hook::Deducted) -> Result<(), BadEffect> {
    let shop = draft.step(no, "deduct", (Status::Paid, SubStatus::ToShip), "");
    shop.suspended = None;
    merge(&mut shop.attributes, &answer.attributes)?;
    let (moves, coupons) = (stock::confirm(shop), shop.facts.coupons.clone());
    draft.change.stock.extend(moves);
    pay::use_coupons(draft, &coupons);
    business_events(draft, no, &answer.events);
    Ok(())
}

/// A shipment of the ship hook's answer, its secrets sealed and its number ready.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// A fresh number, used for every shipment after the first.
    pub no: ShipmentNo,
    /// Sealed delivery secrets.
    pub secrets: Option<Vec<u8>>,
}

/// The ship hook is done. `sealed` holds one entry per shipment of the answer.
pub fn packed(draft: &mut Draft, no: OrderNo, answer: &hook::Shipped, sealed: &[Sealed]) -> Result<(), BadEffect> {
    let at = draft.at();
    let mut first = draft.tree().shipments_of(no).find(|s| s.status == ShipmentStatus::Created).cloned();
    let mut writes = vec![];
    for (planned, sealed) in answer.shipments.iter().zip(sealed) {
        let existing = first.take();
        let is_new = existing.is_none();
        let mut row = shipment_row(planned, no, sealed, existing.map_or(sealed.no, |s| s.no), at);
        if planned.progress != Progress::Prepared {
            row.status = ShipmentStatus::Shipped;
            row.shipped_at = Some(at);
        }
        if planned.progress == Progress::Delivered {
            row.status = ShipmentStatus::Delivered;
            row.delivered_at = Some(at);
        }
        writes.push(if is_new { Write::Insert(row) } else { Write::Update(row) });
    }
    let rows: Vec<Shipment> = writes.iter().map(|w| w.row().clone()).collect();
    let new: Vec<ShipmentNo> = writes.iter().filter(|w| matches!(w, Write::Insert(_))).map(|w| w.row().no).collect();
    for write in writes {
        draft.shipment(write);
    }
    let target = state_of(draft.tree(), no);
    let event = if target.0 == Status::Shipped { "ship" } else { "pack" };
    let shop = draft.step(no, event, target, "");
    shop.suspended = None;
    shop.packed_at = Some(at);
    merge(&mut shop.attributes, &answer.attributes)?;
    for shipment_no in new {
        draft.emit(no, Topic::Fulfilment, "SHIPMENT_CREATED", json!({"shipment_no": shipment_no}));
    }
    for row in rows.iter().filter(|r| r.status != ShipmentStatus::Created) {
        shipped_event(draft, row);
        if row.status == ShipmentStatus::Delivered {
            delivered_event(draft, row);
        }
    }
    business_events(draft, no, &answer.events);
    moved_on(draft, no);
    Ok(())
}

fn shipment_row(
    planned: &hook::Shipment,
    shop_no: OrderNo,
    sealed: &Sealed,
    no: ShipmentNo,
    at: crate::domain::ids::Millis,
) -> Shipment {
    Shipment {
        no,
        shop_no,
        aftersale_no: None,
        status: ShipmentStatus::Created,
        delivery: read_delivery(planned.delivery),
        carrier: planned.carrier.clone(),
        waybill: Some(planned.waybill.clone()).filter(|w| !w.is_empty()),
        items: planned.items.iter().map(|i| Packed { line: i.line, quantity: i.quantity }).collect(),
        secrets: sealed.secrets.clone(),
        attributes: planned.attributes.iter().cloned().collect::<Pairs>(),
        created_at: at,
        shipped_at: None,
        delivered_at: None,
        delayed_at: None,
        told_at: None,
        taken_at: None,
        note: String::new(),
    }
}

/// A package left: carrier and waybill are known. The caller has judged that the order can take it.
pub fn shipped(draft: &mut Draft, no: OrderNo, notice: &ShipNotice) -> Result<(), BadEffect> {
    let wanted = notice.shipment_no;
    let waiting = |s: &&Shipment| s.status == ShipmentStatus::Created && wanted.is_none_or(|no| no == s.no);
    let candidates: Vec<Shipment> = draft.tree().shipments_of(no).filter(waiting).cloned().collect();
    let [shipment] = candidates.as_slice() else {
        return Err(BadEffect::Shipment(if candidates.is_empty() {
            "no such shipment is waiting to be shipped"
        } else {
            "the order has several shipments waiting: name one by shipment_no"
        }));
    };
    let mut row = shipment.clone();
    row.status = ShipmentStatus::Shipped;
    row.carrier.clone_from(&notice.carrier);
    row.waybill = Some(notice.waybill.clone());
    row.shipped_at = Some(draft.at());
    tell::left(draft, &mut row, notice.by_service);
    draft.shipment(Write::Update(row.clone()));
    let target = state_of(draft.tree(), no);
    draft.step(no, "ship", target, notice.waybill.clone());
    shipped_event(draft, &row);
    moved_on(draft, no);
    Ok(())
}

/// A package arrived. Answers whether it was the last one.
pub fn delivered(draft: &mut Draft, shipment: &Shipment) -> bool {
    let no = shipment.shop_no;
    let mut row = shipment.clone();
    row.status = ShipmentStatus::Delivered;
    row.delivered_at = Some(draft.at());
    draft.shipment(Write::Update(row.clone()));
    draft.stay(no, "deliver", shipment.no.to_string());
    delivered_event(draft, &row);
    all_delivered(draft, no)
}

/// Whether every remaining shipment of a shipped order was delivered; none remaining is not delivered.
pub fn all_delivered(draft: &Draft, no: OrderNo) -> bool {
    let mut remaining = draft.tree().shipments_of(no).filter(|s| s.remains()).peekable();
    remaining.peek().is_some() && remaining.all(|s| s.status == ShipmentStatus::Delivered)
}

/// The state of a paid or shipped order whose ship hook has answered, by its shipments. One without remaining shipments
/// is undone instead.
pub(super) fn state_of(tree: &crate::domain::tree::OrderTree, no: OrderNo) -> (Status, SubStatus) {
    let left = |s: &Shipment| matches!(s.status, ShipmentStatus::Shipped | ShipmentStatus::Delivered);
    let waiting = tree.shipments_of(no).any(|s| s.status == ShipmentStatus::Created);
    match (waiting, tree.shipments_of(no).any(left)) {
        (false, true) => (Status::Shipped, SubStatus::None),
        (true, true) => (Status::Paid, SubStatus::PartShipped),
        (_, false) => (Status::Paid, SubStatus::ToShip),
    }
}

/// Packages of a stepped order were cancelled: with none left to send it is shipped.
pub(super) fn packages_changed(draft: &mut Draft, no: OrderNo) {
    let packed = draft.tree().shop(no).is_some_and(|s| s.status == Status::Paid && s.packed_at.is_some());
    let target = state_of(draft.tree(), no);
    if packed && target.0 == Status::Shipped {
        draft.step(no, "ship", target, "nothing more is to be sent");
        moved_on(draft, no);
    }
}

/// Timers and events that follow from the state reached.
fn moved_on(draft: &mut Draft, no: OrderNo) {
    let at = draft.at();
    draft.disarm(no, TimerKind::Compensate);
    let shop = draft.stepped(no);
    if shop.status != Status::Shipped || shop.shipped_at.is_some() {
        return;
    }
    let due = at + shop.facts.auto_receive_ms;
    shop.shipped_at = Some(at);
    draft.disarm(no, TimerKind::ShipOverdue);
    if tell::recalled(draft.tree(), no).chain(tell::untold(draft.tree(), no)).next().is_none() {
        draft.disarm(no, TimerKind::Fulfilment);
    }
    draft.deadline(no, TimerKind::AutoReceive, due);
    draft.emit(no, Topic::Order, "ORDER_SHIPPED", json!({}));
}

fn shipped_event(draft: &mut Draft, row: &Shipment) {
    let late =
        draft.tree().shop(row.shop_no).is_some_and(|s| draft.at() > s.paid_at.unwrap_or(0) + s.facts.ship_within_ms);
    let mut data = json!({"shipment_no": row.no, "delivery": row.delivery, "carrier": row.carrier});
    data["waybill"] = json!(row.waybill);
    data["late"] = json!(late);
    draft.emit(row.shop_no, Topic::Fulfilment, "SHIPMENT_SHIPPED", data);
}

/// Tells the outside that a shipment arrived.
pub(super) fn delivered_event(draft: &mut Draft, row: &Shipment) {
    draft.emit(row.shop_no, Topic::Fulfilment, "SHIPMENT_DELIVERED", json!({"shipment_no": row.no}));
}

/// Events of the line's own.
pub(super) fn business_events(draft: &mut Draft, no: OrderNo, events: &[BusinessEvent]) {
    for event in events {
        let data = serde_json::from_str(&event.data).unwrap_or(serde_json::Value::Null);
        draft.emit(no, Topic::Order, &format!("BUSINESS_{}", event.name), json!({"data": data}));
    }
}

/// Later writes win, an empty value deletes.
pub fn merge(attributes: &mut Pairs, answer: &hook::Pairs) -> Result<(), BadEffect> {
    for (key, value) in answer {
        if value.is_empty() {
            attributes.remove(key);
        } else {
            attributes.insert(key.clone(), value.clone());
        }
    }
    let size = attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
    if size > MAX_ATTRIBUTES { Err(BadEffect::AttributesFull(size)) } else { Ok(()) }
}

/// Whether the order's stock has become a sale: from the end of deduct on.
pub fn is_deducted(shop: &ShopOrder) -> bool {
    matches!(shop.status, Status::Shipped | Status::Received | Status::Completed)
        || matches!(shop.sub_status, SubStatus::ToShip | SubStatus::PartShipped)
}
