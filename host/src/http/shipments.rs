//! Shipments: notices from sellers and carriers, dividing one into packages, and reading one.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::caller::Caller;
use super::json::Command;
use super::params::{At, Repeatable};
use super::reply::{Answer, ok};
use crate::app::api::{DividedShipment, EventAnswer};
use crate::app::divide::{self, Line, Units};
use crate::app::problem::Problem;
use crate::app::read::{self, ShipmentView};
use crate::app::ship::{self, Package};
use crate::domain::change::ShipNotice;
use crate::domain::fulfilment::ExceptionKind;
use crate::domain::ids::{OrderNo, ShipmentNo};

/// Characters of a carrier's name.
const CARRIER_MAX: usize = 64;
/// Characters of a waybill.
pub(super) const WAYBILL_MAX: usize = 64;
/// Characters of a note.
const NOTE_MAX: usize = 200;

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
    let (notice, app) = (ShipNotice { shipment_no, carrier, waybill, by_service: false }, room.app.clone());
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
    let (notice, app) = (Package { order_no, shipment_no, waybill }, room.app.clone());
    let work = async move { ship::deliver(&app, &who, notice, call.key).await };
    Ok(ok(room.finish("deliver", work).await?))
}

/// Something went wrong with a package. One of the first three members is enough.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExceptionBody {
    /// The shop order, where it has only one package on its way.
    #[schema(value_type = Option<String>)]
    order_no: Option<OrderNo>,
    /// Which package.
    #[schema(value_type = Option<String>)]
    shipment_no: Option<ShipmentNo>,
    /// Or its waybill.
    waybill: Option<String>,
    /// `lost`, `refused` or `delayed`.
    #[schema(value_type = String)]
    kind: ExceptionKind,
    /// Why, at most 200 characters.
    #[serde(default)]
    note: String,
}

/// Say that a package was lost or refused, or will be late.
///
/// `delayed` is only a mark. What was in a lost or refused package is refunded; the last one of an order undoes it. Early
/// (before the package left) it is `parked` and applied in its turn.
#[utoipa::path(post, path = "/api/v1/shipments/exception", tag = "shipments", request_body = ExceptionBody, params(Repeatable),
    responses((status = 200, description = "What became of it", body = EventAnswer)))]
pub(super) async fn exception(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<ExceptionBody>,
) -> Answer<EventAnswer> {
    let ExceptionBody { order_no, shipment_no, waybill, kind, note } = call.body;
    if order_no.is_none() && shipment_no.is_none() && waybill.is_none() {
        return Err(Problem::invalid("bad-body", "give order_no, shipment_no or waybill").into());
    }
    if let Some(waybill) = &waybill {
        short("waybill", waybill, WAYBILL_MAX)?;
    }
    if !note.is_empty() {
        short("note", &note, NOTE_MAX)?;
    }
    let (package, app) = (Package { order_no, shipment_no, waybill }, room.app.clone());
    let work = async move { ship::exception(&app, &who, package, kind, note, call.key).await };
    Ok(ok(room.finish("exception", work).await?))
}

/// How to divide a shipment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitBody {
    /// One that waits to be shipped.
    #[schema(value_type = String)]
    shipment_no: ShipmentNo,
    /// 2 or more packages; each unit of the shipment goes into exactly one of them.
    packages: Vec<Vec<UnitsBody>>,
}

/// Units of one line, named by `item_no` or `line`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitsBody {
    /// The item order.
    #[schema(value_type = Option<String>)]
    item_no: Option<OrderNo>,
    /// Or its index inside the shop order, from 0.
    line: Option<u32>,
    /// 1 or more.
    quantity: u32,
}

impl UnitsBody {
    fn units(self) -> Result<Units, Problem> {
        let of = match (self.item_no, self.line) {
            (Some(no), None) => Line::Item(no),
            (None, Some(line)) => Line::Index(line),
            _ => return Err(Problem::invalid("bad-body", "packages: name each line by item_no or by line")),
        };
        Ok(Units { of, quantity: self.quantity })
    }
}

/// Divide a prepared shipment into several packages.
///
/// Possible while it waits to be shipped. The first package keeps its number, each other one gets a new one.
#[utoipa::path(post, path = "/api/v1/shipments/split", tag = "shipments", request_body = SplitBody, params(Repeatable),
    responses((status = 200, description = "The packages", body = DividedShipment)))]
pub(super) async fn split(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<SplitBody>,
) -> Answer<DividedShipment> {
    let SplitBody { shipment_no, packages } = call.body;
    let package = |units: Vec<UnitsBody>| units.into_iter().map(UnitsBody::units).collect::<Result<Vec<_>, _>>();
    let packages = packages.into_iter().map(package).collect::<Result<Vec<_>, _>>()?;
    let app = room.app.clone();
    let work = async move { divide::divide(&app, &who, shipment_no, packages, call.key).await };
    Ok(ok(room.finish("split", work).await?))
}

/// One shipment.
#[utoipa::path(get, path = "/api/v1/shipments/{shipment_no}", tag = "shipments",
    params(("shipment_no" = String, Path)),
    responses((status = 200, description = "The shipment", body = ShipmentView)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<ShipmentNo>) -> Answer<ShipmentView> {
    Ok(ok(read::shipment(&room.app, &who, no).await?))
}

pub(super) fn short(field: &str, text: &str, most: usize) -> Result<(), Problem> {
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Problem::invalid("bad-body", format!("{field}: 1 to {most} printable characters"))) }
}
