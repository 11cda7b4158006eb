//! The sandbox provider's pay page. There only while the sandbox is enabled.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Shared;
use super::params::At;
use super::reply::Refused;
use crate::app::problem::Problem;
use crate::app::sandbox::{self, Press, Refunds};
use crate::domain::ids::PaymentNo;

/// Bytes of the page's form.
const FORM_MAX: usize = 256;

/// The development pay page of a payment.
#[utoipa::path(get, path = "/sandbox/pay/{payment_no}", tag = "payments",
    params(("payment_no" = String, Path, description = "A payment of the method `sandbox`")),
    responses((status = 200, description = "For people", body = String, content_type = "text/html")))]
pub(super) async fn page(State(room): State<Shared>, At(no): At<PaymentNo>) -> Result<Response, Refused> {
    let page = sandbox::page(&room.app, no).await?;
    let (currency, status) = (&page.payment.currency, page.payment.status.as_str());
    let pay: &[(&str, &str)] = match status {
        "pending" => &[
            ("pay", "Pay"),
            ("fail", "Let it fail"),
            ("pay_twice", "Pay, told twice"),
            ("pay_lost", "Pay, callback lost"),
            ("pay_wrong", "Pay a wrong amount"),
        ],
        "failed" | "closed" => &[("pay", "Pay late")],
        _ => &[("pay", "Tell again that it is paid")],
    };
    let refunds: &[(&str, &str)] =
        &[("refunds_succeed", "Refunds succeed"), ("refunds_wait", "Refunds wait"), ("refunds_fail", "Refunds fail")];
    let now = match page.refunds {
        Refunds::Succeed => "succeed",
        Refunds::Wait => "wait",
        Refunds::Fail => "fail",
    };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Sandbox</title><body style='font:16px/1.5 system-ui;max-width:30rem;margin:3rem auto'>\
         <h1>Sandbox payment</h1><p>{no}: {} minor units of {currency}, {status}.</p>\
         <form method=post>{}<p>Its refunds {now}.</p>{}</form>",
        page.amount,
        buttons(pay),
        buttons(refunds),
    );
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

fn buttons(of: &[(&str, &str)]) -> String {
    let button = |(value, text): &(&str, &str)| format!("<button name=outcome value={value}>{text}</button>");
    of.iter().map(button).collect::<Vec<_>>().join(" ")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    outcome: Press,
}

/// Press a button of the development pay page.
///
/// The sandbox then does what a provider would, with its signed callback. `outcome` is one of `pay`, `fail`,
/// `pay_twice`, `pay_lost`, `pay_wrong`, `refunds_succeed`, `refunds_wait`, `refunds_fail`.
#[utoipa::path(post, path = "/sandbox/pay/{payment_no}", tag = "payments",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`outcome=pay` and so on"),
    params(("payment_no" = String, Path, description = "A payment of the method `sandbox`")),
    responses((status = 303, description = "Done; back to the page")))]
pub(super) async fn press(
    State(room): State<Shared>,
    At(no): At<PaymentNo>,
    request: Request,
) -> Result<Response, Refused> {
    let form = super::json::read(request.into_body(), FORM_MAX).await?;
    let bad = || {
        Problem::invalid(
            "bad-body",
            "send outcome=pay, fail, pay_twice, pay_lost, pay_wrong, refunds_succeed, refunds_wait or refunds_fail",
        )
    };
    let text = std::str::from_utf8(&form).map_err(|_| bad())?;
    let outcome = text.strip_prefix("outcome=").ok_or_else(bad)?;
    let form: Form = serde_json::from_value(serde_json::json!({ "outcome": outcome })).map_err(|_| bad())?;
    let app = room.app.clone();
    room.finish("sandbox", async move { sandbox::press(&app, no, form.outcome).await }).await?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("/sandbox/pay/{no}"))]).into_response())
}
