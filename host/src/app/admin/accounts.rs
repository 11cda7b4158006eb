//! Our accounts at payment providers. Their secrets can be replaced and never read.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::App;
use super::super::accounts;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::Deed;
use crate::domain::catalogue::{AdminWrite, PaymentAccount};
use crate::domain::ids::{BusinessCode, MerchantAccount, PaymentMethod, PaymentNo};
use crate::domain::time::rfc3339;
use crate::egress;
use crate::identity::Principal;
use crate::payment::identity;

/// Lines of an account.
const LINES_MAX: usize = 200;
/// Bytes of the settings as JSON: certificates are among them.
const SETTINGS_MAX: usize = 64 << 10;
/// Secrets of an account.
const SECRETS_MAX: usize = 20;
/// Bytes of one secret: a private key as PEM fits many times.
const SECRET_MAX: usize = 16 << 10;
/// Bytes of an address.
const URL_MAX: usize = 500;

/// An account to set up, or to replace.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountIn {
    /// The lines whose orders are paid through it. A line has at most one enabled account of a method.
    #[schema(value_type = Vec<String>)]
    pub businesses: Vec<BusinessCode>,
    /// Where the provider is; `PAYMENT_GATEWAY_URL` or the provider's own address if absent.
    pub base_url: Option<String>,
    /// What is no secret, such as identifiers, public keys and certificates: a JSON object that the method knows.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// Private keys and passwords by name. One that is left out is kept, null removes it.
    #[serde(default)]
    #[schema(write_only, value_type = std::collections::BTreeMap<String, Option<String>>)]
    pub secrets: BTreeMap<String, Option<SecretString>>,
    /// Whether new payments are opened at it; true if absent.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The payment method.
    pub payment_method: String,
    /// Its name.
    pub account: String,
    /// The lines whose orders are paid through it.
    pub businesses: Vec<String>,
    /// Where its provider is called, if the account says so itself.
    pub base_url: Option<String>,
    /// Where its provider is called.
    pub gateway_url: Option<String>,
    /// Where its provider sends callbacks: to be entered at the provider.
    pub notify_url: String,
    /// What is no secret.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// Names of its secrets. Their values cannot be read.
    pub secrets: Vec<String>,
    /// Whether new payments are opened at it.
    pub enabled: bool,
    /// Why this host cannot use it, if so.
    pub problem: Option<String>,
    /// RFC 3339: the last write.
    pub updated_at: String,
}

/// Sets an account up, or replaces it. Its provider is made first, so that a wrong key is told before anything is kept.
pub async fn put(
    app: &App,
    who: &Principal,
    method: PaymentMethod,
    account: MerchantAccount,
    wanted: AccountIn,
) -> Result<AccountView, Problem> {
    check(app, &wanted).await?;
    let before = app.store.payment_account(&method, &account).await.map_err(store_problem)?;
    let mut secrets = match &before {
        // Whoever gives new secrets need not be able to read the old ones.
        Some(row) => accounts::open(app, row).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let (mut stored, mut removed) = (vec![], vec![]);
    for (name, secret) in wanted.secrets {
        match secret {
            Some(secret) => {
                stored.push(name.clone());
                secrets.insert(name, secret);
            }
            None => {
                removed.extend(secrets.remove(&name).map(|_| name));
            }
        }
    }
    let mut businesses = wanted.businesses;
    businesses.sort_unstable();
    businesses.dedup();
    let row = PaymentAccount {
        sealed: match &before {
            // Sealed again it would look like a new secret to every host.
            Some(row) if stored.is_empty() && removed.is_empty() => row.sealed.clone(),
            _ => accounts::seal(app, &method, &account, &secrets),
        },
        method,
        account,
        businesses,
        base_url: wanted.base_url.as_deref().and_then(egress::base_url),
        settings: Value::Object(wanted.settings),
        enabled: wanted.enabled,
        updated_at: app.clock.now(),
    };
    accounts::provider(app, &row, secrets)
        .map_err(|bad| Problem::invalid("bad-account", bad.to_string()).with("field", bad.field))?;
    if let Some(before) = &before {
        same_identity(app, before, &row).await?;
    }
    let view = view(app, &row);
    let detail = json!({
        "businesses": row.businesses, "base_url": row.base_url, "settings": row.settings, "enabled": row.enabled,
        "secrets_stored": stored, "secrets_removed": removed,
    });
    let deed = Deed { who, action: "merchant_account.put", target: target(&row), detail, key: None };
    deed.commit(app, vec![AdminWrite::PutPaymentAccount(row)], view).await
}

/// All accounts.
pub async fn list(app: &App) -> Result<Vec<AccountView>, Problem> {
    let rows = app.store.payment_accounts().await.map_err(store_problem)?;
    Ok(rows.iter().map(|row| view(app, row)).collect())
}

/// One account.
pub async fn get(app: &App, method: &PaymentMethod, account: &MerchantAccount) -> Result<AccountView, Problem> {
    find(app, method, account).await.map(|row| view(app, &row))
}

/// Deletes an account at which no payment was ever opened. One that was used is disabled instead: late money, refunds
/// and reconciliation still need it.
pub async fn delete(
    app: &App,
    who: &Principal,
    method: &PaymentMethod,
    account: &MerchantAccount,
) -> Result<(), Problem> {
    let row = find(app, method, account).await?;
    if let Some(no) = app.store.payment_of_account(method, account).await.map_err(store_problem)? {
        return Err(in_use(&row, no, "disable it instead"));
    }
    let deed = Deed { who, action: "merchant_account.delete", target: target(&row), detail: json!({}), key: None };
    let write = AdminWrite::DeletePaymentAccount { method: method.clone(), account: account.clone() };
    deed.commit(app, vec![write], ()).await
}

fn in_use(row: &PaymentAccount, no: PaymentNo, instead: &str) -> Problem {
    let detail = format!("payment {no} was opened at account {}; {instead}", target(row));
    Problem::conflict("account-in-use", detail).with("payment_no", no)
}

/// Who we are at the provider never changes under payments that were made as somebody else: asked about them, another
/// merchant's account knows nothing.
async fn same_identity(app: &App, before: &PaymentAccount, after: &PaymentAccount) -> Result<(), Problem> {
    let of = |row: &PaymentAccount| {
        let names = identity(row.method.as_str());
        let members: Vec<Value> = names.iter().map(|name| row.settings[*name].clone()).collect();
        (members, row.base_url.clone())
    };
    if of(before) == of(after) {
        return Ok(());
    }
    match app.store.payment_of_account(&before.method, &before.account).await.map_err(store_problem)? {
        None => Ok(()),
        Some(no) => {
            let names = identity(before.method.as_str()).join(", ");
            Err(in_use(before, no, &format!("{names} and base_url stay: make a new account and disable this one")))
        }
    }
}

fn target(row: &PaymentAccount) -> String {
    format!("{}/{}", row.method, row.account)
}

async fn find(app: &App, method: &PaymentMethod, account: &MerchantAccount) -> Result<PaymentAccount, Problem> {
    let found = app.store.payment_account(method, account).await.map_err(store_problem)?;
    found.ok_or_else(|| Problem::not_found(format!("account {account} of payment method {method}")))
}

fn view(app: &App, row: &PaymentAccount) -> AccountView {
    let opened = accounts::open(app, row);
    let names = opened.as_ref().map(|secrets| secrets.keys().cloned().collect()).unwrap_or_default();
    let made = opened.map_err(|unreadable| unreadable.to_string());
    let made = made.and_then(|secrets| accounts::provider(app, row, secrets).map_err(|bad| bad.to_string()));
    AccountView {
        payment_method: row.method.to_string(),
        account: row.account.to_string(),
        businesses: row.businesses.iter().map(ToString::to_string).collect(),
        base_url: row.base_url.clone(),
        gateway_url: accounts::address(app, row),
        notify_url: accounts::notify_url(app, &row.method, &row.account),
        settings: row.settings.clone(),
        secrets: names,
        enabled: row.enabled,
        problem: made.err(),
        updated_at: rfc3339(row.updated_at),
    }
}

async fn check(app: &App, wanted: &AccountIn) -> Result<(), Problem> {
    let wrong = |what: String| Err(Problem::invalid("bad-body", what));
    if wanted.businesses.len() > LINES_MAX {
        return wrong(format!("businesses: at most {LINES_MAX}"));
    }
    if let Some(url) = &wanted.base_url
        && (url.len() > URL_MAX || egress::base_url(url).is_none())
    {
        return wrong("base_url: an http or https address without user, query and fragment".to_owned());
    }
    let size = serde_json::to_vec(&wanted.settings).map_or(usize::MAX, |text| text.len());
    if size > SETTINGS_MAX {
        return wrong(format!("settings: at most {SETTINGS_MAX} bytes"));
    }
    let good_name = |name: &str| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if wanted.secrets.len() > SECRETS_MAX || !wanted.secrets.keys().all(|name| good_name(name)) {
        return wrong(format!("secrets: at most {SECRETS_MAX}, each named by 1 to 64 of a-z, 0-9 and _"));
    }
    let length = |secret: &SecretString| secrecy::ExposeSecret::expose_secret(secret).len();
    if let Some((name, _)) =
        wanted.secrets.iter().find(|(_, s)| s.as_ref().is_some_and(|s| !(1..=SECRET_MAX).contains(&length(s))))
    {
        return wrong(format!("secrets.{name}: 1 to {SECRET_MAX} bytes"));
    }
    let known = app.store.businesses().await.map_err(store_problem)?;
    match wanted.businesses.iter().find(|code| !known.iter().any(|line| line.code == **code)) {
        Some(code) => {
            Err(Problem::invalid("unknown-business", format!("businesses: no business line {code} is registered")))
        }
        None => Ok(()),
    }
}
