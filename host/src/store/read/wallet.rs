//! The wallet as a book: an account's entries, the house's sums, and whether balances and postings agree.

use crate::domain::ids::{BuyerId, Millis, OrderNo, SLOT_GROUPS, SLOTS, Slot};
use crate::domain::resource::Unit;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::sql::{Reader, Row, Sql, sql, table};

/// A posting as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The pay order; for postings without one a number that carries only the slot.
    pub order_no: OrderNo,
    /// See [`Transfer`](crate::domain::resource::Transfer).
    pub operation: String,
    /// Payer, such as `available:lilei` or `house:sales`.
    pub from: String,
    /// Payee.
    pub to: String,
    /// Of what.
    pub unit: Unit,
    /// Above zero.
    pub amount: i64,
    /// When.
    pub at: Millis,
}

/// A posting as an entry of the buyer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletEntry {
    /// 1, 2, 3 … for each buyer and unit.
    pub number: i64,
    /// What was posted.
    pub posting: Posting,
    /// Can be spent after it.
    pub available: i64,
    /// Held after it.
    pub held: i64,
}

/// The sums of an account: of its postings, and as its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSums {
    /// `available:<buyer>`, `held:<buyer>`, `entries:<buyer>` (a count), `house:<name>`, or `wallets` for all buyers.
    pub account: String,
    /// Of what.
    pub unit: Unit,
    /// From the postings.
    pub posted: i64,
    /// From the balance rows; 0 for the house, which has none.
    pub stored: i64,
}

impl AccountSums {
    /// The house's account's name, if it is one.
    pub fn house(&self) -> Option<&str> {
        self.account.strip_prefix("house:")
    }

    /// Whether it is the sum over all buyers.
    pub fn is_total(&self) -> bool {
        self.account == "wallets"
    }
}

table! {
    ENTRIES = "postings" {
        order_no: Int, operation: Text, from_account: Text, to_account: Text, unit: Text, amount: Int, at: Int,
        entry: Int, available_after: Int, held_after: Int,
    }
    PLAIN = "postings" {
        order_no: Int, operation: Text, from_account: Text, to_account: Text, unit: Text, amount: Int, at: Int,
    }
    SUMS = "postings" { account: Text, unit: Text, posted: Int, stored: Int }
}

sql! {
    STATEMENT = Sql::both("wallet statement", format!(
        "SELECT {} FROM postings AS t WHERE slot = $1 AND buyer = $2 AND unit = $3 AND entry < $4 \
         ORDER BY entry DESC LIMIT $5", ENTRIES.list("t.")));
    POSTING = Sql::both("posting", format!(
        "SELECT {} FROM postings AS t WHERE slot = $1 AND order_no = $2 AND operation = $3", PLAIN.list("t.")));
    HOUSE = Sql::both("sums of the house",
        "SELECT account, unit, CAST(SUM(amount) AS BIGINT), CAST(0 AS BIGINT) FROM \
         (SELECT to_account AS account, unit, amount FROM postings WHERE to_account LIKE 'house:%' \
          UNION ALL SELECT from_account, unit, -amount FROM postings WHERE from_account LIKE 'house:%') AS sides \
         GROUP BY account, unit ORDER BY account, unit");
    // One statement, so that all of it is of one moment.
    BOOK = Sql::both("book of a slot group",
        "SELECT account, unit, CAST(SUM(posted) AS BIGINT), CAST(SUM(stored) AS BIGINT) FROM \
         (SELECT to_account AS account, unit, amount AS posted, 0 AS stored FROM postings \
          WHERE slot >= $1 AND slot < $2 \
          UNION ALL SELECT from_account, unit, -amount, 0 FROM postings WHERE slot >= $1 AND slot < $2 \
          UNION ALL SELECT 'entries:' || buyer, unit, 1, 0 FROM postings \
          WHERE slot >= $1 AND slot < $2 AND buyer IS NOT NULL \
          UNION ALL SELECT 'available:' || buyer, unit, 0, available FROM wallet_accounts \
          WHERE slot >= $1 AND slot < $2 \
          UNION ALL SELECT 'held:' || buyer, unit, 0, held FROM wallet_accounts WHERE slot >= $1 AND slot < $2 \
          UNION ALL SELECT 'entries:' || buyer, unit, 0, entries FROM wallet_accounts \
          WHERE slot >= $1 AND slot < $2 \
          UNION ALL SELECT 'wallets', unit, 0, available + held FROM wallet_accounts \
          WHERE slot >= $1 AND slot < $2) AS sides \
         GROUP BY account, unit HAVING SUM(posted) <> SUM(stored) OR account LIKE 'house:%' OR account = 'wallets' \
         ORDER BY account, unit");
}

impl Store {
    /// A buyer's entries of a unit, newest first, below an entry's number. Later entries do not move the pages.
    pub async fn wallet_entries(
        &self,
        buyer: &BuyerId,
        unit: Unit,
        below: Option<i64>,
        limit: u32,
    ) -> Result<Vec<WalletEntry>, StoreError> {
        let (slot, unit) = (i64::from(Slot::of(buyer.as_str()).index()), String::from(unit));
        let below = below.unwrap_or(i64::MAX);
        let values = [slot.into(), buyer.as_str().into(), unit.as_str().into(), below.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&STATEMENT, &values).await?;
        let entry = |row: &Row| {
            let mut row = Reader::new(row, &ENTRIES);
            let posting = posting(&mut row)?;
            Ok(WalletEntry { posting, number: row.int()?, available: row.int()?, held: row.int()? })
        };
        rows.iter().map(entry).collect()
    }

    /// A posting by its name.
    pub async fn posting(&self, no: OrderNo, operation: &str) -> Result<Option<Posting>, StoreError> {
        let values = [i64::from(no.slot().index()).into(), no.0.into(), operation.into()];
        let rows = self.readers().fetch(&POSTING, &values).await?;
        rows.first().map(|row| posting(&mut Reader::new(row, &PLAIN))).transpose()
    }

    /// The house's accounts with the sums of their postings by unit. Reads all postings.
    pub async fn house_sums(&self) -> Result<Vec<AccountSums>, StoreError> {
        let rows = self.readers().fetch(&HOUSE, &[]).await?;
        rows.iter().map(sums).collect()
    }

    /// Of a slot group at one moment: every account whose postings and row differ, the house's accounts, and the sum over
    /// all buyers. Reads all postings of the group.
    pub async fn wallet_book(&self, group: u16) -> Result<Vec<AccountSums>, StoreError> {
        let size = i64::from(SLOTS / SLOT_GROUPS);
        let first = i64::from(group) * size;
        let rows = self.readers().fetch(&BOOK, &[first.into(), (first + size).into()]).await?;
        rows.iter().map(sums).collect()
    }
}

fn posting(row: &mut Reader<'_>) -> Result<Posting, StoreError> {
    Ok(Posting {
        order_no: OrderNo(row.int()?),
        operation: row.text()?,
        from: row.text()?,
        to: row.text()?,
        unit: row.id()?,
        amount: row.int()?,
        at: row.int()?,
    })
}

fn sums(row: &Row) -> Result<AccountSums, StoreError> {
    let mut row = Reader::new(row, &SUMS);
    Ok(AccountSums { account: row.text()?, unit: row.id()?, posted: row.int()?, stored: row.int()? })
}
