//! Buyers' wallets: money and coins put in by operators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::orders::{Denied, commit, refusal_problem, store_problem};
use super::super::problem::Problem;
use super::Deed;
use crate::domain::catalogue::AdminWrite;
use crate::domain::change::{Change, Claim, Refusal};
use crate::domain::ids::{BuyerId, Digest, OrderNo, Slot};
use crate::domain::money::MAX_AMOUNT;
use crate::domain::resource::{Account, FUNDING, Transfer, Unit};
use crate::identity::Principal;

/// Characters of a reference.
const REFERENCE_MAX: usize = 64;
/// Top-ups are postings of no order: they carry this number, above which only the buyer's slot stands.
const NO_ORDER: i64 = 1 << 10;

/// Money or coins for a buyer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String, example = "CNY")]
    pub unit: Unit,
    /// Minor units, or a count of coins; above zero.
    pub amount: i64,
    /// The caller's own, 1 to 64 characters: the same one for the same buyer is done once.
    pub reference: String,
}

/// A balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BalanceView {
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Can be spent.
    pub available: i64,
    /// Held for orders.
    pub held: i64,
}

/// A buyer's balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WalletView {
    /// Whose.
    pub buyer: String,
    /// One for each unit that ever moved.
    pub balances: Vec<BalanceView>,
}

/// What a buyer has.
pub async fn get(app: &App, buyer: &BuyerId) -> Result<WalletView, Problem> {
    let rows = app.store.balances(buyer).await.map_err(store_problem)?;
    let view = |row: crate::domain::catalogue::Balance| BalanceView {
        unit: row.unit,
        available: row.available,
        held: row.held,
    };
    Ok(WalletView { buyer: buyer.to_string(), balances: rows.into_iter().map(view).collect() })
}

/// Puts money or coins in, once for each reference; a repeat answers the balances as they are now.
pub async fn top_up(app: &App, who: &Principal, buyer: &BuyerId, what: TopUp) -> Result<WalletView, Problem> {
    if !(1..=MAX_AMOUNT).contains(&what.amount) {
        return Err(Problem::invalid("bad-body", format!("amount: a whole number from 1 to {MAX_AMOUNT}")));
    }
    if !(1..=REFERENCE_MAX).contains(&what.reference.chars().count()) {
        return Err(Problem::invalid("bad-body", format!("reference: 1 to {REFERENCE_MAX} characters")));
    }
    let operation = format!("top_up:{buyer}:{}", what.reference);
    let detail = serde_json::to_value(&what).map_err(Problem::internal)?;
    let deed = Deed { who, action: "wallet.top_up", target: buyer.to_string(), detail: detail.clone(), key: None };
    let at = app.clock.now();
    let change = Change {
        at,
        // Guards against the same reference with another amount; the posting itself is unique for ever.
        claim: Some(Claim {
            principal: format!("wallet:{buyer}"),
            key: what.reference.clone(),
            digest: digest(&detail.to_string()),
            operation: deed.action.to_owned(),
            outcome: "null".to_owned(),
        }),
        transfers: vec![Transfer {
            order_no: OrderNo(NO_ORDER | i64::from(Slot::of(buyer.as_str()).index())),
            operation,
            from: FUNDING,
            to: Account::Available(buyer.clone()),
            unit: what.unit,
            amount: what.amount,
        }],
        admin: vec![AdminWrite::Audit(deed.audit(at))],
        ..Change::default()
    };
    match commit(app, change).await {
        Ok(()) | Err(Denied::Refusal(Refusal::OperationDone { .. })) => {}
        Err(Denied::Refusal(Refusal::KeyUsed(stored))) if stored.digest == digest(&detail.to_string()) => {}
        Err(Denied::Refusal(refusal @ Refusal::KeyUsed(_))) => {
            return Err(Problem {
                detail: "this reference was used for another top-up".into(),
                ..refusal_problem(&refusal)
            });
        }
        Err(denied) => return Err(denied.into()),
    }
    get(app, buyer).await
}

fn digest(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref());
    Digest(bytes)
}
