//! Every event is published, in sequence without gap.

use std::collections::BTreeMap;

use super::Outside;
use super::findings::{Findings, Invariant};
use super::snapshot::Snapshot;

/// Topic codes with their names and the counters that count them.
const TOPICS: [(i64, &str, &str); 4] = [
    (0, "ORDER_TOPIC", "order"),
    (1, "PAYMENT_TOPIC", "payment"),
    (2, "FULFILLMENT_TOPIC", "fulfilment"),
    (3, "AFTERSALE_TOPIC", "aftersale"),
];

pub(super) fn check(snapshot: &Snapshot, outside: &Outside, findings: &mut Findings) {
    let mut sequences: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for event in &snapshot.events {
        sequences.entry((event.subject, event.topic)).or_default().push(event.sequence);
        let name = topic_name(event.topic);
        let id = format!("{}.{name}.{}", event.subject, event.sequence);
        findings.check(Invariant::Events, event.body["id"] == id.as_str(), || {
            format!("event {id} calls itself {}", event.body["id"])
        });
        findings.check(Invariant::Events, event.is_sent, || format!("event {id} is not published"));
    }
    let shops = snapshot.shop_orders.iter().map(|shop| (shop.no, &shop.sequences));
    let pays = snapshot.pay_orders.iter().map(|pay| (pay.no, &pay.sequences));
    for (subject, counters) in shops.chain(pays) {
        for (topic, name, counter) in TOPICS {
            let last = counters[counter].as_i64().unwrap_or_default();
            let wanted: Vec<i64> = (1..=last).collect();
            let found = sequences.remove(&(subject, topic)).unwrap_or_default();
            findings.equal(Invariant::Events, &found, &wanted, || format!("{name} of {subject}"));
        }
    }
    for (orphan, found) in sequences {
        findings.check(Invariant::Events, false, || format!("events {found:?} of {orphan:?}, which is no order"));
    }
    if let Some(sink) = &outside.sink {
        arrived(snapshot, sink, findings);
    }
}

/// The sink got everything at least once, and every first arrival in order.
fn arrived(snapshot: &Snapshot, sink: &[super::Delivered], findings: &mut Findings) {
    let mut last: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for delivered in sink {
        let seen = last.entry((delivered.subject, delivered.topic.as_str())).or_default();
        let gap = delivered.sequence > *seen + 1;
        findings.check(Invariant::Events, !gap, || format!("{delivered:?} arrived after {seen}"));
        *seen = delivered.sequence.max(*seen);
    }
    for event in &snapshot.events {
        let seen = last.get(&(event.subject, topic_name(event.topic))).copied().unwrap_or_default();
        let what = || format!("event {} of {} never arrived", event.sequence, event.subject);
        findings.check(Invariant::Events, event.sequence <= seen, what);
    }
}

fn topic_name(code: i64) -> &'static str {
    TOPICS.iter().find(|(topic, ..)| *topic == code).map_or("?", |(_, name, _)| *name)
}
