//! Secrets, SKUs, stock and coupons of a line.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DONE, Done};
use crate::app::admin::resources::{self, CouponIn, SkuPage, SkuRow, StockIn, StockPage, Written};
use crate::domain::ids::BusinessCode;
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::fields::Difference;
use crate::http::json::{Command, Json};
use crate::http::params::{At, Paging, Repeatable, Search, cursor, limit};
use crate::http::reply::{Answer, ok};

/// Names of a line's secrets.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct SecretNames {
    /// Their values cannot be read.
    secrets: Vec<String>,
}

/// List the names of a line's secrets.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}/secrets", tag = "admin", params(("code" = String, Path)),
    responses((status = 200, description = "Names only", body = SecretNames)))]
pub(in crate::http) async fn list_secrets(
    State(room): State<Shared>,
    who: Caller,
    At(code): At<BusinessCode>,
) -> Answer<SecretNames> {
    Ok(ok(SecretNames { secrets: resources::secret_names(&room.app, &who, &code).await? }))
}

/// A secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SecretBody {
    /// 8 to 8,192 bytes.
    #[schema(write_only)]
    value: String,
}

/// Store or replace a secret. It can never be read back.
#[utoipa::path(put, path = "/admin/v1/businesses/{code}/secrets/{name}", tag = "admin", request_body = SecretBody,
    params(("code" = String, Path), ("name" = String, Path, description = "As the plugin names it")),
    responses((status = 200, description = "Stored", body = Done)))]
pub(in crate::http) async fn put_secret(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((code, name)): At<(BusinessCode, String)>,
    Json(body): Json<SecretBody>,
) -> Answer<Done> {
    let app = room.app.clone();
    let work = async move { resources::put_secret(&app, &who, &code, &name, &body.value).await };
    room.finish("secret", work).await?;
    Ok(ok(DONE))
}

/// Delete a secret.
#[utoipa::path(delete, path = "/admin/v1/businesses/{code}/secrets/{name}", tag = "admin",
    params(("code" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "Gone", body = Done)))]
pub(in crate::http) async fn delete_secret(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((code, name)): At<(BusinessCode, String)>,
) -> Answer<Done> {
    let app = room.app.clone();
    room.finish("secret", async move { resources::delete_secret(&app, &who, &code, &name).await }).await?;
    Ok(ok(DONE))
}

/// SKUs to write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SkusBody {
    /// 1 to 500.
    skus: Vec<SkuRow>,
}

/// Add or replace SKUs.
#[utoipa::path(put, path = "/admin/v1/businesses/{code}/skus", tag = "admin", params(("code" = String, Path)),
    request_body = SkusBody, responses((status = 200, description = "All of them, or none", body = Written)))]
pub(in crate::http) async fn put_skus(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    Json(body): Json<SkusBody>,
) -> Answer<Written> {
    let app = room.app.clone();
    Ok(ok(room.finish("skus", async move { resources::put_skus(&app, &who, &code, body.skus).await }).await?))
}

/// List SKUs.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}/skus", tag = "admin", params(("code" = String, Path), Paging),
    responses((status = 200, description = "A page, by code", body = SkuPage)))]
pub(in crate::http) async fn list_skus(
    State(room): State<Shared>,
    who: Caller,
    At(code): At<BusinessCode>,
    Search(page): Search<Paging>,
) -> Answer<SkuPage> {
    let after = cursor(page.cursor.as_deref())?;
    Ok(ok(resources::skus(&room.app, &who, &code, after, limit(page.limit)?).await?))
}

/// Stock to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StockBody {
    /// 1 to 500.
    stock: Vec<StockAdded>,
}

/// Stock of one key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct StockAdded {
    /// Of what: often the SKU, or a part of it such as `room-12@2026-12-01`.
    #[schema(value_type = String)]
    key: crate::domain::ids::StockKey,
    /// How many; negative takes away, never below zero.
    quantity: Difference,
}

/// Add stock. Send an Idempotency-Key: a repeat without one adds again.
#[utoipa::path(post, path = "/admin/v1/businesses/{code}/stock", tag = "admin", request_body = StockBody,
    params(("code" = String, Path), Repeatable),
    responses((status = 200, description = "All of it, or none", body = Written)))]
pub(in crate::http) async fn add_stock(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    call: Command<StockBody>,
) -> Answer<Written> {
    let row = |row: StockAdded| StockIn { key: row.key, quantity: row.quantity.0 };
    let rows = call.body.stock.into_iter().map(row).collect();
    let app = room.app.clone();
    let work = async move { resources::add_stock(&app, &who, &code, rows, call.key).await };
    Ok(ok(room.finish("stock", work).await?))
}

/// List stock.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}/stock", tag = "admin", params(("code" = String, Path), Paging),
    responses((status = 200, description = "A page, by key", body = StockPage)))]
pub(in crate::http) async fn list_stock(
    State(room): State<Shared>,
    who: Caller,
    At(code): At<BusinessCode>,
    Search(page): Search<Paging>,
) -> Answer<StockPage> {
    let after = cursor(page.cursor.as_deref())?;
    Ok(ok(resources::stock(&room.app, &who, &code, after, limit(page.limit)?).await?))
}

/// Coupons to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CouponsBody {
    /// 1 to 500. A code that exists refuses them all.
    coupons: Vec<CouponIn>,
}

/// Issue coupons of a line.
#[utoipa::path(put, path = "/admin/v1/businesses/{code}/coupons", tag = "admin", params(("code" = String, Path)),
    request_body = CouponsBody, responses((status = 200, description = "All of them, or none", body = Written)))]
pub(in crate::http) async fn put_line_coupons(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    Json(body): Json<CouponsBody>,
) -> Answer<Written> {
    let app = room.app.clone();
    let work = async move { resources::put_coupons(&app, &who, Some(&code), body.coupons).await };
    Ok(ok(room.finish("coupons", work).await?))
}

/// Issue coupons of the platform.
#[utoipa::path(put, path = "/admin/v1/coupons", tag = "admin", request_body = CouponsBody,
    responses((status = 200, description = "All of them, or none", body = Written)))]
pub(in crate::http) async fn put_platform_coupons(
    State(room): State<Shared>,
    Caller(who): Caller,
    Json(body): Json<CouponsBody>,
) -> Answer<Written> {
    let app = room.app.clone();
    let work = async move { resources::put_coupons(&app, &who, None, body.coupons).await };
    Ok(ok(room.finish("coupons", work).await?))
}
