//! Packages that go wrong: late ones are marked, lost and refused ones are taken out of the order and refunded.

use serde_json::json;

use super::aftersale;
use super::refund::{Wanted, left, owe, parts};
use super::ship::{all_delivered, state_of};
use super::stock::moves_of;
use super::undo::undo;
use crate::domain::catalogue::LineRules;
use crate::domain::change::Write;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{ExceptionKind, Shipment, ShipmentStatus};
use crate::domain::ids::RefundNo;
use crate::domain::order::{Reason, Status};
use crate::domain::resource::StockMoveKind;

/// What became of a package on its way. `numbers` holds [`super::refund::REFUNDS`] fresh numbers.
///
/// A late one only gets its mark. The items of a lost or refused one are refunded, as much of them as is left; the units
/// of a lost one stay sold, those of a refused one come back. Without a package that remains the order is undone, its
/// freight included. Answers whether everything that remains was delivered now, so that the receive hook has to be asked.
pub fn happened(
    draft: &mut Draft,
    shipment: &Shipment,
    kind: ExceptionKind,
    note: &str,
    rules: &LineRules,
    numbers: &[RefundNo],
) -> bool {
    let (no, at) = (shipment.shop_no, draft.at());
    let mut row = Shipment { note: note.to_owned(), ..shipment.clone() };
    match kind {
        ExceptionKind::Delayed => row.delayed_at = Some(at),
        ExceptionKind::Lost => row.status = ShipmentStatus::Lost,
        ExceptionKind::Refused => row.status = ShipmentStatus::Refused,
    }
    draft.shipment(Write::Update(row.clone()));
    let remains = draft.tree().shipments_of(no).any(Shipment::remains);
    let told = if note.is_empty() { row.no.to_string() } else { format!("{}: {note}", row.no) };
    if kind == ExceptionKind::Delayed || !remains {
        draft.stay(no, kind.word(), told);
    } else {
        let target = state_of(draft.tree(), no);
        draft.step(no, kind.word(), target, told);
    }
    exception_event(draft, &row, kind);
    if kind == ExceptionKind::Delayed {
        return false;
    }
    settle_stock(draft, &row, kind);
    let reason = if note.is_empty() { format!("package {} was {kind}", row.no) } else { note.to_owned() };
    if !remains {
        undo(draft, no, &Reason::new(kind.word(), &reason), rules, numbers);
        return false;
    }
    refund(draft, &row, &reason, numbers);
    draft.tree().shop(no).is_some_and(|shop| shop.status == Status::Shipped) && all_delivered(draft, no)
}

fn exception_event(draft: &mut Draft, row: &Shipment, kind: ExceptionKind) {
    let tag = match kind {
        ExceptionKind::Lost => "SHIPMENT_LOST",
        ExceptionKind::Delayed => "SHIPMENT_DELAYED",
        ExceptionKind::Refused => "SHIPMENT_REFUSED",
    };
    let data = json!({"shipment_no": row.no, "carrier": row.carrier, "waybill": row.waybill, "note": row.note});
    draft.emit(row.shop_no, Topic::Fulfilment, tag, data);
}

/// The units of the package are settled: whoever gives stock back later leaves them out.
fn settle_stock(draft: &mut Draft, row: &Shipment, kind: ExceptionKind) {
    let Some(before) = draft.tree().shop(row.shop_no).cloned() else { return };
    for (line, units) in row.units() {
        let number = before.items.iter().find(|item| item.line == line).map(|item| item.no);
        if let Some(item) = number.and_then(|no| draft.item(row.shop_no, no)) {
            item.refunded.restocked = (item.refunded.restocked + units).min(item.quantity);
        }
    }
    if kind == ExceptionKind::Refused {
        let Some(after) = draft.tree().shop(row.shop_no).cloned() else { return };
        let was = |line: u32| before.items.iter().find(|i| i.line == line).map_or(0, |i| i.refunded.restocked);
        let reason = format!("restock:{}", row.no);
        let back = moves_of(&after, |i| was(i.line)..i.refunded.restocked, StockMoveKind::Restock, &reason);
        draft.change.stock.extend(back);
    }
}

/// Owes what is left of the package's items.
fn refund(draft: &mut Draft, row: &Shipment, reason: &str, numbers: &[RefundNo]) {
    let Some(shop) = draft.tree().shop(row.shop_no).cloned() else { return };
    let units = row.units();
    let lost: Vec<_> = shop.items.iter().filter_map(|item| Some((item.no, *units.get(&item.line)?))).collect();
    aftersale::supersede(draft, row.shop_no, &lost, reason);
    let left = left(draft.tree(), &shop);
    let wanted = shop.items.iter().filter_map(|item| {
        let line = left.iter().find(|line| line.item_no == Some(item.no))?;
        let quantity = line.quantity.min(units.get(&item.line).copied().unwrap_or(0));
        (quantity > 0).then_some(Wanted { item_no: item.no, quantity, amount: None })
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let parts = parts(&left, &wanted).expect("each item is named once, with no more units than are left of it");
    owe(draft, &shop, &parts, (reason, None), numbers);
}
