//! The buyer's own wallet.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::caller::Caller;
use super::params::{Search, cursor, limit};
use super::reply::{Answer, ok};
use crate::app::problem::Problem;
use crate::app::wallet::{self, StatementPage, WalletView};
use crate::domain::ids::BuyerId;
use crate::domain::resource::Unit;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatementSearch {
    /// An ISO 4217 code, or `COINS`.
    #[param(value_type = String, example = "CNY")]
    pub unit: Unit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

impl StatementSearch {
    /// The entry below which the page begins.
    pub(super) fn below(&self) -> Result<Option<i64>, Problem> {
        cursor(self.cursor.as_deref())
    }
}

/// What is in your wallet.
#[utoipa::path(get, path = "/api/v1/wallet", tag = "payments",
    responses((status = 200, description = "Money and coins", body = WalletView)))]
pub(super) async fn balances(State(room): State<Shared>, who: Caller) -> Answer<WalletView> {
    Ok(ok(wallet::balances(&room.app, &own(&who)?).await?))
}

/// The statement of your wallet in one unit, newest first.
#[utoipa::path(get, path = "/api/v1/wallet/statement", tag = "payments", params(StatementSearch),
    responses((status = 200, description = "A page; later entries do not move it", body = StatementPage)))]
pub(super) async fn statement(
    State(room): State<Shared>,
    who: Caller,
    Search(search): Search<StatementSearch>,
) -> Answer<StatementPage> {
    let below = search.below()?;
    Ok(ok(wallet::statement(&room.app, &own(&who)?, search.unit, below, limit(search.limit)?).await?))
}

fn own(who: &Caller) -> Result<BuyerId, Problem> {
    BuyerId::new(&who.subject).map_err(|bad| Problem::forbidden(bad.to_string()))
}
