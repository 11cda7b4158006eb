//! No lost order, and every effect once.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Invariant};
use super::snapshot::{ShopOrder, Snapshot};
use super::{Outside, legal};
use crate::history::Outcome;
use crate::world::Line;

pub(super) fn check(snapshot: &Snapshot, outside: &Outside, findings: &mut Findings) {
    whole(snapshot, findings);
    created(snapshot, outside, findings);
    suppliers(snapshot, outside, findings);
    ours(snapshot, findings);
}

/// Every level has its neighbours.
fn whole(snapshot: &Snapshot, findings: &mut Findings) {
    let pay: BTreeSet<i64> =
        snapshot.pay_orders.iter().filter(|order| !order.is_merged()).map(|order| order.no).collect();
    let parents: BTreeSet<i64> = snapshot.shop_orders.iter().map(|shop| shop.pay_no).collect();
    let shops: BTreeSet<i64> = snapshot.shop_orders.iter().map(|shop| shop.no).collect();
    let with_items: BTreeSet<i64> = snapshot.items.iter().map(|item| item.shop_no).collect();
    findings.equal(Invariant::NoLostOrder, &parents, &pay, || "pay orders with shop orders".to_owned());
    findings.equal(Invariant::NoLostOrder, &with_items, &shops, || "shop orders with items".to_owned());
}

/// Every acknowledged create exists exactly once, an unknown one at most once, a refused one never.
fn created(snapshot: &Snapshot, outside: &Outside, findings: &mut Findings) {
    let mut found: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for order in snapshot.pay_orders.iter().filter(|order| !order.is_voided()) {
        if let Some(name) = order.facts["out_id"].as_str() {
            found.entry(name).or_default().push(order.no);
        }
    }
    let mut told: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for create in &outside.creates {
        told.entry(&create.out_id).or_default().push(&create.outcome);
    }
    for (name, outcomes) in told {
        let there = found.get(name).map(Vec::as_slice).unwrap_or_default();
        let acknowledged: BTreeSet<i64> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Acknowledged(no) => Some(*no),
                Outcome::Refused | Outcome::Unknown => None,
            })
            .collect();
        let holds = match (acknowledged.len(), there) {
            (0, []) => true,
            (0, [_]) => outcomes.contains(&&Outcome::Unknown),
            (1, [no]) => acknowledged.contains(no),
            _ => false,
        };
        findings.check(Invariant::NoLostOrder, holds, || format!("{name} was told {outcomes:?} and is {there:?}"));
    }
}

/// The suppliers' books agree with ours.
fn suppliers(snapshot: &Snapshot, outside: &Outside, findings: &mut Findings) {
    let mut effects: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for entry in &outside.entries {
        *effects.entry((entry.operation, &entry.order)).or_default() += 1;
    }
    for ((operation, order), count) in &effects {
        findings.check(Invariant::Once, *count == 1, || format!("{operation} of {order} happened {count} times"));
    }
    if outside.entries.is_empty() {
        return;
    }
    // Data of earlier runs is not in these books.
    let acknowledged = |create: &crate::history::Create| match create.outcome {
        Outcome::Acknowledged(no) => Some(no),
        Outcome::Refused | Outcome::Unknown => None,
    };
    let ours: BTreeSet<i64> = outside.creates.iter().filter_map(acknowledged).collect();
    let delivered = |shop: &&ShopOrder| legal::is_delivered(shop.status) && ours.contains(&shop.pay_no);
    for shop in snapshot.shop_orders.iter().filter(delivered) {
        let line = Line::ALL.into_iter().find(|line| line.code() == shop.business);
        let Some(operation) = line.and_then(Line::effect) else { continue };
        let order = shop.no.to_string();
        let is_there = effects.contains_key(&(operation, order.as_str()));
        findings.check(Invariant::Once, is_there, || format!("{order} is delivered and no supplier knows it"));
    }
}

/// Our own effects that exist once per order.
fn ours(snapshot: &Snapshot, findings: &mut Findings) {
    let settled: BTreeSet<i64> = snapshot.settlements.iter().map(|row| row.int(0)).collect();
    findings.equal(Invariant::Once, &settled.len(), &snapshot.settlements.len(), || "orders settled".to_owned());
    for shop in &snapshot.shop_orders {
        let is_settled = settled.contains(&shop.no);
        // A closed order is settled if something of it was retained.
        let fits = match shop.status {
            legal::COMPLETED => is_settled,
            legal::CLOSED => true,
            _ => !is_settled,
        };
        findings.check(Invariant::Once, fits, || format!("whether {} is settled: {is_settled}", shop.no));
    }
    let priced: BTreeSet<(i64, i64)> = snapshot.snapshots.iter().map(|row| (row.int(0), row.int(1))).collect();
    for order in &snapshot.pay_orders {
        let is_priced = priced.contains(&(order.no, 0));
        findings.check(Invariant::Once, is_priced, || format!("{} has no snapshot of its prices", order.no));
    }
    let waybills: Vec<String> = snapshot.shipments.iter().filter_map(|row| row.opt_text(2)).collect();
    let distinct: BTreeSet<&String> = waybills.iter().collect();
    findings.equal(Invariant::Once, &distinct.len(), &waybills.len(), || "waybills".to_owned());
    let trades: Vec<(&str, &str)> = snapshot
        .payments
        .iter()
        .filter_map(|payment| Some((payment.method.as_str(), payment.trade_no.as_deref()?)))
        .collect();
    let distinct: BTreeSet<&(&str, &str)> = trades.iter().collect();
    findings.equal(Invariant::Once, &distinct.len(), &trades.len(), || "trades".to_owned());
}
