//! Goods of an after-sale: on their way back, back, and the new ones of an exchange.

use serde_json::json;

use super::money::restock;
use super::{Cannot, arm, find, must, turn};
use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus, ReturnParcel};
use crate::domain::catalogue::LineRules;
use crate::domain::change::{ShipNotice, TimerKind, Write};
use crate::domain::decide::{stock, tell};
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{ExceptionKind, Packed, Shipment, ShipmentStatus};
use crate::domain::ids::{AftersaleNo, Millis, ShipmentNo};
use crate::domain::order::{Pairs, ShopOrder};
use crate::domain::resource::StockMoveKind;

/// The buyer sent the goods back.
pub fn sent_back(
    draft: &mut Draft,
    no: AftersaleNo,
    carrier: String,
    waybill: String,
    rules: &LineRules,
) -> Result<(), Cannot> {
    let mut row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Approved], "sent back")?;
    if !row.takes_goods_back() || row.detail.goods_back || row.detail.refund_begun {
        return Err(Cannot::State { no, status: row.status, what: "sent back: it takes no goods back" });
    }
    let at = draft.at();
    draft.stay(row.shop_no, "aftersale_return", waybill.clone());
    row.detail.parcel = Some(ReturnParcel { carrier, waybill, sent_at: at });
    turn(draft, row, AftersaleStatus::Returning, Some(at + rules.aftersale_confirm_ms));
    Ok(())
}

/// The carrier handed the goods to the merchant. The deadline for taking them back stays.
pub fn parcel_arrived(draft: &mut Draft, no: AftersaleNo) -> Result<(), Cannot> {
    let row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Returning], "delivered")?;
    draft.stay(row.shop_no, "aftersale_arrive", "");
    let deadline = row.deadline;
    turn(draft, row, AftersaleStatus::Returned, deadline);
    Ok(())
}

/// The merchant has the goods and takes them back. The money of a return begins with [`super::proceed`]; an exchange has
/// its new goods packed as shipment `number`.
pub fn confirm(draft: &mut Draft, no: AftersaleNo, number: ShipmentNo, note: &str) -> Result<(), Cannot> {
    let row = find(draft, no)?;
    must(&row, &[AftersaleStatus::Returning, AftersaleStatus::Returned], "confirmed")?;
    if row.detail.goods_back {
        return Err(Cannot::State { no, status: row.status, what: "confirmed again" });
    }
    take_back(draft, row, number, note)
}

pub(super) fn take_back(draft: &mut Draft, mut row: Aftersale, number: ShipmentNo, note: &str) -> Result<(), Cannot> {
    let shop = draft.tree().shop(row.shop_no).cloned().ok_or(Cannot::Unknown(row.no))?;
    let cause = row.no.to_string();
    draft.stay(shop.no, "aftersale_confirm", note);
    row.detail.goods_back = true;
    if row.kind == AftersaleKind::Exchange {
        // The buyer keeps as many units as before: what came back can be sold, what goes out is.
        let back = stock::replacement(&shop, &row.items, StockMoveKind::Restock, &cause);
        let out = stock::replacement(&shop, &row.items, StockMoveKind::Confirm, &cause);
        draft.change.stock.extend(back.into_iter().chain(out));
        draft.shipment(Write::Insert(package(&shop, &row, number, draft.at())));
        let data = json!({"shipment_no": number, "aftersale_no": row.no});
        draft.emit(shop.no, Topic::Fulfilment, "SHIPMENT_CREATED", data);
        row.detail.shipment_no = Some(number);
        let sends_until = draft.at() + shop.facts.ship_within_ms;
        turn(draft, row, AftersaleStatus::Reshipping, Some(sends_until));
        return Ok(());
    }
    restock(draft, &shop, &row.items, &cause);
    // The money waits for nothing but forward; should this host die now, the timer goes on.
    draft.arm(shop.no, TimerKind::Compensate, draft.at(), 0);
    turn(draft, row, AftersaleStatus::Returned, None);
    Ok(())
}

/// The new goods of an exchange. Their shipment belongs to the after-sale and never moves the order's state.
fn package(shop: &ShopOrder, row: &Aftersale, no: ShipmentNo, at: Millis) -> Shipment {
    let line = |item_no| shop.items.iter().find(|i| i.no == item_no).map(|i| i.line);
    let packed = row.items.iter().filter_map(|c| Some(Packed { line: line(c.item_no)?, quantity: c.quantity }));
    Shipment {
        no,
        shop_no: shop.no,
        aftersale_no: Some(row.no),
        status: ShipmentStatus::Created,
        delivery: shop.facts.delivery,
        carrier: String::new(),
        waybill: None,
        items: packed.collect(),
        secrets: None,
        attributes: Pairs::new(),
        created_at: at,
        shipped_at: None,
        delivered_at: None,
        delayed_at: None,
        told_at: None,
        taken_at: None,
        note: String::new(),
    }
}

/// Whether a ship notice or a delivery of an exchange's package did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It did.
    Yes,
    /// A repeat, or too late.
    Late,
    /// Nothing has left yet.
    Early,
}

/// The exchange whose new goods a shipment holds.
fn exchange_of(draft: &Draft, shipment: &Shipment) -> Result<Aftersale, Cannot> {
    find(draft, shipment.aftersale_no.ok_or(Cannot::NoExchange(shipment.no))?)
}

/// The new goods of an exchange left.
pub fn shipped(draft: &mut Draft, shipment: &Shipment, notice: &ShipNotice) -> Result<Moved, Cannot> {
    let mut row = exchange_of(draft, shipment)?;
    if row.status != AftersaleStatus::Reshipping || shipment.status != ShipmentStatus::Created {
        return Ok(Moved::Late);
    }
    let at = draft.at();
    let mut sent = shipment.clone();
    (sent.status, sent.shipped_at, sent.carrier) = (ShipmentStatus::Shipped, Some(at), notice.carrier.clone());
    sent.waybill = Some(notice.waybill.clone());
    tell::left(draft, &mut sent, notice.by_service);
    let deadline = at + draft.stay(row.shop_no, "aftersale_ship", notice.waybill.clone()).facts.auto_receive_ms;
    draft.shipment(Write::Update(sent));
    let data = json!({
        "shipment_no": shipment.no, "aftersale_no": row.no, "carrier": notice.carrier, "waybill": notice.waybill,
    });
    draft.emit(row.shop_no, Topic::Fulfilment, "SHIPMENT_SHIPPED", data);
    (row.deadline, row.updated_at) = (Some(deadline), at);
    let shop_no = row.shop_no;
    draft.aftersale(Write::Update(row));
    arm(draft, shop_no);
    Ok(Moved::Yes)
}

/// The new goods of an exchange arrived.
pub fn delivered(draft: &mut Draft, shipment: &Shipment) -> Result<Moved, Cannot> {
    let row = exchange_of(draft, shipment)?;
    match shipment.status {
        ShipmentStatus::Created => Ok(Moved::Early),
        ShipmentStatus::Shipped if row.status == AftersaleStatus::Reshipping => {
            exchanged(draft, row, "delivered");
            Ok(Moved::Yes)
        }
        _ => Ok(Moved::Late),
    }
}

/// The new goods of an exchange are late, lost or refused at the door. Late is a mark; else the money goes back instead,
/// as of a return whose goods are back.
pub fn went_wrong(draft: &mut Draft, shipment: &Shipment, kind: ExceptionKind, note: &str) -> Result<Moved, Cannot> {
    let row = exchange_of(draft, shipment)?;
    match shipment.status {
        ShipmentStatus::Created => return Ok(Moved::Early),
        ShipmentStatus::Shipped if row.status == AftersaleStatus::Reshipping => {}
        _ => return Ok(Moved::Late),
    }
    let (at, shop_no) = (draft.at(), row.shop_no);
    let mut sent = Shipment { note: note.to_owned(), ..shipment.clone() };
    match kind {
        ExceptionKind::Delayed => sent.delayed_at = Some(at),
        ExceptionKind::Lost => sent.status = ShipmentStatus::Lost,
        ExceptionKind::Refused => sent.status = ShipmentStatus::Refused,
    }
    draft.stay(shop_no, "aftersale_exception", kind.word());
    draft.shipment(Write::Update(sent));
    let data = json!({"shipment_no": shipment.no, "aftersale_no": row.no, "note": note});
    draft.emit(shop_no, Topic::Fulfilment, &format!("SHIPMENT_{}", kind.word().to_uppercase()), data);
    if kind == ExceptionKind::Delayed {
        return Ok(Moved::Yes);
    }
    if let Some(shop) = draft.tree().shop(shop_no).cloned() {
        if kind == ExceptionKind::Refused {
            restock(draft, &shop, &row.items, &shipment.no.to_string());
        } else {
            settle_units(draft, &row);
        }
    }
    into_money(draft, row, &format!("the new goods were {kind}: the money goes back"));
    Ok(Moved::Yes)
}

/// Units that were lost stay sold: nobody gives their stock back later.
fn settle_units(draft: &mut Draft, row: &Aftersale) {
    for claim in &row.items {
        if let Some(item) = draft.item(row.shop_no, claim.item_no) {
            item.refunded.restocked += claim.quantity;
        }
    }
}

/// An exchange without new goods is a return whose goods are back.
fn into_money(draft: &mut Draft, mut row: Aftersale, note: &str) {
    row.kind = AftersaleKind::Return;
    row.detail.note = Some(note.to_owned());
    let at = draft.at();
    draft.arm(row.shop_no, TimerKind::Compensate, at, 0);
    turn(draft, row, AftersaleStatus::Returned, None);
}

/// The deadline of an exchange passed: the buyer has the new goods, or nobody sent them and the money goes back.
pub(super) fn overdue(draft: &mut Draft, row: Aftersale) {
    let sent = draft.tree().shipments.iter().find(|s| Some(s.no) == row.detail.shipment_no);
    if sent.is_some_and(|s| s.status == ShipmentStatus::Shipped) {
        exchanged(draft, row, "timer");
        return;
    }
    draft.stay(row.shop_no, "aftersale_unsent", "");
    if let Some(shop) = draft.tree().shop(row.shop_no).cloned() {
        restock(draft, &shop, &row.items, &row.detail.shipment_no.map(|no| no.to_string()).unwrap_or_default());
    }
    never_sent(draft, &row);
    into_money(draft, row, "the new goods were not sent in time: the money goes back");
}

/// New goods that have not left must not leave any more.
pub(super) fn never_sent(draft: &mut Draft, row: &Aftersale) {
    let package = draft.tree().shipments.iter().find(|s| Some(s.no) == row.detail.shipment_no);
    let Some(mut package) = package.filter(|s| s.status == ShipmentStatus::Created).cloned() else { return };
    package.status = ShipmentStatus::Cancelled;
    if package.told_at.is_some() {
        let at = draft.at();
        draft.arm(row.shop_no, TimerKind::Fulfilment, at, 0);
    }
    draft.shipment(Write::Update(package));
}

pub(super) fn exchanged(draft: &mut Draft, mut row: Aftersale, how: &str) {
    let at = draft.at();
    let shop_no = row.shop_no;
    draft.stay(shop_no, "aftersale_exchange", how);
    let sent = draft.tree().shipments.iter().find(|s| Some(s.no) == row.detail.shipment_no).cloned();
    if let Some(mut shipment) = sent.filter(|s| s.status == ShipmentStatus::Shipped) {
        (shipment.status, shipment.delivered_at) = (ShipmentStatus::Delivered, Some(at));
        let data = json!({"shipment_no": shipment.no, "aftersale_no": row.no});
        draft.shipment(Write::Update(shipment));
        draft.emit(shop_no, Topic::Fulfilment, "SHIPMENT_DELIVERED", data);
    }
    row.detail.note = Some(how.to_owned());
    turn(draft, row, AftersaleStatus::Exchanged, None);
    super::resume(draft, shop_no);
}
