//! Plugin versions.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::admin::plugins::{self, PluginView};
use crate::app::problem::Problem;
use crate::domain::ids::{BusinessCode, Digest};
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::{Json, Nothing, Upload};
use crate::http::params::At;
use crate::http::reply::{Answer, ok};

/// Versions of a line.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Versions {
    /// Oldest first.
    plugins: Vec<PluginView>,
}

/// Upload a plugin version: the component's bytes, nothing around them.
///
/// It is checked, compiled under limits and tried; 422 says what is wrong with it. Afterwards it is `ready`, and takes
/// new orders once activated. The same bytes again are answered as they are.
#[utoipa::path(put, path = "/admin/v1/businesses/{code}/plugins", tag = "admin", params(("code" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 200, description = "The version", body = PluginView)))]
pub(in crate::http) async fn upload(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(code): At<BusinessCode>,
    Upload(component): Upload,
) -> Answer<PluginView> {
    if component.is_empty() {
        return Err(Problem::invalid("bad-body", "the body is empty; send the component's bytes").into());
    }
    let app = room.app.clone();
    let work = async move { plugins::upload(&app, &who, &code, component.into()).await };
    Ok(ok(room.finish("upload", work).await?))
}

/// List plugin versions.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}/plugins", tag = "admin", params(("code" = String, Path)),
    responses((status = 200, description = "All versions", body = Versions)))]
pub(in crate::http) async fn list(
    State(room): State<Shared>,
    who: Caller,
    At(code): At<BusinessCode>,
) -> Answer<Versions> {
    Ok(ok(Versions { plugins: plugins::list(&room.app, &who, &code).await? }))
}

/// One plugin version.
#[utoipa::path(get, path = "/admin/v1/businesses/{code}/plugins/{digest}", tag = "admin",
    params(("code" = String, Path), ("digest" = String, Path, description = "SHA-256 of the component")),
    responses((status = 200, description = "The version", body = PluginView)))]
pub(in crate::http) async fn get(
    State(room): State<Shared>,
    who: Caller,
    At((code, digest)): At<(BusinessCode, Digest)>,
) -> Answer<PluginView> {
    Ok(ok(plugins::get(&room.app, &who, &code, digest).await?))
}

/// Let a version price new orders. Open orders keep theirs; going back is activating an earlier one.
#[utoipa::path(post, path = "/admin/v1/businesses/{code}/plugins/{digest}/activate", tag = "admin",
    params(("code" = String, Path), ("digest" = String, Path, description = "SHA-256 of the component")),
    responses((status = 200, description = "The version, now active", body = PluginView)))]
pub(in crate::http) async fn activate(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((code, digest)): At<(BusinessCode, Digest)>,
    _: Json<Nothing>,
) -> Answer<PluginView> {
    let app = room.app.clone();
    let work = async move { plugins::activate(&app, &who, &code, digest).await };
    Ok(ok(room.finish("activate", work).await?))
}
