//! Every open order's deadline is that of the timer which keeps it.
//!
//! They differ in three cases only: a timer whose work is being repeated moved on alone, in `cancelling` it repeats the
//! closing of payments, and a missed shipping deadline stays without a timer. A receipt that waits for a supplier or for a
//! person has no timer either, nor has a settlement that waits for an after-sale.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Invariant};
use super::legal::{CREATED, PAID, RECEIVED, SHIPPED};
use super::snapshot::{ShopOrder, Snapshot};

const CANCELLING: i64 = 11;
const CLOSING: i64 = 90;
const PAY_TIMEOUT: i64 = 0;
const SHIP_OVERDUE: i64 = 2;
const AUTO_RECEIVE: i64 = 3;
const SETTLE: i64 = 4;

/// When a timer fires, and how often it did before.
type Armed = BTreeMap<(i64, i64), (i64, i64)>;

pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    let armed: Armed = snapshot.timers.iter().map(|row| ((row.int(0), row.int(1)), (row.int(2), row.int(3)))).collect();
    let overdue: BTreeSet<i64> =
        snapshot.flows.iter().filter(|flow| flow.event == "ship_overdue").map(|flow| flow.shop_no).collect();
    for order in &snapshot.pay_orders {
        if order.status != CREATED {
            findings.equal(Invariant::Deadlines, &order.expire_time, &None, || format!("expiry of {}", order.no));
            continue;
        }
        let timer = armed.get(&(order.no, PAY_TIMEOUT)).copied();
        let holds = match timer {
            Some(_) if order.sub_status == CANCELLING => true,
            timer => is_kept(order.expire_time, timer),
        };
        findings.check(Invariant::Deadlines, holds, || {
            format!("{} expires at {:?}, its timer is {timer:?}", order.no, order.expire_time)
        });
        for shop in snapshot.shops_of(order.no) {
            let what = || format!("expiry of {}, which is to be paid", shop.no);
            findings.equal(Invariant::Deadlines, &shop.expire_time, &order.expire_time, what);
        }
    }
    for shop in &snapshot.shop_orders {
        let (kind, may_be_gone) = match shop.status {
            _ if shop.sub_status == CLOSING => (None, false),
            CREATED => continue,
            PAID => (Some(SHIP_OVERDUE), overdue.contains(&shop.no)),
            SHIPPED => (Some(AUTO_RECEIVE), shop.is_suspended || shop.attention.is_some()),
            RECEIVED => (
                Some(SETTLE),
                snapshot.aftersales.iter().any(|asked| asked.shop_no == shop.no && asked.ended_at.is_none()),
            ),
            _ => (None, false),
        };
        one(shop, kind.and_then(|kind| armed.get(&(shop.no, kind)).copied()), may_be_gone, findings);
    }
}

fn one(shop: &ShopOrder, timer: Option<(i64, i64)>, may_be_gone: bool, findings: &mut Findings) {
    let holds = timer.is_none() && may_be_gone || is_kept(shop.expire_time, timer);
    findings.check(Invariant::Deadlines, holds, || {
        format!("{} is {} until {:?}, its timer is {timer:?}", shop.no, shop.status, shop.expire_time)
    });
}

/// Whether a timer keeps a deadline: it is the same, or the timer is at a repeat.
fn is_kept(deadline: Option<i64>, timer: Option<(i64, i64)>) -> bool {
    match (deadline, timer) {
        (Some(deadline), Some((due, 0))) => due == deadline,
        (Some(deadline), Some((due, _))) => due >= deadline,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
