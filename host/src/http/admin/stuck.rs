//! What is stuck or waits.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DONE, Done};
use crate::app::admin::stuck::{self, AttentionPage, BacklogRow, LetterPage, TimerRow};
use crate::app::api::OrderAnswer;
use crate::domain::ids::{BusinessCode, OrderNo};
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::{Json, Nothing};
use crate::http::params::{At, Paging, Search, cursor, limit};
use crate::http::reply::{Answer, ok};

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AttentionSearch {
    /// Of one line only.
    #[param(value_type = Option<String>)]
    business: Option<BusinessCode>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Shop orders that wait for a person, newest first.
#[utoipa::path(get, path = "/admin/v1/attention", tag = "admin", params(AttentionSearch),
    responses((status = 200, description = "A page", body = AttentionPage)))]
pub(in crate::http) async fn attention(
    State(room): State<Shared>,
    Search(search): Search<AttentionSearch>,
) -> Answer<AttentionPage> {
    let below = cursor(search.cursor.as_deref())?;
    Ok(ok(stuck::attention(&room.app, search.business, below, limit(search.limit)?).await?))
}

/// Clear the mark of a shop order and forward it.
#[utoipa::path(post, path = "/admin/v1/attention/{order_no}/redrive", tag = "admin",
    params(("order_no" = String, Path, description = "A shop order")),
    responses((status = 200, description = "Where it is now", body = OrderAnswer)))]
pub(in crate::http) async fn redrive_order(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    _: Json<Nothing>,
) -> Answer<OrderAnswer> {
    let app = room.app.clone();
    Ok(ok(room.finish("redrive", async move { stuck::redrive_order(&app, &who, no).await }).await?))
}

/// Early events that expired before their turn, newest first.
#[utoipa::path(get, path = "/admin/v1/dead-letters", tag = "admin", params(Paging),
    responses((status = 200, description = "A page", body = LetterPage)))]
pub(in crate::http) async fn dead_letters(
    State(room): State<Shared>,
    Search(page): Search<Paging>,
) -> Answer<LetterPage> {
    let below = cursor(page.cursor.as_deref())?;
    Ok(ok(stuck::dead_letters(&room.app, below, limit(page.limit)?).await?))
}

/// Which letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LetterBody {
    /// `event` of the letter.
    event: String,
    /// `id` of the letter.
    id: String,
}

/// Try a given-up event of a shop order again.
#[utoipa::path(post, path = "/admin/v1/dead-letters/{order_no}/redrive", tag = "admin", request_body = LetterBody,
    params(("order_no" = String, Path, description = "A shop order")),
    responses((status = 200, description = "It waits for its turn again", body = Done)))]
pub(in crate::http) async fn redrive_letter(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    Json(body): Json<LetterBody>,
) -> Answer<Done> {
    let app = room.app.clone();
    let work = async move { stuck::redrive_letter(&app, &who, no, &body.event, &body.id).await };
    room.finish("redrive", work).await?;
    Ok(ok(DONE))
}

/// Timers of an order.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Timers {
    /// Those that are armed.
    timers: Vec<TimerRow>,
}

/// Whose timers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct TimerSearch {
    /// A pay order or a shop order.
    #[param(value_type = String)]
    order_no: OrderNo,
}

/// The armed timers of an order.
#[utoipa::path(get, path = "/admin/v1/timers", tag = "admin", params(TimerSearch),
    responses((status = 200, description = "Its timers", body = Timers)))]
pub(in crate::http) async fn timers(State(room): State<Shared>, Search(search): Search<TimerSearch>) -> Answer<Timers> {
    Ok(ok(Timers { timers: stuck::timers(&room.app, search.order_no).await? }))
}

/// The outbox.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Outbox {
    /// By slot group.
    groups: Vec<BacklogRow>,
}

/// What waits to be published, and who publishes it.
#[utoipa::path(get, path = "/admin/v1/outbox", tag = "admin",
    responses((status = 200, description = "All groups", body = Outbox)))]
pub(in crate::http) async fn outbox(State(room): State<Shared>) -> Answer<Outbox> {
    Ok(ok(Outbox { groups: stuck::outbox(&room.app).await? }))
}
