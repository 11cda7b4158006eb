//! Events for the outside: CloudEvents 1.0 (<https://github.com/cloudevents/spec>), JSON format.

use serde_json::{Value, json};

use super::ids::{Millis, OrderNo};
use super::order::{Sequences, coded};

coded!(
    /// The topic of an event; sequences count per (subject, topic).
    Topic {
        /// Orders and stock.
        Order = 0, "ORDER_TOPIC";
        /// Payments and refunds; the subject is the pay order.
        Payment = 1, "PAYMENT_TOPIC";
        /// Shipments; the subject is the shop order.
        Fulfilment = 2, "FULFILLMENT_TOPIC";
        /// After-sales.
        Aftersale = 3, "AFTERSALE_TOPIC";
    }
);

/// The `source` of our own events; inbound events that carry it are skipped.
pub const SOURCE: &str = "hookline";

/// An event as the outbox keeps it. Its id is fixed when the change is made and never changes on a re-send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The order it is about.
    pub subject: OrderNo,
    /// Its topic.
    pub topic: Topic,
    /// 1, 2, 3 … per subject and topic, without gaps.
    pub sequence: i64,
    /// CloudEvents `type`, such as ORDER_PAID.
    pub tag: String,
    /// The whole CloudEvent as JSON.
    pub body: String,
}

impl Event {
    /// `<subject>.<topic>.<sequence>`
    pub fn id(&self) -> String {
        event_id(self.subject, self.topic, self.sequence)
    }
}

fn event_id(subject: OrderNo, topic: Topic, sequence: i64) -> String {
    format!("{subject}.{topic}.{sequence}")
}

/// Takes the next sequence number of the topic and writes the event.
pub fn event(
    sequences: &mut Sequences,
    subject: OrderNo,
    topic: Topic,
    tag: impl Into<String>,
    at: Millis,
    data: &Value,
) -> Event {
    let counter = match topic {
        Topic::Order => &mut sequences.order,
        Topic::Payment => &mut sequences.payment,
        Topic::Fulfilment => &mut sequences.fulfilment,
        Topic::Aftersale => &mut sequences.aftersale,
    };
    *counter += 1;
    let (sequence, tag) = (*counter, tag.into());
    let body = json!({
        "specversion": "1.0",
        "id": event_id(subject, topic, sequence),
        "source": SOURCE,
        "type": tag,
        "subject": subject.to_string(),
        "time": super::time::rfc3339(at),
        "datacontenttype": "application/json",
        "sequence": sequence.to_string(),
        "data": data,
    })
    .to_string();
    Event { subject, topic, sequence, tag, body }
}
