//! Callbacks of the outside fulfilment service.

use axum::extract::{Request, State};

use super::Shared;
use super::params::At;
use super::reply::{Answer, Refused, ok};
use crate::app::api::EventAnswer;
use crate::app::fulfilment::{Heard, hear};

/// Bytes of a callback.
const CALLBACK_LIMIT: usize = 64 << 10;

/// The fulfilment service's callback.
///
/// No bearer: the signature over the raw body (Standard Webhooks, the line's secret `fulfilment`) is the credential. JSON
/// `{id, type, shipment_no, carrier?, waybill?, note?, node_time?, node_code?, content?}`; `type` is shipped, delivered,
/// lost, refused, delayed or track. A repeat changes nothing.
#[utoipa::path(post, path = "/callbacks/fulfilment/{business}", tag = "shipments",
    request_body(content = String, content_type = "application/json"),
    params(("business" = String, Path, description = "The business line")),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn callback(
    State(room): State<Shared>,
    At(business): At<String>,
    request: Request,
) -> Answer<EventAnswer> {
    let (parts, body) = request.into_parts();
    let body = super::json::read(body, CALLBACK_LIMIT.min(room.request_limit())).await?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<(String, String)> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let app = room.app.clone();
    let work = async move { hear(&app, &business, &headers, &body).await };
    match room.finish("fulfilment callback", work).await? {
        Heard::Done(answer) => Ok(ok(answer)),
        Heard::Unbelieved(why) => Err(Refused::unauthorized(why)),
    }
}
