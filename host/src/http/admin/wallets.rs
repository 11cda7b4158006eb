//! Buyers' wallets.

use axum::extract::State;

use crate::app::admin::wallets::{self, TopUp, WalletView};
use crate::domain::ids::BuyerId;
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::params::At;
use crate::http::reply::{Answer, ok};

/// A buyer's balances.
#[utoipa::path(get, path = "/admin/v1/wallets/{buyer}", tag = "admin", params(("buyer" = String, Path)),
    responses((status = 200, description = "Money and coins", body = WalletView)))]
pub(in crate::http) async fn get(State(room): State<Shared>, At(buyer): At<BuyerId>) -> Answer<WalletView> {
    Ok(ok(wallets::get(&room.app, &buyer).await?))
}

/// Put money or coins into a buyer's wallet, once for each reference.
#[utoipa::path(post, path = "/admin/v1/wallets/{buyer}/top-up", tag = "admin", params(("buyer" = String, Path)),
    request_body = TopUp, responses((status = 200, description = "The balances now", body = WalletView)))]
pub(in crate::http) async fn top_up(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(buyer): At<BuyerId>,
    Json(body): Json<TopUp>,
) -> Answer<WalletView> {
    let app = room.app.clone();
    Ok(ok(room.finish("top-up", async move { wallets::top_up(&app, &who, &buyer, body).await }).await?))
}
