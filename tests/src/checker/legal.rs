//! Every step is in the table, versions count by one, nothing leaves a final state.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Invariant};
use super::snapshot::{Flow, ShopOrder, Snapshot};

pub(super) const CREATED: i64 = 0;
pub(super) const CANCELLED: i64 = 1;
pub(super) const PAID: i64 = 2;
pub(super) const SHIPPED: i64 = 3;
pub(super) const RECEIVED: i64 = 4;
pub(super) const CLOSED: i64 = 5;
pub(super) const COMPLETED: i64 = 6;

/// Main states that may follow one another; staying is allowed in those that are not final.
const TABLE: [(i64, i64); 8] = [
    (CREATED, CANCELLED),
    (CREATED, PAID),
    (PAID, SHIPPED),
    (PAID, CLOSED),
    (SHIPPED, RECEIVED),
    (SHIPPED, CLOSED),
    (RECEIVED, COMPLETED),
    (RECEIVED, CLOSED),
];

/// Tells the outside fulfilment service, also of packages that must not leave because their order ended.
const FULFILMENT_TIMER: i64 = 10;

/// Steps that touch only what is beside the state; possible after the end, too.
const ANNOTATIONS: [&str; 5] = ["visible", "rate", "comment", "tags", "recalled"];

pub(super) fn is_final(status: i64) -> bool {
    matches!(status, CANCELLED | CLOSED | COMPLETED)
}

pub(super) fn is_delivered(status: i64) -> bool {
    matches!(status, SHIPPED | RECEIVED | COMPLETED)
}

pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    let mut flows: BTreeMap<i64, Vec<&Flow>> = BTreeMap::new();
    for flow in &snapshot.flows {
        flows.entry(flow.shop_no).or_default().push(flow);
    }
    let ours = snapshot.timers.iter().filter(|row| row.int(1) != FULFILMENT_TIMER);
    let armed: BTreeSet<i64> = ours.map(|row| row.int(0)).collect();
    for shop in &snapshot.shop_orders {
        let rows = flows.remove(&shop.no).unwrap_or_default();
        history(shop, &rows, findings);
        let unseen = !shop.is_hidden() || matches!(shop.status, CREATED | CANCELLED) && shop.sequences["order"] == 0;
        findings.check(Invariant::Legal, unseen, || format!("{} is not visible and went on, or told of it", shop.no));
        let ended = is_final(shop.status);
        findings.equal(Invariant::Legal, &shop.ended_at.is_some(), &ended, || format!("whether {} ended", shop.no));
        let waits = ended && armed.contains(&shop.no);
        findings.check(Invariant::Legal, !waits, || format!("{} ended and a timer is armed", shop.no));
    }
    for orphan in flows.keys() {
        findings.check(Invariant::Legal, false, || format!("flow rows of {orphan}, which is no order"));
    }
    for order in &snapshot.pay_orders {
        let states: Vec<i64> = snapshot.shops_of(order.no).map(|shop| shop.status).collect();
        let fits = match order.status {
            CREATED | CANCELLED => states.iter().all(|status| *status == order.status),
            PAID => states.iter().all(|status| !matches!(*status, CREATED | CANCELLED)),
            _ => false,
        };
        findings.check(Invariant::Legal, fits, || format!("{} is {} over {states:?}", order.no, order.status));
    }
}

fn history(shop: &ShopOrder, rows: &[&Flow], findings: &mut Findings) {
    let steps: Vec<&&Flow> = rows.iter().filter(|flow| flow.n == 0).collect();
    let versions: Vec<i64> = steps.iter().map(|flow| flow.version).collect();
    let wanted: Vec<i64> = (0..=shop.version).collect();
    findings.equal(Invariant::Legal, &versions, &wanted, || format!("versions of {}", shop.no));
    let mut before = None;
    for step in &steps {
        let beside = ANNOTATIONS.contains(&step.event.as_str()) && step.from == Some(step.to);
        let follows = step.from == before && before.is_none_or(|from| beside || may_follow(from.0, step.to.0));
        let what = || format!("{}: {} from {:?} to {:?} after {before:?}", shop.no, step.event, step.from, step.to);
        findings.check(Invariant::Legal, follows, what);
        before = Some(step.to);
    }
    let state = Some((shop.status, shop.sub_status));
    findings.equal(Invariant::Legal, &before, &state, || format!("the last step of {}", shop.no));
    for ignored in rows.iter().filter(|flow| flow.n != 0) {
        let nothing = ignored.from == Some(ignored.to) && (0..=shop.version).contains(&ignored.version);
        findings.check(Invariant::Legal, nothing, || {
            format!("{}: an ignored {} changed something", shop.no, ignored.event)
        });
    }
}

fn may_follow(from: i64, to: i64) -> bool {
    from == to && !is_final(from) || TABLE.contains(&(from, to))
}
