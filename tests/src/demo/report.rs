//! What the demo shows: tables, one order's history, invariants, and the JSON object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::drive::Outcome;
use super::stories::Stories;
use crate::checker::{Report, Snapshot};
use crate::journey::{self, Ended, Paying};
use crate::meter::Meter;
use crate::world::{Line, World, WorldError, catalogue};

const SUCCEEDED: i64 = 1;
const COINS: i64 = 2;

/// One line's orders and money.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sums {
    orders: usize,
    completed: usize,
    closed: usize,
    cancelled: usize,
    other: usize,
    refused: usize,
    paid: i64,
    refunded: i64,
    settled: i64,
}

impl Sums {
    /// Whether everything has ended and all money is where it belongs. Nobody else pays a part in the demo.
    fn adds_up(&self) -> bool {
        self.other == 0 && self.paid == self.refunded + self.settled
    }
}

/// Everything of one run.
pub(super) struct Summary {
    lines: BTreeMap<Line, Sums>,
    failed: usize,
    checked: Report,
    stories: Stories,
    took: Duration,
}

impl Summary {
    /// Sums of this run's orders, from the database.
    pub(super) fn new(
        snapshot: &Snapshot,
        outcomes: &[Outcome],
        checked: Report,
        stories: Stories,
        took: Duration,
    ) -> Self {
        let mut lines: BTreeMap<Line, Sums> = Line::ALL.into_iter().map(|line| (line, Sums::default())).collect();
        for (line, sums) in &mut lines {
            let mine = outcomes.iter().filter(|outcome| outcome.line == *line);
            let refused = mine.clone().filter(|outcome| matches!(outcome.ended, Ok(None)));
            sums.refused = refused.count();
            fill(sums, *line, snapshot);
        }
        let failed = outcomes.iter().filter(|outcome| outcome.ended.is_err()).count();
        Self { lines, failed, checked, stories, took }
    }

    /// Whether every order ended as planned, what went wrong came right, and every invariant holds.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0
            && self.broken() == 0
            && self.stories.are_right()
            && self.lines.values().all(|sums| sums.other == 0)
    }

    fn broken(&self) -> usize {
        self.checked.broken.len() + self.lines.values().filter(|sums| !sums.adds_up()).count()
    }

    /// Orders and money of each line.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "\n{:<8}{:>8}{:>11}{:>8}{:>11}{:>7}{:>9}{:>14}{:>14}{:>14}\n",
            "line", "orders", "completed", "closed", "cancelled", "other", "refused", "paid", "refunded", "settled"
        );
        for (line, sums) in &self.lines {
            let _ = write!(
                text,
                "{:<8}{:>8}{:>11}{:>8}{:>11}{:>7}{:>9}{:>14}{:>14}{:>14}",
                line.code(),
                sums.orders,
                sums.completed,
                sums.closed,
                sums.cancelled,
                sums.other,
                sums.refused,
                money(sums.paid),
                money(sums.refunded),
                money(sums.settled),
            );
            text.push_str(if sums.adds_up() { "  in = out\n" } else { "  DOES NOT ADD UP\n" });
        }
        text
    }

    /// What went wrong and came right.
    pub(super) fn stories(&self) -> String {
        self.stories.text()
    }

    /// What the checker found.
    pub(super) fn invariants(&self) -> String {
        format!("Invariants: {}\nThe whole took {:.1?}.", self.checked, self.took)
    }

    /// The object that programs read.
    pub(super) fn json(&self) -> Value {
        let line = |(line, sums): (&Line, &Sums)| {
            let value = json!({
                "orders": sums.orders, "completed": sums.completed, "closed": sums.closed,
                "cancelled": sums.cancelled, "other": sums.other, "paid_minor": sums.paid,
                "refunded_minor": sums.refunded,
            });
            (line.code().to_owned(), value)
        };
        let lines: serde_json::Map<String, Value> = self.lines.iter().map(line).collect();
        json!({
            "lines": lines,
            "went_wrong": self.stories.json(),
            "invariants": {"checked": self.checked.checked, "broken": self.broken()},
            "seconds": self.took.as_secs(),
        })
    }
}

fn fill(sums: &mut Sums, line: Line, snapshot: &Snapshot) {
    let of_run = |out_id: Option<&str>| out_id.is_some_and(|name| name.starts_with(crate::world::run_name()));
    let runs = snapshot.pay_orders.iter().filter(|pay| of_run(pay.facts["out_id"].as_str()));
    let runs: BTreeSet<i64> = runs.map(|pay| pay.no).collect();
    let mut pays = BTreeSet::new();
    let mut shops = BTreeSet::new();
    let mine = |shop: &&crate::checker::ShopRow| shop.business == line.code() && runs.contains(&shop.pay_no);
    for shop in snapshot.shop_orders.iter().filter(mine) {
        sums.orders += 1;
        pays.insert(shop.pay_no);
        shops.insert(shop.no);
        match shop.status {
            1 => sums.cancelled += 1,
            5 => sums.closed += 1,
            6 => sums.completed += 1,
            _ => sums.other += 1,
        }
    }
    let succeeded = snapshot.payments.iter().filter(|row| row.status == SUCCEEDED && pays.contains(&row.pay_no));
    sums.paid = succeeded.map(|row| row.amount + row.balance).sum();
    let back = snapshot.refunds.iter().filter(|row| row.status == SUCCEEDED && row.way != COINS);
    sums.refunded = back.filter(|row| pays.contains(&row.pay_no)).map(|row| row.amount).sum();
    sums.settled = snapshot.settlements.iter().filter(|row| shops.contains(&row.int(0))).map(|row| row.int(1)).sum();
}

/// Minor units of a currency with two places.
pub(super) fn money(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// How long calls took.
pub(super) fn figures(meter: &Meter) -> String {
    let mut text = format!("{:<20}{:>8}{:>12}{:>12}\n", "call", "count", "p50", "p99");
    for figure in meter.figures() {
        let (p50, p99) = (format!("{:.1?}", figure.p50), format!("{:.1?}", figure.p99));
        let _ = writeln!(text, "{:<20}{:>8}{p50:>12}{p99:>12}", figure.name, figure.count);
    }
    text
}

/// One order's whole history, as the API tells it.
pub(super) async fn timeline(world: &World, ended: Option<&Ended>) -> Result<String, WorldError> {
    let Some(ended) = ended else { return Ok(String::new()) };
    let mut operator = world.host.client().with_token(&world.mint.operator());
    let order: Value = operator.get(&format!("/api/v1/orders/{}", ended.pay_order)).await?;
    let mut text = format!("The life of shop order {} (hotel):\n", ended.shop_order);
    for flow in steps(&order, &ended.shop_order) {
        let word = |name: &str| flow[name].as_str().unwrap_or("-").to_owned();
        let _ = writeln!(
            text,
            "  {}  {:<4}{:<10}{:>9}/{:<14} -> {:>9}/{:<14} {}{}",
            word("at"),
            format!("v{}", flow["version"]),
            word("event"),
            word("from_status"),
            word("from_sub_status"),
            word("to_status"),
            word("to_sub_status"),
            word("actor"),
            if flow["ignored"] == true { "  (ignored)" } else { "" },
        );
    }
    Ok(text)
}

/// How an order was paid in parts and a part of it went back, as the log of its payment tells it.
pub(super) async fn money_story(world: &World, ended: &Ended) -> Result<String, WorldError> {
    let mut operator = world.host.client().with_token(&world.mint.operator());
    let order: Value = operator.get(&format!("/api/v1/orders/{}", ended.pay_order)).await?;
    let mut text = format!("The money of order {}, which was refunded in part:\n", ended.pay_order);
    for payment in order["payments"].as_array().into_iter().flatten() {
        let amount = |name: &str| money(payment[name].as_i64().unwrap_or_default());
        let (number, method) = (payment["payment_no"].as_str().unwrap_or("-"), payment["payment_method"].as_str());
        let (total, wallet) = (amount("amount"), amount("balance_minor"));
        let _ = writeln!(text, "  {number} by {}: {total}, of it {wallet} from the wallet", method.unwrap_or("-"));
        let log: Value = operator.get(&format!("/api/v1/payments/{number}/log")).await?;
        for step in log.as_array().into_iter().flatten() {
            let word = |name: &str| step[name].as_str().unwrap_or("-");
            let _ = writeln!(text, "    {}  {:<12} {:<20} {}", word("at"), word("step"), word("actor"), word("note"));
        }
    }
    for refund in order["refunds"].as_array().into_iter().flatten() {
        let word = |name: &str| refund[name].as_str().unwrap_or("-");
        let amount = money(refund["amount"].as_i64().unwrap_or_default());
        let _ = writeln!(text, "  {} {amount} back by {}: {}", word("refund_no"), word("way"), word("status"));
    }
    Ok(text)
}

fn steps<'a>(order: &'a Value, shop_order: &str) -> &'a [Value] {
    let shops = order["shop_orders"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shop = shops.iter().find(|shop| shop["order_no"] == shop_order);
    shop.and_then(|shop| shop["timeline"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// A cart to try.
pub(super) fn sample_cart() -> Value {
    journey::cart(Line::Goods, catalogue::items(Line::Goods, 1), Paying::Sandbox, "my-first-order")
}
