//! The buyer's side of a delivery: putting off the automatic receipt, and reading what is for the buyer's eyes only.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::caller::Caller;
use super::json::{Command, Nothing};
use super::params::{At, Repeatable};
use super::reply::{Answer, Refused, ok};
use crate::app;
use crate::app::api::EventAnswer;
use crate::app::delivery_secrets::DeliverySecrets;
use crate::domain::ids::OrderNo;

/// Put off the automatic receipt of a shipped order, once.
///
/// By as long as the line allows. 409 `already-extended` the second time, `not-extendable` where the line does not.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/extend-receive", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order"), Repeatable),
    responses((status = 200, description = "Put off", body = EventAnswer)))]
pub(super) async fn extend(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<Nothing>,
) -> Answer<EventAnswer> {
    let app = room.app.clone();
    let work = async move { app::receive::extend(&app, &who, no, call.key).await };
    Ok(ok(room.finish("extend", work).await?))
}

/// The codes, vouchers and links that were delivered.
///
/// For the buyer of the order only; every look is in the operate log. None before delivery, and none once the money goes
/// back.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/secrets", tag = "orders",
    params(("order_no" = String, Path, description = "A shop order")),
    responses((status = 200, description = "Of each shipment that has any", body = DeliverySecrets)))]
pub(super) async fn secrets(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
) -> Result<Response, Refused> {
    let app = room.app.clone();
    let secrets = room.finish("secrets", async move { app::delivery_secrets::read(&app, &who, no).await }).await?;
    let mut response = ok(secrets).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
