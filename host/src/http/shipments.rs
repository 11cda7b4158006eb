//! Shipments: notices from sellers and carriers, and reading one.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::caller::Caller;
use super::json::Command;
use super::params::{At, Repeatable};
use super::reply::{Answer, ok};
use crate::app::api::EventAnswer;
use crate::app::problem::Problem;
use crate::app::read::{self, ShipmentView};
use crate::app::ship::{self, Delivered};
use crate::domain::change::ShipNotice;
use crate::domain::ids::{OrderNo, ShipmentNo};

/// Characters of a carrier's name.
const CARRIER_MAX: usize = 64;
/// Characters of a waybill.
const WAYBILL_MAX: usize = 64;

/// A package left.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipBody {
    /// The shop order; may be left out where `shipment_no` is given.
    #[schema(value_type = Option<String>)]
    order_no: Option<OrderNo>,
    /// Which package; none means the only one that is still to be packed.
    #[schema(value_type = Option<String>)]
    shipment_no: Option<ShipmentNo>,
    /// Who carries it, 1 to 64 characters.
    carrier: String,
    /// The carrier's number, 1 to 64 characters, unique.
    waybill: String,
}

/// Say that a package left.
///
/// Early (before the order may ship) it is `parked` and applied in its turn.
#[utoipa::path(post, path = "/api/v1/shipments/ship", tag = "shipments", request_body = ShipBody, params(Repeatable),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn ship(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<ShipBody>,
) -> Answer<EventAnswer> {
    let ShipBody { order_no, shipment_no, carrier, waybill } = call.body;
    if order_no.is_none() && shipment_no.is_none() {
        return Err(Problem::invalid("bad-body", "give order_no or shipment_no").into());
    }
    short("carrier", &carrier, CARRIER_MAX)?;
    short("waybill", &waybill, WAYBILL_MAX)?;
    let (notice, app) = (ShipNotice { shipment_no, carrier, waybill }, room.app.clone());
    let work = async move { ship::ship(&app, &who, order_no, notice, call.key).await };
    Ok(ok(room.finish("ship", work).await?))
}

/// A package arrived.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliverBody {
    /// The shop order, where it has only one package.
    #[schema(value_type = Option<String>)]
    order_no: Option<OrderNo>,
    /// Which package.
    #[schema(value_type = Option<String>)]
    shipment_no: Option<ShipmentNo>,
    /// Or its waybill.
    waybill: Option<String>,
}

/// Say that a package arrived. One of the three members is enough.
#[utoipa::path(post, path = "/api/v1/shipments/deliver", tag = "shipments", request_body = DeliverBody, params(Repeatable),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn deliver(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<DeliverBody>,
) -> Answer<EventAnswer> {
    let DeliverBody { order_no, shipment_no, waybill } = call.body;
    if order_no.is_none() && shipment_no.is_none() && waybill.is_none() {
        return Err(Problem::invalid("bad-body", "give order_no, shipment_no or waybill").into());
    }
    if let Some(waybill) = &waybill {
        short("waybill", waybill, WAYBILL_MAX)?;
    }
    let (notice, app) = (Delivered { order_no, shipment_no, waybill }, room.app.clone());
    let work = async move { ship::deliver(&app, &who, notice, call.key).await };
    Ok(ok(room.finish("deliver", work).await?))
}

/// One shipment.
#[utoipa::path(get, path = "/api/v1/shipments/{shipment_no}", tag = "shipments",
    params(("shipment_no" = String, Path)),
    responses((status = 200, description = "The shipment", body = ShipmentView)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<ShipmentNo>) -> Answer<ShipmentView> {
    Ok(ok(read::shipment(&room.app, &who, no).await?))
}

fn short(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Problem::invalid("bad-body", format!("{field}: 1 to {most} printable characters"))) }
}
