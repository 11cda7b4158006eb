//! Our accounts at payment providers.

use super::Attempting;
use super::admin::{BUMP, found, json};
use crate::domain::catalogue::PaymentAccount;
use crate::domain::change::Refusal;
use crate::domain::ids::{MerchantAccount, PaymentMethod};
use crate::store::rows::catalogue;
use crate::store::sql::{Conn, Reader, Sql, Value, sql};

sql! {
    OTHERS = Sql::both("see enabled accounts of a method", format!(
        "SELECT {} FROM merchant_accounts AS t WHERE method = $1 AND account <> $2 AND enabled = 1 ORDER BY account",
        catalogue::ACCOUNTS.list("t.")));
    PUT_ACCOUNT = Sql::both("put merchant account",
        "INSERT INTO merchant_accounts \
         (method, account, businesses, base_url, settings, sealed, enabled, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (method, account) DO UPDATE SET \
         businesses = excluded.businesses, base_url = excluded.base_url, settings = excluded.settings, \
         sealed = excluded.sealed, enabled = excluded.enabled, updated_at = excluded.updated_at");
    DELETE_ACCOUNT = Sql::both("delete merchant account",
        "DELETE FROM merchant_accounts WHERE method = $1 AND account = $2");
    USED = Sql::both("see payment of an account",
        "SELECT no FROM payments WHERE method = $1 AND account = $2 LIMIT 1");
}

/// Sets an account up. The bump comes first: it is the lock under which hosts agree who has which line.
pub(super) async fn put(conn: &mut Conn, account: &PaymentAccount) -> Attempting<Result<(), Refusal>> {
    conn.execute(&BUMP, &[]).await?;
    let (method, name) = (account.method.as_str().into(), account.account.as_str().into());
    if account.enabled {
        for row in conn.fetch(&OTHERS, &[method, name]).await? {
            let other = catalogue::take_account(&mut Reader::new(&row, &catalogue::ACCOUNTS))?;
            if let Some(business) = other.businesses.into_iter().find(|code| account.businesses.contains(code)) {
                let (method, account) = (other.method, other.account);
                return Ok(Err(Refusal::AccountTaken { method, account, business }));
            }
        }
    }
    let (businesses, settings) = (json(&account.businesses), account.settings.to_string());
    let values = [
        method,
        name,
        businesses.as_str().into(),
        Value::OptText(account.base_url.as_deref()),
        settings.as_str().into(),
        account.sealed.as_slice().into(),
        i64::from(account.enabled).into(),
        account.updated_at.into(),
    ];
    conn.execute(&PUT_ACCOUNT, &values).await?;
    Ok(Ok(()))
}

/// Deletes an account at which no payment was ever opened.
pub(super) async fn delete(
    conn: &mut Conn,
    method: &PaymentMethod,
    account: &MerchantAccount,
) -> Attempting<Result<(), Refusal>> {
    let key: [Value<'_>; 2] = [method.as_str().into(), account.as_str().into()];
    if let Some(row) = conn.fetch(&USED, &key).await?.first() {
        let no = crate::domain::ids::PaymentNo(row.int(0)?);
        return Ok(Err(Refusal::Admin(format!("payment {no} was opened at account {account} of {method}"))));
    }
    let gone = conn.execute(&DELETE_ACCOUNT, &key).await?;
    Ok(found(gone, || format!("there is no account {account} of {method}")))
}
