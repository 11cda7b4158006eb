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
    let moved: std::collections::BTreeSet<i64> = by_order.keys().map(|(shop_no, _)| *shop_no).collect();
    for shop in snapshot.shop_orders.iter().filter(|shop| shop.stock_pending() || shop.is_hidden()) {
        let none = !moved.contains(&shop.no);
        findings.check(Invariant::NoOversell, none, || format!("{} waits for its stock and has moved some", shop.no));
    }
    let lost = lost(snapshot);
    let status: BTreeMap<i64, i64> = snapshot.shop_orders.iter().map(|shop| (shop.no, shop.status)).collect();
    let needs = needs(snapshot);
    for ((shop_no, key), held) in by_order {
        let (left, all) = needs.get(&(shop_no, key.clone())).copied().unwrap_or_default();
        // What did not come back is sold, and what was lost on the way is, too.
        let lost = lost.get(&(shop_no, key.clone())).copied().unwrap_or_default();
        let sold = (left + lost..=all).contains(&held.sold);
        let holds = match status.get(&shop_no) {
            Some(&legal::CANCELLED) => held == Held::default(),
            Some(&legal::CLOSED | &legal::COMPLETED) => held.reserved == 0 && sold,
            // An exchange holds its new goods.
            Some(&legal::SHIPPED | &legal::RECEIVED) => held.reserved >= 0 && sold,
            Some(_) => held.reserved >= 0 && held.sold >= lost,
            None => false,
        };
        let state = status.get(&shop_no);
        findings
            .check(Invariant::NoOversell, holds, || format!("{shop_no} in state {state:?} holds {held:?} of {key}"));
    }
}

/// What each order still takes of each stock key, and what it took at first. Units whose stock was settled are off.
fn needs(snapshot: &Snapshot) -> BTreeMap<(i64, String), (i64, i64)> {
    let mut needs: BTreeMap<(i64, String), (i64, i64)> = BTreeMap::new();
    for item in &snapshot.items {
        let settled = item.refunded["restocked"].as_i64().unwrap_or_default();
        for need in item.facts["stock"].as_array().into_iter().flatten() {
            let quantity = need["quantity"].as_i64().unwrap_or_default();
            let key = need["key"].as_str().unwrap_or_default().to_owned();
            let (left, all) = needs.entry((item.shop_no, key)).or_default();
            *left += quantity - quantity * settled / item.quantity.max(1);
            *all += quantity;
        }
    }
    needs
}

/// How many of a key were lost with packages, at least: a need is of the whole line, and what falls to some units of it
/// is rounded.
fn lost(snapshot: &Snapshot) -> BTreeMap<(i64, String), i64> {
    let items: BTreeMap<(i64, i64), &Item> =
        snapshot.items.iter().map(|item| ((item.shop_no, item.line), item)).collect();
    let mut lost: BTreeMap<(i64, String), i64> = BTreeMap::new();
    for shipment in snapshot.shipments.iter().filter(|row| row.int(1) == LOST) {
        for packed in shipment.json(3).as_array().into_iter().flatten() {
            let line = packed["line"].as_i64().unwrap_or(-1);
            let Some(item) = items.get(&(shipment.int(0), line)) else { continue };
            for need in item.facts["stock"].as_array().into_iter().flatten() {
                let key = need["key"].as_str().unwrap_or_default().to_owned();
                let part = need["quantity"].as_i64().unwrap_or(0) * packed["quantity"].as_i64().unwrap_or(0);
                *lost.entry((shipment.int(0), key)).or_default() += part / item.quantity.max(1);
            }
        }
    }
    lost
}
