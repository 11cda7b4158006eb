//! No oversell: every stock row is what its moves say, and a reservation ends with its order.

use std::collections::BTreeMap;

use super::findings::{Findings, Invariant};
use super::legal;
use super::snapshot::{Item, Snapshot};

/// Codes of moves.
const RESERVE: i64 = 0;
const CONFIRM: i64 = 1;
const RELEASE: i64 = 2;
const SELL: i64 = 3;
const RESTOCK: i64 = 4;

/// Codes of shipments that went wrong.
const LOST: i64 = 4;
const REFUSED: i64 = 5;

/// What moves add up to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Held {
    reserved: i64,
    sold: i64,
}

impl Held {
    fn add(&mut self, kind: i64, quantity: i64) {
        match kind {
            RESERVE => self.reserved += quantity,
            CONFIRM => {
                self.reserved -= quantity;
                self.sold += quantity;
            }
            RELEASE => self.reserved -= quantity,
            SELL => self.sold += quantity,
            RESTOCK => self.sold -= quantity,
            _ => self.reserved = i64::MIN,
        }
    }
}

pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    let mut by_key: BTreeMap<(String, String), Held> = BTreeMap::new();
    let mut by_order: BTreeMap<(i64, String), Held> = BTreeMap::new();
    for row in &snapshot.stock_moves {
        let (key, shop_no, kind, quantity) = (row.text(1), row.int(2), row.int(3), row.int(4));
        by_key.entry((row.text(0), key.clone())).or_default().add(kind, quantity);
        by_order.entry((shop_no, key)).or_default().add(kind, quantity);
    }
    for row in &snapshot.stock {
        let key = (row.text(0), row.text(1));
        let (available, is) = (row.int(2), Held { reserved: row.int(3), sold: row.int(4) });
        let moved = by_key.remove(&key).unwrap_or_default();
        findings.equal(Invariant::NoOversell, &is, &moved, || format!("stock of {key:?}"));
        let positive = available >= 0 && is.reserved >= 0 && is.sold >= 0;
        findings
            .check(Invariant::NoOversell, positive, || format!("stock of {key:?} is below zero: {available}, {is:?}"));
    }
    for key in by_key.keys() {
        findings.check(Invariant::NoOversell, false, || format!("{key:?} moved and has no stock row"));
    }
    let kept = kept(snapshot);
    let status: BTreeMap<i64, i64> = snapshot.shop_orders.iter().map(|shop| (shop.no, shop.status)).collect();
    for ((shop_no, key), held) in by_order {
        let Kept { least, most, came_back } = kept.get(&(shop_no, key.clone())).copied().unwrap_or_default();
        let holds = match status.get(&shop_no) {
            Some(&legal::CANCELLED) => held == Held::default(),
            // What was lost on the way stays sold for good, and nothing else does.
            Some(&legal::CLOSED) => held.reserved == 0 && (least..=most).contains(&held.sold),
            Some(&legal::SHIPPED | &legal::RECEIVED | &legal::COMPLETED) => {
                held.reserved == 0 && held.sold >= least && (held.sold > 0 || came_back)
            }
            Some(_) => held.reserved >= 0 && held.sold >= least,
            None => false,
        };
        let state = status.get(&shop_no);
        findings
            .check(Invariant::NoOversell, holds, || format!("{shop_no} in state {state:?} holds {held:?} of {key}"));
    }
}

/// What packages that went wrong mean for the stock of a key: between how many of it were lost, and whether any came back.
#[derive(Debug, Default, Clone, Copy)]
struct Kept {
    least: i64,
    most: i64,
    came_back: bool,
}

fn kept(snapshot: &Snapshot) -> BTreeMap<(i64, String), Kept> {
    let mut items: BTreeMap<(i64, i64), &Item> = BTreeMap::new();
    for item in &snapshot.items {
        items.insert((item.shop_no, item.line), item);
    }
    let mut kept: BTreeMap<(i64, String), Kept> = BTreeMap::new();
    for shipment in snapshot.shipments.iter().filter(|row| matches!(row.int(1), LOST | REFUSED)) {
        let packed = shipment.json(3);
        for packed in packed.as_array().map(Vec::as_slice).unwrap_or_default() {
            let line = packed["line"].as_i64().unwrap_or(-1);
            let Some(item) = items.get(&(shipment.int(0), line)) else { continue };
            for need in item.facts["stock"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let key = need["key"].as_str().unwrap_or_default().to_owned();
                let kept = kept.entry((shipment.int(0), key)).or_default();
                if shipment.int(1) == REFUSED {
                    kept.came_back = true;
                    continue;
                }
                // A need is of the whole line: what falls to some units of it is rounded one way or the other.
                let part = need["quantity"].as_i64().unwrap_or(0) * packed["quantity"].as_i64().unwrap_or(0);
                kept.least += part / item.quantity;
                kept.most += part / item.quantity + i64::from(part % item.quantity != 0);
            }
        }
    }
    kept
}
