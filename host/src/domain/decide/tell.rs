//! What the outside fulfilment service has to be told of a shop order's packages.

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::ids::OrderNo;
use crate::domain::order::{Status, SubStatus};
use crate::domain::tree::OrderTree;

/// Packages that wait to be shipped, those of exchanges too, and that it has not taken as they are.
pub fn untold(tree: &OrderTree, no: OrderNo) -> impl Iterator<Item = &Shipment> {
    let packed = tree.shop(no).is_some_and(|shop| {
        shop.status == Status::Paid && shop.packed_at.is_some() && shop.sub_status != SubStatus::Closing
    });
    let waits = move |s: &&Shipment| {
        s.shop_no == no && (packed || s.aftersale_no.is_some()) && s.status == ShipmentStatus::Created
    };
    tree.shipments.iter().filter(waits).filter(|s| s.taken_at.is_none())
}

/// Packages that it may know of and must not send: cancelled, or sent by somebody else.
pub fn recalled(tree: &OrderTree, no: OrderNo) -> impl Iterator<Item = &Shipment> {
    let recalled = move |s: &&Shipment| s.shop_no == no && s.status != ShipmentStatus::Created && s.told_at.is_some();
    tree.shipments.iter().filter(recalled)
}

/// A package leaves. If somebody else sends one that the service may know of, it shall hear so.
pub(super) fn left(draft: &mut Draft, shipment: &mut Shipment, by_service: bool) {
    if by_service {
        shipment.told_at = None;
    } else if shipment.told_at.is_some() {
        let at = draft.at();
        draft.arm(shipment.shop_no, TimerKind::Fulfilment, at, 0);
    }
}

/// It shall be told now of packages that wait; nothing if none does.
pub fn arm(draft: &mut Draft, no: OrderNo) {
    if untold(draft.tree(), no).next().is_some() {
        let at = draft.at();
        draft.arm(no, TimerKind::Fulfilment, at, 0);
    }
}

/// It is about to be told: whoever decides on these packages from now on must reckon with its knowing them.
pub fn telling(draft: &mut Draft, no: OrderNo) {
    let fresh: Vec<Shipment> = untold(draft.tree(), no).filter(|s| s.told_at.is_none()).cloned().collect();
    if fresh.is_empty() {
        return;
    }
    draft.stay(no, "telling", "");
    let told_at = Some(draft.at());
    for shipment in fresh {
        draft.shipment(Write::Update(Shipment { told_at, ..shipment }));
    }
}

/// It took what it was told of a package: that it waits, with these contents, or that it must not be sent. Whatever mark
/// its silence had left is cleared.
pub fn taken(draft: &mut Draft, told: &Shipment, mark: &str) {
    let no = told.shop_no;
    let recalled = told.status != ShipmentStatus::Created;
    let tree = draft.tree();
    let found = if recalled {
        self::recalled(tree, no).find(|s| s.no == told.no)
    } else {
        untold(tree, no).find(|s| s.no == told.no && s.items == told.items)
    };
    let Some(mut shipment) = found.cloned() else { return };
    let note = shipment.no.to_string();
    let shop = if recalled { draft.annotate(no, "recalled", note) } else { draft.stay(no, "told", note) };
    if shop.attention.as_deref().is_some_and(|why| why.starts_with(mark)) {
        shop.attention = None;
    }
    if recalled {
        shipment.told_at = None;
    } else {
        shipment.taken_at = Some(draft.at());
    }
    draft.shipment(Write::Update(shipment));
}
