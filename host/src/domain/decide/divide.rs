//! One prepared shipment becomes several packages, by hand.

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::change::Write;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::fulfilment::{Packed, Shipment, ShipmentStatus};
use crate::domain::ids::{Millis, ShipmentNo};

/// Packages of one shop order at most, those of the ship hook included.
pub const PACKAGES_MAX: usize = 50;

/// Why a shipment cannot be divided so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotDivide {
    /// Too few or too many.
    #[error("give 2 packages or more; an order has at most {PACKAGES_MAX}")]
    Count,
    /// A package holds nothing, or a line twice or with no units.
    #[error("package {0}: name each line once, with at least one unit")]
    Package(usize),
    /// The units are not those of the shipment.
    #[error("line {line}: the shipment holds {packed} units, the packages {wanted}; each unit goes into one package")]
    Units {
        /// Which line.
        line: u32,
        /// In the shipment.
        packed: u32,
        /// In the packages.
        wanted: u64,
    },
    /// It is not waiting to be shipped any more.
    #[error("the shipment is {0}: only one that waits to be shipped can be divided")]
    Left(ShipmentStatus),
    /// Its secrets are of the whole.
    #[error("the shipment carries delivery secrets and stays whole")]
    Secrets,
    /// Somebody is packing it already.
    #[error("the fulfilment service took the shipment already")]
    Told,
}

/// Divides a shipment of a packed order: the first package keeps its number, each other one gets a fresh number.
pub fn divide(
    draft: &mut Draft,
    shipment: &Shipment,
    packages: &[Vec<Packed>],
    numbers: &[ShipmentNo],
) -> Result<(), CannotDivide> {
    let (no, at) = (shipment.shop_no, draft.at());
    may_be_divided(shipment)?;
    let others = draft.tree().shipments_of(no).count().saturating_sub(1);
    if packages.len() < 2 || packages.len() + others > PACKAGES_MAX || numbers.len() + 1 < packages.len() {
        return Err(CannotDivide::Count);
    }
    each_unit_once(shipment, packages)?;
    let more: Vec<String> = numbers.iter().take(packages.len() - 1).map(ToString::to_string).collect();
    draft.stay(no, "divide", format!("{} gives units to {}", shipment.no, more.join(", ")));
    let mut packages = packages.iter();
    if let Some(first) = packages.next() {
        draft.shipment(Write::Update(Shipment { items: first.clone(), ..shipment.clone() }));
    }
    for (items, number) in packages.zip(numbers) {
        draft.shipment(Write::Insert(package(shipment, *number, items.clone(), at)));
        draft.emit(no, Topic::Fulfilment, "SHIPMENT_CREATED", json!({"shipment_no": number}));
    }
    Ok(())
}

fn may_be_divided(shipment: &Shipment) -> Result<(), CannotDivide> {
    if shipment.status != ShipmentStatus::Created {
        return Err(CannotDivide::Left(shipment.status));
    }
    if shipment.secrets.is_some() {
        return Err(CannotDivide::Secrets);
    }
    // One that it may know of and did not take is told again with what is in it now.
    if shipment.taken_at.is_some() {
        return Err(CannotDivide::Told);
    }
    Ok(())
}

fn each_unit_once(shipment: &Shipment, packages: &[Vec<Packed>]) -> Result<(), CannotDivide> {
    let mut wanted: BTreeMap<u32, u64> = shipment.units().into_keys().map(|line| (line, 0)).collect();
    for (index, package) in packages.iter().enumerate() {
        let mut lines: Vec<u32> = package.iter().map(|packed| packed.line).collect();
        lines.sort_unstable();
        lines.dedup();
        if package.is_empty() || lines.len() < package.len() || package.iter().any(|packed| packed.quantity == 0) {
            return Err(CannotDivide::Package(index));
        }
        for packed in package {
            *wanted.entry(packed.line).or_default() += u64::from(packed.quantity);
        }
    }
    let packed = shipment.units();
    for (line, wanted) in wanted {
        let packed = packed.get(&line).copied().unwrap_or(0);
        if wanted != u64::from(packed) {
            return Err(CannotDivide::Units { line, packed, wanted });
        }
    }
    Ok(())
}

/// A package of a divided shipment. What the plugin said of the whole goes with each; a waybill is of one package.
fn package(of: &Shipment, no: ShipmentNo, items: Vec<Packed>, at: Millis) -> Shipment {
    Shipment { no, items, waybill: None, told_at: None, created_at: at, ..of.clone() }
}
