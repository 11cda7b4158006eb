//! What a change adds to the counters of states, once it is committed.

use std::time::Duration;

use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Change, Write};
use crate::domain::event::Topic;
use crate::telemetry::metrics::{
    AFTERSALE_SECONDS, AFTERSALES, ORDERS, ORDERS_ATTENTION, ORDERS_SHIP_OVERDUE, PAYMENTS,
};

/// States that shop orders, payments and after-sales reach by a change.
pub(super) struct Tally {
    /// Business line and status of shop orders.
    orders: Vec<(String, &'static str)>,
    /// Method and step of payments.
    payments: Vec<(String, String)>,
    aftersales: Vec<Reached>,
    /// Shop orders that began to need a person.
    attention: u64,
    /// Shop orders whose shipping deadline passed.
    overdue: u64,
}

struct Reached {
    business: String,
    kind: &'static str,
    state: &'static str,
    /// From its application to its end.
    took: Option<Duration>,
}

impl Tally {
    pub(super) fn of(change: &Change) -> Self {
        let moved = change.shop_orders.iter().filter(|order| order.row.status != order.status).map(|order| &order.row);
        let orders = change.new_shop_orders.iter().chain(moved);
        let steps = change.payment_logs.iter().filter_map(|log| {
            let payment = change.payments.iter().find(|write| write.row().no == log.payment_no)?;
            Some((payment.row().method.to_string(), log.step.clone()))
        });
        // A write without the event of its state, such as evidence, reaches none.
        let told = |row: &&Aftersale| {
            let tag = row.status.tag();
            change.events.iter().any(|e| e.topic == Topic::Aftersale && e.tag == tag)
        };
        Self {
            orders: orders.map(|order| (order.business.to_string(), order.status.word())).collect(),
            payments: steps.collect(),
            attention: flows(change, "attention"),
            overdue: flows(change, "ship_overdue"),
            aftersales: change.aftersales.iter().map(Write::row).filter(told).map(reached).collect(),
        }
    }

    pub(super) fn count(self) {
        if self.attention > 0 {
            metrics::counter!(ORDERS_ATTENTION).increment(self.attention);
        }
        if self.overdue > 0 {
            metrics::counter!(ORDERS_SHIP_OVERDUE).increment(self.overdue);
        }
        for (business, status) in self.orders {
            metrics::counter!(ORDERS, "business" => business, "status" => status).increment(1);
        }
        for (method, step) in self.payments {
            metrics::counter!(PAYMENTS, "method" => method, "step" => step).increment(1);
        }
        for Reached { business, kind, state, took } in self.aftersales {
            metrics::counter!(AFTERSALES, "business" => business.clone(), "type" => kind, "state" => state)
                .increment(1);
            if let Some(took) = took {
                metrics::histogram!(AFTERSALE_SECONDS, "business" => business, "state" => state)
                    .record(took.as_secs_f64());
            }
        }
    }
}

fn flows(change: &Change, event: &str) -> u64 {
    change.flows.iter().filter(|flow| !flow.ignored && flow.event == event).map(|_| 1).sum()
}

fn reached(row: &Aftersale) -> Reached {
    let took = row.ended_at.and_then(|ended| u64::try_from(ended - row.created_at).ok());
    Reached {
        business: row.business.to_string(),
        kind: row.kind.word(),
        state: row.status.word(),
        took: took.map(Duration::from_millis),
    }
}
