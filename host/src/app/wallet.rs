//! A buyer's wallet: what is in it, how it came about, and whether the book it stands in adds up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::catalogue::Balance;
use crate::domain::ids::{BuyerId, OrderNo};
use crate::domain::resource::Unit;
use crate::domain::time::rfc3339;
use crate::store::{AccountSums, WalletEntry};

/// Order numbers are above this: they begin with seconds. What is below is of no order.
const LEAST_ORDER: i64 = 1 << 32;

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
pub async fn balances(app: &App, buyer: &BuyerId) -> Result<WalletView, Problem> {
    let rows = app.store.balances(buyer).await.map_err(store_problem)?;
    let view = |row: Balance| BalanceView { unit: row.unit, available: row.available, held: row.held };
    Ok(WalletView { buyer: buyer.to_string(), balances: rows.into_iter().map(view).collect() })
}

/// An entry of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// 1, 2, 3 … for each buyer and unit.
    pub number: i64,
    /// `top_up`, `withdraw`, `hold`, `pay`, `capture`, `release`, `refund`, …
    pub operation: String,
    /// What of: a refund's or payment's number, the reference of a top-up.
    pub reference: Option<String>,
    /// The pay order, if it is about one.
    #[schema(value_type = Option<String>)]
    pub order_no: Option<OrderNo>,
    /// What it added to what can be spent; negative takes away.
    pub available: i64,
    /// What it added to what is held.
    pub held: i64,
    /// What can be spent after it.
    pub available_after: i64,
    /// What is held after it.
    pub held_after: i64,
    /// RFC 3339
    pub at: String,
}

/// A page of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatementPage {
    /// Whose.
    pub buyer: String,
    /// An ISO 4217 code, or `COINS`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Newest first.
    pub entries: Vec<EntryView>,
    /// `cursor` of the next page; none on the last one.
    pub next: Option<String>,
}

/// A buyer's entries of a unit, newest first, below a number.
pub async fn statement(
    app: &App,
    buyer: &BuyerId,
    unit: Unit,
    below: Option<i64>,
    limit: u32,
) -> Result<StatementPage, Problem> {
    let rows = app.store.wallet_entries(buyer, unit, below, limit).await.map_err(store_problem)?;
    // Entries are numbered from 1 without gap.
    let next = rows.last().map(|row| row.number).filter(|number| *number > 1).map(|number| number.to_string());
    let entries = rows.into_iter().map(|row| entry(buyer, row)).collect();
    Ok(StatementPage { buyer: buyer.to_string(), unit, entries, next })
}

fn entry(buyer: &BuyerId, row: WalletEntry) -> EntryView {
    let posting = row.posting;
    let moved = |account: String| {
        let into = if posting.to == account { posting.amount } else { 0 };
        into - if posting.from == account { posting.amount } else { 0 }
    };
    let (operation, reference) = match posting.operation.split_once(':') {
        None => (posting.operation.clone(), None),
        Some((word, rest)) => {
            // What an operator does is named after the buyer, too.
            let own = rest.strip_prefix(&format!("{}:{buyer}:", buyer.as_str().len()));
            let rest = own.filter(|_| matches!(word, "top_up" | "withdraw")).unwrap_or(rest);
            (word.to_owned(), Some(rest.to_owned()))
        }
    };
    EntryView {
        number: row.number,
        operation,
        reference,
        order_no: Some(posting.order_no).filter(|no| no.0 >= LEAST_ORDER),
        available: moved(format!("available:{buyer}")),
        held: moved(format!("held:{buyer}")),
        available_after: row.available,
        held_after: row.held,
        at: rfc3339(posting.at),
    }
}

/// The book, added up slot group by slot group. Balances are the truth for spending, postings the proof.
#[derive(Debug, Default)]
pub struct Book {
    /// By unit: the house's postings, the buyers' balances.
    units: BTreeMap<Unit, (i128, i128)>,
    wrong: Vec<AccountSums>,
}

impl Book {
    /// With what a slot group has.
    pub fn add(&mut self, sums: Vec<AccountSums>) {
        for sums in sums {
            let unit = self.units.entry(sums.unit).or_default();
            if sums.is_total() {
                unit.1 += i128::from(sums.stored);
            } else if sums.house().is_some() {
                unit.0 += i128::from(sums.posted);
            } else {
                self.wrong.push(sums);
            }
        }
    }

    /// Each unit with the house's postings and the buyers' balances: together zero.
    pub fn units(&self) -> impl Iterator<Item = (Unit, i128, i128)> {
        self.units.iter().map(|(unit, (house, wallets))| (*unit, *house, *wallets))
    }

    /// The accounts whose row is not what their postings say.
    pub fn wrong(&self) -> &[AccountSums] {
        &self.wrong
    }

    /// How many accounts and units are wrong.
    pub fn imbalances(&self) -> usize {
        self.wrong.len() + self.units().filter(|(_, house, wallets)| house + wallets != 0).count()
    }
}
