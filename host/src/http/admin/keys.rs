//! API keys.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DONE, Done};
use crate::app::admin::api_keys::{self, KeyIn, NewKey};
use crate::domain::ids::BusinessCode;
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::params::At;
use crate::http::reply::{Answer, created, ok};

/// A key of a line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LineKeyBody {
    /// The caller's name in logs and audit.
    subject: String,
    /// How long it lives, seconds; at most two years.
    expires_in_s: i64,
}

/// Make an API key of the role `business` for a line. It is shown once; a principal has at most two live keys.
#[utoipa::path(post, path = "/admin/v1/businesses/{code}/api-keys", tag = "admin", request_body = LineKeyBody,
    params(("code" = String, Path)), responses((status = 201, description = "The key", body = NewKey)))]
pub(in crate::http) async fn make_for_line(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    Json(body): Json<LineKeyBody>,
) -> Answer<NewKey> {
    let app = room.app.clone();
    let work = async move { api_keys::make_for_line(&app, &who, &code, body.subject, body.expires_in_s).await };
    Ok(created(room.finish("api-key", work).await?))
}

/// Make an API key for any principal. It is shown once; a principal has at most two live keys.
#[utoipa::path(post, path = "/admin/v1/api-keys", tag = "admin", request_body = KeyIn,
    responses((status = 201, description = "The key", body = NewKey)))]
pub(in crate::http) async fn make(
    State(room): State<Shared>,
    Caller(who): Caller,
    Json(body): Json<KeyIn>,
) -> Answer<NewKey> {
    let app = room.app.clone();
    Ok(created(room.finish("api-key", async move { api_keys::make(&app, &who, body).await }).await?))
}

/// Revoke an API key. A line revokes its own, operators those of lines, admins any.
#[utoipa::path(delete, path = "/admin/v1/api-keys/{id}", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, description = "It ends within seconds", body = Done)))]
pub(in crate::http) async fn revoke(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(id): At<String>,
) -> Answer<Done> {
    let app = room.app.clone();
    room.finish("api-key", async move { api_keys::revoke(&app, &who, &id).await }).await?;
    Ok(ok(DONE))
}
