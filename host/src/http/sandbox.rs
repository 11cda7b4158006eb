//! The sandbox provider's pay page. There only while the sandbox is enabled.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::params::At;
use super::reply::Refused;
use crate::app::problem::Problem;
use crate::app::sandbox::{self, Press};
use crate::domain::ids::PaymentNo;

/// Bytes of the page's form.
const FORM_MAX: usize = 256;

/// The development pay page of a payment.
#[utoipa::path(get, path = "/sandbox/pay/{payment_no}", tag = "payments",
    params(("payment_no" = String, Path, description = "A payment of the method `sandbox`")),
    responses((status = 200, description = "For people", body = String, content_type = "text/html")))]
pub(super) async fn page(State(room): State<Shared>, At(no): At<PaymentNo>) -> Result<Response, Refused> {
    let payment = sandbox::payment(&room.app, no).await?;
    let (amount, currency, status) = (payment.amount, payment.currency, payment.status);
    let buttons = if status == "pending" {
        "<form method=post><button name=outcome value=succeeded>Pay</button> \
         <button name=outcome value=failed>Let it fail</button></form>"
    } else {
        ""
    };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Sandbox</title><body style='font:16px/1.5 system-ui;max-width:30rem;margin:3rem auto'>\
         <h1>Sandbox payment</h1><p>{no}: {amount} minor units of {currency}, {status}.</p>{buttons}"
    );
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

/// Press a button of the development pay page.
///
/// The sandbox then sends its signed callback, as a provider would.
#[utoipa::path(post, path = "/sandbox/pay/{payment_no}", tag = "payments",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`outcome=succeeded` or `outcome=failed`"),
    params(("payment_no" = String, Path, description = "A payment of the method `sandbox`")),
    responses((status = 303, description = "Done; back to the page")))]
pub(super) async fn press(
    State(room): State<Shared>,
    At(no): At<PaymentNo>,
    request: Request,
) -> Result<Response, Refused> {
    let form = super::json::read(request.into_body(), FORM_MAX).await?;
    let press = match &form[..] {
        b"outcome=succeeded" => Press::Succeeded,
        b"outcome=failed" => Press::Failed,
        _ => return Err(Problem::invalid("bad-body", "send outcome=succeeded or outcome=failed").into()),
    };
    let app = room.app.clone();
    room.finish("sandbox", async move { sandbox::press(&app, no, press).await }).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("/sandbox/pay/{no}"))]).into_response())
}
