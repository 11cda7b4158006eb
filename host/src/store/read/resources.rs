//! Stock, balances, coupons.

use crate::domain::catalogue::Balance;
use crate::domain::ids::{BusinessCode, BuyerId, CouponCode, Slot, StockKey};
use crate::domain::resource::Unit;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::catalogue::{self, StoredCoupon};
use crate::store::rows::money;
use crate::store::sql::{Reader, Sql, Value, sql, table};

/// What there is of one stock key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// Whose.
    pub business: BusinessCode,
    /// Of what.
    pub key: StockKey,
    /// Can be reserved.
    pub available: i64,
    /// Held for orders.
    pub reserved: i64,
    /// Sold.
    pub sold: i64,
}

table! {
    ACCOUNTS = "wallet_accounts" { buyer: Text, unit: Text, available: Int, held: Int }
}

sql! {
    STOCK_OF = Sql::both("stock of a business", format!(
        "SELECT {} FROM stock AS t WHERE business = $1 AND stock_key > $2 ORDER BY stock_key LIMIT $3",
        money::STOCK.list("t.")));
    STOCK_ROW = Sql::both("stock of a key", format!(
        "SELECT {} FROM stock AS t WHERE business = $1 AND stock_key = $2", money::STOCK.list("t.")));
    BALANCES = Sql::both("balances of a buyer",
        "SELECT buyer, unit, available, held FROM wallet_accounts WHERE slot = $1 AND buyer = $2 ORDER BY unit");
    COUPON = Sql::both("coupon", format!(
        "SELECT {} FROM coupons AS t WHERE code = $1", catalogue::COUPONS.list("t.")));
    COUPONS_OF = Sql::both("coupons of a buyer", format!(
        "SELECT {} FROM coupons AS t WHERE buyer = $1 ORDER BY code", catalogue::COUPONS.list("t.")));
    POSTED = Sql::both("sums of postings",
        "SELECT account, unit, CAST(SUM(amount) AS BIGINT) FROM \
         (SELECT to_account AS account, unit, amount FROM postings \
          UNION ALL SELECT from_account, unit, -amount FROM postings) AS sides \
         GROUP BY account, unit ORDER BY account, unit");
}

impl Store {
    /// Stock of a line in the order of its keys, after `after`.
    pub async fn stock(
        &self,
        business: &BusinessCode,
        after: Option<&StockKey>,
        limit: u32,
    ) -> Result<Vec<StockLevel>, StoreError> {
        let after = after.map_or("", StockKey::as_str);
        let values = [business.as_str().into(), after.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&STOCK_OF, &values).await?;
        rows.iter().map(|row| stock(&mut Reader::new(row, &money::STOCK))).collect()
    }

    /// Stock of one key.
    pub async fn stock_level(&self, business: &BusinessCode, key: &StockKey) -> Result<Option<StockLevel>, StoreError> {
        let rows = self.readers().fetch(&STOCK_ROW, &[business.as_str().into(), key.as_str().into()]).await?;
        rows.first().map(|row| stock(&mut Reader::new(row, &money::STOCK))).transpose()
    }

    /// All balances of a buyer.
    pub async fn balances(&self, buyer: &BuyerId) -> Result<Vec<Balance>, StoreError> {
        let slot = i64::from(Slot::of(buyer.as_str()).index());
        let rows = self.readers().fetch(&BALANCES, &[slot.into(), buyer.as_str().into()]).await?;
        rows.iter().map(|row| balance(&mut Reader::new(row, &ACCOUNTS))).collect()
    }

    /// Coupons by their codes; unknown codes are left out.
    pub async fn coupons(&self, codes: &[CouponCode]) -> Result<Vec<StoredCoupon>, StoreError> {
        let mut found = Vec::with_capacity(codes.len());
        for code in codes {
            let rows = self.readers().fetch(&COUPON, &[Value::Text(code.as_str())]).await?;
            for row in &rows {
                found.push(catalogue::take_coupon(&mut Reader::new(row, &catalogue::COUPONS))?);
            }
        }
        Ok(found)
    }

    /// All coupons of a buyer.
    pub async fn coupons_of(&self, buyer: &BuyerId) -> Result<Vec<StoredCoupon>, StoreError> {
        let rows = self.readers().fetch(&COUPONS_OF, &[buyer.as_str().into()]).await?;
        rows.iter().map(|row| catalogue::take_coupon(&mut Reader::new(row, &catalogue::COUPONS))).collect()
    }

    /// Every account's sum of postings by unit, such as (`available:lilei`, CNY, 500). Reads all postings: for checks.
    pub async fn posted(&self) -> Result<Vec<(String, Unit, i64)>, StoreError> {
        table! { SUMS = "postings" { account: Text, unit: Text, sum: Int } }
        let rows = self.readers().fetch(&POSTED, &[]).await?;
        let sum = |row: &mut Reader<'_>| Ok((row.text()?, row.id()?, row.int()?));
        rows.iter().map(|row| sum(&mut Reader::new(row, &SUMS))).collect()
    }
}

fn stock(row: &mut Reader<'_>) -> Result<StockLevel, StoreError> {
    Ok(StockLevel {
        business: row.id()?,
        key: row.id()?,
        available: row.int()?,
        reserved: row.int()?,
        sold: row.int()?,
    })
}

fn balance(row: &mut Reader<'_>) -> Result<Balance, StoreError> {
    Ok(Balance { buyer: row.id()?, unit: row.id()?, available: row.int()?, held: row.int()? })
}
