//! Our accounts at payment providers, and what still moves through them.

use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::{MerchantAccount, PaymentMethod, PaymentNo, RefundNo};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::catalogue;
use crate::store::sql::{Reader, Sql, sql};

/// What an account is still needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// A payment that is not decided yet.
    Pending(PaymentNo),
    /// A refund that is owed.
    Owed(RefundNo),
}

sql! {
    ACCOUNTS = Sql::both("merchant accounts", format!(
        "SELECT {} FROM merchant_accounts AS t ORDER BY method, account", catalogue::ACCOUNTS.list("t.")));
    ACCOUNT = Sql::both("merchant account", format!(
        "SELECT {} FROM merchant_accounts AS t WHERE method = $1 AND account = $2", catalogue::ACCOUNTS.list("t.")));
    PENDING = Sql::both("pending payment of an account",
        "SELECT no FROM payments WHERE method = $1 AND account = $2 AND status = 0 LIMIT 1");
    OWED = Sql::both("owed refund of an account",
        "SELECT r.no FROM payments AS p JOIN refunds AS r \
         ON r.slot = p.slot AND r.pay_no = p.pay_no AND r.payment_no = p.no \
         WHERE p.method = $1 AND p.account = $2 AND r.way = 0 \
         AND (r.status = 0 OR (r.status = 2 AND r.replaced_by IS NULL)) LIMIT 1");
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

    /// What an account is still needed for, if anything. Reads all of its payments.
    pub async fn account_in_use(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
    ) -> Result<Option<InUse>, StoreError> {
        let key = [method.as_str().into(), account.as_str().into()];
        if let Some(row) = self.readers().fetch(&PENDING, &key).await?.first() {
            return Ok(Some(InUse::Pending(PaymentNo(row.int(0)?))));
        }
        let rows = self.readers().fetch(&OWED, &key).await?;
        rows.first().map(|row| row.int(0).map(|no| InUse::Owed(RefundNo(no)))).transpose()
    }
}
