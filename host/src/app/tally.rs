//! What a change adds to the counters of the business, once it is committed.

use std::time::Duration;

use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Change, Write};
use crate::domain::event::{Event, Topic};
use crate::domain::fulfilment::ExceptionKind;
use crate::telemetry::metrics::{
    AFTERSALE_SECONDS, AFTERSALES, ORDERS, ORDERS_ATTENTION, ORDERS_SHIP_OVERDUE, PAYMENTS, SHIPMENT_EXCEPTIONS,
    SHIPMENTS_SHIPPED,
};

/// Counters that go up by one, with their labels; and how long after-sales took.
pub(super) struct Tally {
    counted: Vec<(&'static str, Labels)>,
    took: Vec<(Labels, Duration)>,
}

type Labels = Vec<(&'static str, String)>;

impl Tally {
    pub(super) fn of(change: &Change) -> Self {
        let moved = change.shop_orders.iter().filter(|order| order.row.status != order.status).map(|order| &order.row);
        let orders = change.new_shop_orders.iter().chain(moved).map(|order| {
            (ORDERS, vec![("business", order.business.to_string()), ("status", order.status.word().to_owned())])
        });
        let payments = change.payment_logs.iter().filter_map(|log| {
            let payment = change.payments.iter().find(|write| write.row().no == log.payment_no)?;
            Some((PAYMENTS, vec![("method", payment.row().method.to_string()), ("step", log.step.clone())]))
        });
        let flows = change.flows.iter().filter(|flow| !flow.ignored).filter_map(|flow| match flow.event.as_str() {
            "attention" => Some((ORDERS_ATTENTION, vec![])),
            "ship_overdue" => Some((ORDERS_SHIP_OVERDUE, vec![])),
            _ => None,
        });
        // A write without the event of its state, such as evidence, reaches none.
        let told = |row: &&Aftersale| {
            let tag = row.status.tag();
            change.events.iter().any(|e| e.topic == Topic::Aftersale && e.tag == tag)
        };
        let reached: Vec<&Aftersale> = change.aftersales.iter().map(Write::row).filter(told).collect();
        let aftersales = reached.iter().map(|row| {
            let mut labels = of_aftersale(row);
            labels.push(("type", row.kind.word().to_owned()));
            (AFTERSALES, labels)
        });
        let took = reached.iter().filter_map(|row| {
            let took = u64::try_from(row.ended_at? - row.created_at).ok()?;
            Some((of_aftersale(row), Duration::from_millis(took)))
        });
        let packages = change.events.iter().filter_map(package);
        Self {
            took: took.collect(),
            counted: orders.chain(payments).chain(flows).chain(aftersales).chain(packages).collect(),
        }
    }

    pub(super) fn count(self) {
        for (name, labels) in self.counted {
            metrics::counter!(name, &labels).increment(1);
        }
        for (labels, took) in self.took {
            metrics::histogram!(AFTERSALE_SECONDS, &labels).record(took);
        }
    }
}

fn of_aftersale(row: &Aftersale) -> Labels {
    vec![("business", row.business.to_string()), ("state", row.status.word().to_owned())]
}

/// What an event tells of a package that left, or that did not arrive as it should.
fn package(event: &Event) -> Option<(&'static str, Labels)> {
    let tag = event.tag.strip_prefix("SHIPMENT_")?;
    let exception = ExceptionKind::from_word(&tag.to_ascii_lowercase());
    if tag != "SHIPPED" && exception.is_none() {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(&event.body).ok()?;
    let business = body["data"]["business"].as_str()?.to_owned();
    let timely = if body["data"]["late"] == true { "no" } else { "yes" };
    Some(match exception {
        Some(kind) => (SHIPMENT_EXCEPTIONS, vec![("business", business), ("kind", kind.to_string())]),
        None => (SHIPMENTS_SHIPPED, vec![("business", business), ("timely", timely.to_owned())]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Guarded;
    use crate::domain::decide::pay;
    use crate::domain::decide::tests::made;
    use crate::domain::ids::{MerchantAccount, PaymentNo};
    use crate::domain::order::Status;
    use crate::domain::payment::PaymentLog;
    use crate::telemetry::metrics::page_of;

    #[test]
    fn cancelled_orders_failed_payments_and_lost_packages_are_counted_once_committed() {
        let (new, tree) = made(&[100]);
        let (pay_no, shop) = (tree.pay.no, &tree.shops[0]);
        let payment = pay::attempt(&tree, PaymentNo(60), ("sandbox".parse().unwrap(), MerchantAccount::own()), 0, 1);
        let failed = PaymentLog {
            pay_no,
            payment_no: payment.no,
            step: "failed".into(),
            actor: "query".into(),
            note: String::new(),
            at: 1,
        };
        let mut cancelled = shop.clone();
        cancelled.status = Status::Cancelled;
        let lost = Event {
            subject: shop.no,
            topic: Topic::Fulfilment,
            sequence: 1,
            tag: "SHIPMENT_LOST".into(),
            body: r#"{"data":{"business":"goods"}}"#.into(),
        };
        let ended = Change {
            shop_orders: vec![Guarded { version: 0, status: Status::Created, row: cancelled }],
            payments: vec![Write::Update(payment)],
            payment_logs: vec![failed],
            events: vec![lost],
            ..Change::default()
        };
        let page = page_of(|| [new, ended].iter().for_each(|change| Tally::of(change).count()));
        for line in [
            r#"hookline_orders_total{business="goods",status="created"} 1"#,
            r#"hookline_orders_total{business="goods",status="cancelled"} 1"#,
            r#"hookline_payments_total{method="sandbox",step="failed"} 1"#,
            r#"hookline_shipment_exceptions_total{business="goods",kind="lost"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is missing:\n{page}");
        }
    }
}
