//! What the service tells: signed with the line's secret, only about the line's own shipments, and the same use cases as
//! everybody else's words. A repeat is harmless.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::Deserialize;

use super::SECRET;
use crate::app::App;
use crate::app::api::{EventAnswer, Idempotency};
use crate::app::forward::{Event, line_secret};
use crate::app::orders::{Freshness, event_answer, tree};
use crate::app::problem::Problem;
use crate::app::ship::{event_as, shipment};
use crate::app::tracks::{Seen, TrackEffect, take};
use crate::domain::change::{ExceptionNotice, ShipNotice};
use crate::domain::fulfilment::{ExceptionKind, Shipment};
use crate::domain::ids::{BusinessCode, Digest, ShipmentNo};
use crate::domain::time::millis;
use crate::egress::webhook::{self, NotBelieved};
use crate::identity::{Principal, Role};
use crate::telemetry::Seldom;
use crate::telemetry::metrics::FULFILMENT_CALLBACKS_REFUSED;

/// Whoever floods us with forgeries shall not flood the log: one line a second; the metric counts them all.
static UNBELIEVED: Seldom = Seldom::every(1_000);
/// Characters of an id.
const ID_MAX: usize = 128;
/// Characters of a carrier, a waybill, a node code.
const WORD_MAX: usize = 64;
/// Characters of a note or of what a track says.
const TEXT_MAX: usize = 500;

/// What became of a message.
#[derive(Debug)]
pub enum Heard {
    /// Its sender does not know the secret, or it is not of now.
    Unbelieved(String),
    /// Done.
    Done(EventAnswer),
}

/// What the service says. Members that we do not know are its own matter.
#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: MessageKind,
    shipment_no: ShipmentNo,
    #[serde(default)]
    carrier: String,
    #[serde(default)]
    waybill: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    node_time: String,
    #[serde(default)]
    node_code: String,
    #[serde(default)]
    content: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MessageKind {
    Shipped,
    Delivered,
    Lost,
    Refused,
    Delayed,
    Track,
}

/// Takes a message for a line.
pub async fn hear(app: &App, business: &str, headers: &[(String, String)], body: &Bytes) -> Result<Heard, Problem> {
    let missing = || Problem::not_found(format!("business line {business}"));
    let line = BusinessCode::new(business).map_err(|_| missing())?;
    if !app.catalogue.now().businesses.contains_key(&line) {
        return Err(missing());
    }
    let believed = match line_secret(app, &line, SECRET).await? {
        Some(secret) => webhook::verify(&secret, headers, app.clock.now(), body)
            .map(drop)
            .map_err(|why: NotBelieved| why.to_string()),
        None => Err(format!("line {line} has no secret `{SECRET}`")),
    };
    if let Err(why) = believed {
        metrics::counter!(FULFILMENT_CALLBACKS_REFUSED).increment(1);
        if let Some(held_back) = UNBELIEVED.due(app.clock.now()) {
            tracing::warn!(%line, why, held_back, "a callback of the fulfilment service was not believed");
        }
        return Ok(Heard::Unbelieved(why));
    }
    let message: Message =
        serde_json::from_slice(body).map_err(|error| Problem::invalid("bad-body", error.to_string()))?;
    message.check()?;
    take_message(app, &line, message, body).await.map(Heard::Done)
}

impl Message {
    fn check(&self) -> Result<(), Problem> {
        let printable = |text: &str| !text.chars().any(char::is_control);
        let fits = |name: &str, text: &str, least: usize, most: usize| {
            if (least..=most).contains(&text.chars().count()) && printable(text) {
                return Ok(());
            }
            Err(Problem::invalid("bad-body", format!("{name}: {least} to {most} printable characters")))
        };
        fits("id", &self.id, 1, ID_MAX)?;
        let (ships, tracks) = (matches!(self.kind, MessageKind::Shipped), matches!(self.kind, MessageKind::Track));
        fits("carrier", &self.carrier, usize::from(ships), WORD_MAX)?;
        fits("waybill", &self.waybill, usize::from(ships), WORD_MAX)?;
        fits("node_code", &self.node_code, usize::from(tracks), WORD_MAX)?;
        fits("note", &self.note, 0, TEXT_MAX)?;
        fits("content", &self.content, 0, TEXT_MAX)
    }
}

async fn take_message(app: &App, line: &BusinessCode, message: Message, body: &Bytes) -> Result<EventAnswer, Problem> {
    let actor = format!("callback:fulfilment:{line}");
    let who =
        Principal { subject: actor.clone(), role: Role::Business, shops: vec![], business: Some(line.to_string()) };
    let shipment = shipment(app, &who, message.shipment_no).await?;
    let exception =
        |kind| Event::Exception(ExceptionNotice { shipment_no: Some(shipment.no), kind, note: message.note.clone() });
    let (event, operation) = match message.kind {
        MessageKind::Shipped => {
            let (carrier, waybill) = (message.carrier.clone(), message.waybill.clone());
            (Event::Ship(ShipNotice { shipment_no: Some(shipment.no), carrier, waybill, by_service: true }), "ship")
        }
        MessageKind::Delivered => (Event::Deliver(Some(shipment.no)), "deliver"),
        MessageKind::Lost => (exception(ExceptionKind::Lost), "exception"),
        MessageKind::Refused => (exception(ExceptionKind::Refused), "exception"),
        MessageKind::Delayed => (exception(ExceptionKind::Delayed), "exception"),
        MessageKind::Track => return track(app, (&who, &actor), &shipment, message).await,
    };
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, body).as_ref());
    let key = Idempotency { key: message.id, digest: Digest(bytes) };
    event_as(app, (&who, actor), shipment.shop_no, event, operation, Some(key)).await
}

async fn track(
    app: &App,
    by: (&Principal, &str),
    shipment: &Shipment,
    message: Message,
) -> Result<EventAnswer, Problem> {
    let waybill = if message.waybill.is_empty() { shipment.waybill.clone() } else { Some(message.waybill) };
    let untracked = || Problem::conflict("unknown-waybill", format!("shipment {} has no such waybill", shipment.no));
    let waybill = waybill.filter(|waybill| shipment.waybill.as_ref() == Some(waybill)).ok_or_else(untracked)?;
    let node_time = millis(&message.node_time).ok_or_else(|| {
        Problem::invalid("bad-body", "node_time: an RFC 3339 time, such as 2026-11-11T08:00:00+08:00")
    })?;
    let seen = Seen { waybill, node_time, node_code: message.node_code, content: message.content };
    let effect = match take(app, by, vec![seen]).await?.first() {
        Some(TrackEffect::New) => "applied",
        Some(TrackEffect::Known) => "ignored",
        Some(TrackEffect::UnknownWaybill) | None => return Err(untracked()),
    };
    let read = tree(app, shipment.shop_no, Freshness::Cached).await?;
    Ok(event_answer(&read, shipment.shop_no, effect))
}
