//! After-sales: over with their order, never for more than was bought, and refunded with exactly what they say.

use std::collections::BTreeMap;

use super::findings::{Findings, Invariant};
use super::legal;
use super::snapshot::{Aftersale, Snapshot};

const REFUNDING: i64 = 4;
const REFUNDED: i64 = 5;
const EXCHANGED: i64 = 7;
const REJECTED: i64 = 8;
const CANCELLED: i64 = 10;
const SUCCEEDED: i64 = 1;
const COINS: i64 = 2;

pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    let shops: BTreeMap<i64, i64> = snapshot.shop_orders.iter().map(|shop| (shop.no, shop.status)).collect();
    let mut units: BTreeMap<i64, i64> = BTreeMap::new();
    for asked in &snapshot.aftersales {
        let Some(status) = shops.get(&asked.shop_no) else {
            findings.check(Invariant::Legal, false, || format!("after-sale {} of no order", asked.no));
            continue;
        };
        let left_open = legal::is_final(*status) && asked.ended_at.is_none();
        findings.check(Invariant::Legal, !left_open, || {
            format!("{} ended, its after-sale {} not", asked.shop_no, asked.no)
        });
        let over = matches!(asked.status, REFUNDED | EXCHANGED | CANCELLED);
        let fits = asked.ended_at.is_some() == over || asked.status == REJECTED;
        findings.check(Invariant::Legal, fits, || {
            format!("after-sale {} in state {} has ended: {:?}", asked.no, asked.status, asked.ended_at)
        });
        money(snapshot, asked, findings);
        if matches!(asked.status, REFUNDING | REFUNDED) {
            for claim in claims(asked) {
                *units.entry(number(&claim["item_no"])).or_default() += claim["quantity"].as_i64().unwrap_or_default();
            }
        }
    }
    for item in &snapshot.items {
        let back = units.get(&item.no).copied().unwrap_or_default();
        // An undone order takes open after-sales with it: then what they asked for is not counted twice.
        let closed = shops.get(&item.shop_no) == Some(&legal::CLOSED);
        let fits = closed || back <= item.quantity;
        findings.check(Invariant::MoneyConserved, fits, || {
            format!("{back} of {} units of {} went back", item.quantity, item.no)
        });
    }
}

/// A refunded after-sale gave back what it says, in the ways together; one that was not gave nothing.
fn money(snapshot: &Snapshot, asked: &Aftersale, findings: &mut Findings) {
    let mine = || snapshot.refunds.iter().filter(|refund| refund.aftersale_no == Some(asked.no));
    let done: i64 = mine().filter(|r| r.status == SUCCEEDED && r.way != COINS).map(|r| r.amount).sum();
    let said: i64 = claims(asked).map(|claim| claim["cash"].as_i64().unwrap_or_default()).sum();
    let begun = asked.detail["refund_begun"] == true;
    let fits = match asked.status {
        // With the last units of an order goes what else was left of it; with an undone order everything goes at once.
        REFUNDED => done >= said || mine().next().is_none(),
        REFUNDING => begun,
        _ => begun || mine().next().is_none(),
    };
    findings.check(Invariant::MoneyConserved, fits, || {
        format!("after-sale {} in state {} said {said} and gave {done}", asked.no, asked.status)
    });
}

fn claims(asked: &Aftersale) -> impl Iterator<Item = &serde_json::Value> {
    asked.items.as_array().into_iter().flatten()
}

fn number(value: &serde_json::Value) -> i64 {
    value.as_str().and_then(|no| no.parse().ok()).unwrap_or_default()
}
