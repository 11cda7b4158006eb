//! Our accounts at payment providers.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DONE, Done};
use crate::app::admin::accounts::{self, AccountIn, AccountView};
use crate::domain::ids::{MerchantAccount, PaymentMethod};
use crate::http::Shared;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::params::At;
use crate::http::reply::{Answer, ok};

/// All accounts.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Accounts {
    /// By method and name.
    accounts: Vec<AccountView>,
}

/// List merchant accounts.
#[utoipa::path(get, path = "/admin/v1/merchant-accounts", tag = "admin",
    responses((status = 200, description = "All of them, without secrets", body = Accounts)))]
pub(in crate::http) async fn list(State(room): State<Shared>) -> Answer<Accounts> {
    Ok(ok(Accounts { accounts: accounts::list(&room.app).await? }))
}

/// One merchant account.
#[utoipa::path(get, path = "/admin/v1/merchant-accounts/{method}/{account}", tag = "admin",
    params(("method" = String, Path, description = "The payment method"), ("account" = String, Path)),
    responses((status = 200, description = "The account, without secrets", body = AccountView)))]
pub(in crate::http) async fn get(
    State(room): State<Shared>,
    At((method, account)): At<(PaymentMethod, MerchantAccount)>,
) -> Answer<AccountView> {
    Ok(ok(accounts::get(&room.app, &method, &account).await?))
}

/// Set up a merchant account, or replace it.
///
/// Wrong keys and settings are refused with the name of the field before anything is kept. In force within a second.
#[utoipa::path(put, path = "/admin/v1/merchant-accounts/{method}/{account}", tag = "admin", request_body = AccountIn,
    params(("method" = String, Path, description = "The payment method"),
           ("account" = String, Path, description = "1 to 32 of a-z, 0-9, - and _, beginning with a letter")),
    responses((status = 200, description = "The account, without secrets", body = AccountView)))]
pub(in crate::http) async fn put(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((method, account)): At<(PaymentMethod, MerchantAccount)>,
    Json(body): Json<AccountIn>,
) -> Answer<AccountView> {
    let app = room.app.clone();
    let work = async move { accounts::put(&app, &who, method, account, body).await };
    Ok(ok(room.finish("merchant-account", work).await?))
}

/// Delete a merchant account at which no payment was ever opened; else 409 `account-in-use`: disable it.
#[utoipa::path(delete, path = "/admin/v1/merchant-accounts/{method}/{account}", tag = "admin",
    params(("method" = String, Path, description = "The payment method"), ("account" = String, Path)),
    responses((status = 200, description = "Gone", body = Done)))]
pub(in crate::http) async fn delete(
    State(room): State<Shared>,
    Caller(who): Caller,
    At((method, account)): At<(PaymentMethod, MerchantAccount)>,
) -> Answer<Done> {
    let app = room.app.clone();
    let work = async move { accounts::delete(&app, &who, &method, &account).await };
    room.finish("merchant-account", work).await?;
    Ok(ok(DONE))
}
