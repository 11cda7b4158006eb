//! What the outside fulfilment service has to be told of a shop order's packages.

use crate::domain::change::{TimerKind, Write};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::order::{Status, SubStatus};
use crate::domain::tree::OrderTree;

/// Packages that wait to be shipped and that it has not taken.
pub fn untold(tree: &OrderTree, no: OrderNo) -> impl Iterator<Item = &Shipment> {
    let packed = tree.shop(no).is_some_and(|shop| {
        shop.status == Status::Paid && shop.packed_at.is_some() && shop.sub_status != SubStatus::Closing
    });
    tree.shipments_of(no).filter(move |s| packed && s.status == ShipmentStatus::Created && s.told_at.is_none())
}

/// Packages that it took and that must not leave any more.
pub fn recalled(tree: &OrderTree, no: OrderNo) -> impl Iterator<Item = &Shipment> {
    tree.shipments_of(no).filter(|s| s.status == ShipmentStatus::Cancelled && s.told_at.is_some())
}

/// It shall be told now of packages that wait; nothing if none does.
pub fn arm(draft: &mut Draft, no: OrderNo) {
    if untold(draft.tree(), no).next().is_some() {
        let at = draft.at();
        draft.arm(no, TimerKind::Fulfilment, at, 0);
    }
}

/// It took a package. Whatever mark its silence had left is cleared.
pub fn taken(draft: &mut Draft, no: OrderNo, shipment_no: ShipmentNo, mark: &str) {
    let Some(shipment) = untold(draft.tree(), no).find(|s| s.no == shipment_no).cloned() else { return };
    let shop = draft.stay(no, "told", shipment_no.to_string());
    if shop.attention.as_deref().is_some_and(|why| why.starts_with(mark)) {
        shop.attention = None;
    }
    let told_at = Some(draft.at());
    draft.shipment(Write::Update(Shipment { told_at, ..shipment }));
}
