//! Business lines.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{DONE, Done};
use crate::app::admin::businesses::{self, GrantIn, LineIn, LineView, RulesIn};
use crate::domain::catalogue::{Grant, LineRules};
use crate::domain::ids::BusinessCode;
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::params::At;
use crate::http::reply::{Answer, created, ok};

/// A business line to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RegisterBody {
    /// Its code, for ever: a-z, 0-9, - and _, beginning with a letter.
    #[schema(value_type = String, example = "goods")]
    code: BusinessCode,
    /// For people.
    name: String,
    /// Order types it owns, such as 1001.
    order_types: Vec<i32>,
    /// What the platform itself follows.
    #[serde(default)]
    #[schema(value_type = Option<RulesIn>)]
    rules: LineRules,
    /// A JSON object that every hook gets.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// What its plugins may do beyond the defaults.
    #[serde(default)]
    #[schema(value_type = Option<GrantIn>)]
    grant: Grant,
    /// Whether new orders are taken; true if absent.
    enabled: Option<bool>,
}

/// All lines.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Lines {
    /// By code.
    businesses: Vec<LineView>,
}

/// Register a business line.
#[utoipa::path(post, path = "/admin/v1/businesses", tag = "admin", request_body = RegisterBody,
    responses((status = 201, description = "It takes orders once a plugin is active", body = LineView)))]
pub(in crate::http) async fn register(
    State(room): State<Shared>,
    Caller(who): Caller,
    Json(body): Json<RegisterBody>,
) -> Answer<LineView> {
    let wanted = LineIn {
        name: body.name,
        order_types: body.order_types,
        rules: body.rules,
        settings: body.settings.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        grant: body.grant,
        enabled: body.enabled.unwrap_or(true),
    };
    let app = room.app.clone();
    let work = async move { businesses::register(&app, &who, body.code, wanted).await };
    Ok(created(room.finish("business", work).await?))
}

/// List business lines.
#[utoipa::path(get, path = "/admin/v1/businesses", tag = "admin",
    responses((status = 200, description = "Those you may manage", body = Lines)))]
pub(in crate::http) async fn list(State(room): State<Shared>, who: Caller) -> Answer<Lines> {
    Ok(ok(Lines { businesses: businesses::list(&room.app, &who).await? }))
}

/// One business line.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}", tag = "admin", params(("code" = String, Path)),
    responses((status = 200, description = "The line", body = LineView)))]
pub(in crate::http) async fn get(
    State(room): State<Shared>,
    who: Caller,
    At(code): At<BusinessCode>,
) -> Answer<LineView> {
    Ok(ok(businesses::get(&room.app, &who, &code).await?))
}

/// Replace everything about a line but its code and its active plugin.
#[utoipa::path(put, path = "/admin/v1/businesses/{code}", tag = "admin", params(("code" = String, Path)),
    request_body = LineIn, responses((status = 200, description = "The line", body = LineView)))]
pub(in crate::http) async fn replace(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    Json(body): Json<LineIn>,
) -> Answer<LineView> {
    let app = room.app.clone();
    let work = async move { businesses::replace(&app, &who, &code, body).await };
    Ok(ok(room.finish("business", work).await?))
}

/// Take a line out that never had an order; else 409: disable it.
#[utoipa::path(delete, path = "/admin/v1/businesses/{code}", tag = "admin", params(("code" = String, Path)),
    responses((status = 200, description = "It is gone", body = Done)))]
pub(in crate::http) async fn delete(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
) -> Answer<Done> {
    let app = room.app.clone();
    room.finish("business", async move { businesses::delete(&app, &who, &code).await }).await?;
    Ok(ok(DONE))
}
