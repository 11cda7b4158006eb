//! Buyers' wallets as operators see them: money and coins put in and taken out, the house's accounts, the check.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::orders::{Denied, commit, store_problem};
use super::super::problem::Problem;
use super::super::wallet::{self, WalletView};
use super::Deed;
use crate::domain::catalogue::AdminWrite;
use crate::domain::change::{Change, Refusal};
use crate::domain::ids::{BuyerId, OrderNo, SLOT_GROUPS, Slot};
use crate::domain::money::MAX_AMOUNT;
use crate::domain::resource::{Account, FUNDING, Transfer, Unit};
use crate::identity::Principal;
use crate::store::AccountSums;

/// Characters of a reference.
const REFERENCE_MAX: usize = 64;
/// Such postings are of no order: they carry this number, above which only the buyer's slot stands.
const NO_ORDER: i64 = 1 << 10;
/// Wrong accounts shown at most.
const WRONG_MAX: usize = 100;

/// Money or coins put into a wallet, or taken out of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Funds {
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String, example = "CNY")]
    pub unit: Unit,
    /// Minor units, or a count of coins; above zero.
    pub amount: i64,
    /// The caller's own, 1 to 64 characters: the same one for the same buyer is done once, for ever.
    pub reference: String,
}

/// Puts money or coins in, once for each reference; a repeat answers the balances as they are now.
pub async fn top_up(app: &App, who: &Principal, buyer: &BuyerId, what: Funds) -> Result<WalletView, Problem> {
    let to = Account::Available(buyer.clone());
    once(app, who, buyer, ("wallet.top_up", "top_up"), what, (FUNDING, to)).await
}

/// Takes money or coins out, once for each reference. The transfer to the buyer's bank is the caller's.
pub async fn withdraw(app: &App, who: &Principal, buyer: &BuyerId, what: Funds) -> Result<WalletView, Problem> {
    let from = Account::Available(buyer.clone());
    once(app, who, buyer, ("wallet.withdraw", "withdraw"), what, (from, FUNDING)).await
}

async fn once(
    app: &App,
    who: &Principal,
    buyer: &BuyerId,
    (action, word): (&'static str, &'static str),
    what: Funds,
    (from, to): (Account, Account),
) -> Result<WalletView, Problem> {
    if !(1..=MAX_AMOUNT).contains(&what.amount) {
        return Err(Problem::invalid("bad-body", format!("amount: a whole number from 1 to {MAX_AMOUNT}")));
    }
    if !(1..=REFERENCE_MAX).contains(&what.reference.chars().count()) {
        return Err(Problem::invalid("bad-body", format!("reference: 1 to {REFERENCE_MAX} characters")));
    }
    let order_no = OrderNo(NO_ORDER | i64::from(Slot::of(buyer.as_str()).index()));
    // With its length a buyer's name cannot run into the reference.
    let operation = format!("{word}:{}:{buyer}:{}", buyer.as_str().len(), what.reference);
    let detail = serde_json::to_value(&what).map_err(Problem::internal)?;
    let deed = Deed { who, action, target: buyer.to_string(), detail, key: None };
    let at = app.clock.now();
    let (unit, amount) = (what.unit, what.amount);
    let change = Change {
        at,
        transfers: vec![Transfer { order_no, operation: operation.clone(), from, to, unit, amount }],
        admin: vec![AdminWrite::Audit(deed.audit(at))],
        ..Change::default()
    };
    match commit(app, change).await {
        Ok(()) => {}
        Err(Denied::Refusal(Refusal::OperationDone { .. })) => {
            // The posting stays for ever, so it is what says whether this is a repeat.
            let done = app.store.posting(order_no, &operation).await.map_err(store_problem)?;
            if !done.is_some_and(|done| done.unit == unit && done.amount == amount) {
                let detail = format!("reference {} was used for another {word}", what.reference);
                return Err(Problem::refused("reference-reused", detail).with("reference", what.reference));
            }
        }
        Err(denied) => return Err(denied.into()),
    }
    wallet::balances(app, buyer).await
}

/// An account of the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HouseAccount {
    /// `sales` (captured), `funding` (topped up and withdrawn, negative), …
    pub account: String,
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// The sum of its postings.
    pub sum: i64,
}

/// The house's accounts by name and unit.
pub async fn house(app: &App) -> Result<Vec<HouseAccount>, Problem> {
    let sums = app.store.house_sums().await.map_err(store_problem)?;
    let account = |sums: AccountSums| HouseAccount {
        account: sums.house().unwrap_or_default().to_owned(),
        unit: sums.unit,
        sum: sums.posted,
    };
    Ok(sums.into_iter().map(account).collect())
}

/// Whether the book balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookView {
    /// Whether every unit sums to zero and every balance is what its postings say.
    pub balanced: bool,
    /// Each unit.
    pub units: Vec<UnitView>,
    /// Accounts whose row is not what their postings say, at most 100.
    pub wrong: Vec<WrongAccount>,
}

/// A unit of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnitView {
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// The house's postings.
    pub house: i64,
    /// The buyers' balances.
    pub wallets: i64,
    /// Both together: zero.
    pub difference: i64,
}

/// An account whose row is not what its postings say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongAccount {
    /// `available:<buyer>` or `held:<buyer>`; `entries:<buyer>` counts postings.
    pub account: String,
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// What its postings say.
    pub posted: i64,
    /// What its row says.
    pub stored: i64,
}

/// Adds up the whole book.
pub async fn check(app: &App) -> Result<BookView, Problem> {
    let mut book = wallet::Book::default();
    for group in 0..SLOT_GROUPS {
        book.add(app.store.wallet_book(group).await.map_err(store_problem)?);
    }
    let unit = |(unit, house, wallets): (Unit, i128, i128)| UnitView {
        unit,
        house: clamp(house),
        wallets: clamp(wallets),
        difference: clamp(house + wallets),
    };
    let wrong = |sums: &AccountSums| WrongAccount {
        account: sums.account.clone(),
        unit: sums.unit,
        posted: sums.posted,
        stored: sums.stored,
    };
    Ok(BookView {
        balanced: book.imbalances() == 0,
        units: book.units().map(unit).collect(),
        wrong: book.wrong().iter().take(WRONG_MAX).map(wrong).collect(),
    })
}

fn clamp(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
