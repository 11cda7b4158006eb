//! Buyers' wallets and the book they stand in.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::admin::wallets::{self, BookView, Funds, HouseAccount};
use crate::app::wallet::{self, StatementPage, WalletView};
use crate::domain::ids::BuyerId;
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::params::{At, Search, limit};
use crate::http::reply::{Answer, ok};
use crate::http::wallet::StatementSearch;

/// A buyer's balances.
#[utoipa::path(get, path = "/admin/v1/wallets/{buyer}", tag = "admin", params(("buyer" = String, Path)),
    responses((status = 200, description = "Money and coins", body = WalletView)))]
pub(in crate::http) async fn get(State(room): State<Shared>, At(buyer): At<BuyerId>) -> Answer<WalletView> {
    Ok(ok(wallet::balances(&room.app, &buyer).await?))
}

/// Put money or coins into a buyer's wallet, once for each reference.
#[utoipa::path(post, path = "/admin/v1/wallets/{buyer}/top-up", tag = "admin", params(("buyer" = String, Path)),
    request_body = Funds, responses((status = 200, description = "The balances now", body = WalletView)))]
pub(in crate::http) async fn top_up(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(buyer): At<BuyerId>,
    Json(body): Json<Funds>,
) -> Answer<WalletView> {
    let app = room.app.clone();
    Ok(ok(room.finish("top-up", async move { wallets::top_up(&app, &who, &buyer, body).await }).await?))
}

/// Take money or coins out of a buyer's wallet, once for each reference. 409 if less is there.
#[utoipa::path(post, path = "/admin/v1/wallets/{buyer}/withdraw", tag = "admin", params(("buyer" = String, Path)),
    request_body = Funds, responses((status = 200, description = "The balances now", body = WalletView)))]
pub(in crate::http) async fn withdraw(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(buyer): At<BuyerId>,
    Json(body): Json<Funds>,
) -> Answer<WalletView> {
    let app = room.app.clone();
    Ok(ok(room.finish("withdraw", async move { wallets::withdraw(&app, &who, &buyer, body).await }).await?))
}

/// A buyer's statement of one unit, newest first.
#[utoipa::path(get, path = "/admin/v1/wallets/{buyer}/statement", tag = "admin",
    params(("buyer" = String, Path), StatementSearch),
    responses((status = 200, description = "A page; later entries do not move it", body = StatementPage)))]
pub(in crate::http) async fn statement(
    State(room): State<Shared>,
    At(buyer): At<BuyerId>,
    Search(search): Search<StatementSearch>,
) -> Answer<StatementPage> {
    let below = search.below()?;
    Ok(ok(wallet::statement(&room.app, &buyer, search.unit, below, limit(search.limit)?).await?))
}

/// The house's accounts.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct HouseAccounts {
    /// By name and unit.
    accounts: Vec<HouseAccount>,
}

/// The sums of the house's accounts. Adds up all postings.
#[utoipa::path(get, path = "/admin/v1/wallets/accounts", tag = "admin",
    responses((status = 200, description = "By name and unit", body = HouseAccounts)))]
pub(in crate::http) async fn house(State(room): State<Shared>) -> Answer<HouseAccounts> {
    Ok(ok(HouseAccounts { accounts: wallets::house(&room.app).await? }))
}

/// Check that the book balances. Adds up all postings.
#[utoipa::path(get, path = "/admin/v1/wallets/check", tag = "admin",
    responses((status = 200, description = "Whether it does, and where not", body = BookView)))]
pub(in crate::http) async fn check(State(room): State<Shared>) -> Answer<BookView> {
    Ok(ok(wallets::check(&room.app).await?))
}
