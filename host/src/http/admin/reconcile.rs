//! Differences between providers' books and ours.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::admin::reconcile::{self, BookDayPage, DiscrepancyPage, DiscrepancyView, How, OfAccount};
use crate::app::problem::Problem;
use crate::app::reconcile::{self as books, Uploaded};
use crate::domain::ids::{MerchantAccount, Millis, PaymentMethod};
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::{Json, Upload};
use crate::http::params::{At, Search, limit};
use crate::http::reply::{Answer, ok};

/// Which differences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DifferenceSearch {
    /// `open` (if absent) or `settled`.
    state: Option<DifferenceState>,
    /// Of a payment method.
    #[param(value_type = Option<String>)]
    method: Option<PaymentMethod>,
    /// Of an account.
    #[param(value_type = Option<String>)]
    account: Option<MerchantAccount>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Whether a difference was settled.
#[derive(Deserialize, ToSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum DifferenceState {
    /// Not yet.
    Open,
    /// It was.
    Settled,
}

fn bad_cursor() -> Problem {
    Problem::invalid("bad-query", "cursor must be the `next` of the page before")
}

/// Differences between providers' books and ours, newest first.
#[utoipa::path(get, path = "/admin/v1/reconciliation", tag = "admin", params(DifferenceSearch),
    responses((status = 200, description = "A page", body = DiscrepancyPage)))]
pub(in crate::http) async fn list(
    State(room): State<Shared>,
    Search(search): Search<DifferenceSearch>,
) -> Answer<DiscrepancyPage> {
    let below = search.cursor.as_deref().map(|text| {
        let (at, id) = text.split_once('~').ok_or_else(bad_cursor)?;
        Ok::<(Millis, String), Problem>((at.parse().map_err(|_| bad_cursor())?, id.to_owned()))
    });
    let (below, settled) = (below.transpose()?, search.state == Some(DifferenceState::Settled));
    let of = OfAccount { method: search.method, account: search.account };
    Ok(ok(reconcile::list(&room.app, settled, &of, below, limit(search.limit)?).await?))
}

/// Which days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DaySearch {
    /// Of a payment method.
    #[param(value_type = Option<String>)]
    method: Option<PaymentMethod>,
    /// Of an account.
    #[param(value_type = Option<String>)]
    account: Option<MerchantAccount>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Days of providers' books and how far their comparison is, newest first.
#[utoipa::path(get, path = "/admin/v1/reconciliation/days", tag = "admin", params(DaySearch),
    responses((status = 200, description = "A page", body = BookDayPage)))]
pub(in crate::http) async fn days(
    State(room): State<Shared>,
    Search(search): Search<DaySearch>,
) -> Answer<BookDayPage> {
    let below = search.cursor.as_deref().map(|text| {
        let mut parts = text.splitn(3, '~').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(day), Some(method), Some(account)) => Ok((day, method, account)),
            _ => Err(bad_cursor()),
        }
    });
    let of = OfAccount { method: search.method, account: search.account };
    Ok(ok(reconcile::days(&room.app, &of, below.transpose()?, limit(search.limit)?).await?))
}

/// Whose book.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct BookSearch {
    /// The payment method.
    #[param(value_type = String)]
    method: PaymentMethod,
    /// Our account.
    #[param(value_type = String)]
    account: MerchantAccount,
    /// `YYYY-MM-DD` in the provider's time.
    day: String,
}

/// Compare a provider's book that came as a file.
///
/// A CSV file in UTF-8 whose first line is `kind,reference,trade_no,amount_minor,currency`. `kind` is `payment` or
/// `refund`, `reference` our number as the provider has it. Giving a file again adds nothing that is known.
#[utoipa::path(post, path = "/admin/v1/reconciliation/books", tag = "admin", params(BookSearch),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "What it came to", body = Uploaded)))]
pub(in crate::http) async fn upload(
    State(room): State<Shared>,
    Caller(who): Caller,
    Search(search): Search<BookSearch>,
    Upload(file): Upload,
) -> Answer<Uploaded> {
    let app = room.app.clone();
    let work = async move { books::upload(&app, &who, (search.method, search.account), &search.day, &file).await };
    Ok(ok(room.finish("book", work).await?))
}

/// How a difference is settled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SettleBody {
    /// What to do about it.
    resolution: How,
    /// Why, 1 to 500 characters.
    note: String,
}

/// Settle a difference.
#[utoipa::path(post, path = "/admin/v1/reconciliation/{id}/settle", tag = "admin", request_body = SettleBody,
    params(("id" = String, Path, description = "As the list names it")),
    responses((status = 200, description = "It is settled", body = DiscrepancyView)))]
pub(in crate::http) async fn settle(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(id): At<String>,
    Json(body): Json<SettleBody>,
) -> Answer<DiscrepancyView> {
    let app = room.app.clone();
    let work = async move { reconcile::settle(&app, &who, &id, body.resolution, &body.note).await };
    Ok(ok(room.finish("settle", work).await?))
}
