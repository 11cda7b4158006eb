//! Our accounts at payment providers, and what still moves through them.

use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::{MerchantAccount, PaymentMethod, PaymentNo};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::catalogue;
use crate::store::sql::{Reader, Sql, sql};

sql! {
    ACCOUNTS = Sql::both("merchant accounts", format!(
        "SELECT {} FROM merchant_accounts AS t ORDER BY method, account", catalogue::ACCOUNTS.list("t.")));
    ACCOUNT = Sql::both("merchant account", format!(
        "SELECT {} FROM merchant_accounts AS t WHERE method = $1 AND account = $2", catalogue::ACCOUNTS.list("t.")));
    USED = Sql::both("payment of an account",
        "SELECT no FROM payments WHERE method = $1 AND account = $2 LIMIT 1");
}

impl Store {
    /// All accounts by method and name.
    pub async fn payment_accounts(&self) -> Result<Vec<PaymentAccount>, StoreError> {
        let rows = self.readers().fetch(&ACCOUNTS, &[]).await?;
        rows.iter().map(|row| catalogue::take_account(&mut Reader::new(row, &catalogue::ACCOUNTS))).collect()
    }

    /// One account.
    pub async fn payment_account(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
    ) -> Result<Option<PaymentAccount>, StoreError> {
        let rows = self.readers().fetch(&ACCOUNT, &[method.as_str().into(), account.as_str().into()]).await?;
        rows.first().map(|row| catalogue::take_account(&mut Reader::new(row, &catalogue::ACCOUNTS))).transpose()
    }

    /// A payment that was ever opened at an account.
    pub async fn payment_of_account(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
    ) -> Result<Option<PaymentNo>, StoreError> {
        let rows = self.readers().fetch(&USED, &[method.as_str().into(), account.as_str().into()]).await?;
        rows.first().map(|row| row.int(0).map(PaymentNo)).transpose()
    }
}
