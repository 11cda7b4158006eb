//! Our accounts at payment providers: from what operators set up to providers that can be called.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::App;
use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::{BusinessCode, MerchantAccount, PaymentMethod};
use crate::payment::{AccountTerms, BadAccount, Gateway, GatewaySettings, Provider, default_url};
use crate::secrets::Place;

#[cfg(not(test))]
use crate::payment::build;
#[cfg(test)]
use testing::build;

#[cfg(test)]
mod testing;

/// Secrets by name.
pub type Secrets = BTreeMap<String, SecretString>;

/// The stored secrets of an account are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its secrets cannot be opened with this master key; store them again")]
pub struct Unreadable;

/// Seals secrets for an account.
pub fn seal(app: &App, method: &PaymentMethod, account: &MerchantAccount, secrets: &Secrets) -> Vec<u8> {
    let plain: BTreeMap<&str, &str> =
        secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose_secret())).collect();
    let text = Zeroizing::new(serde_json::to_vec(&plain).expect("texts by name are JSON"));
    app.sealer.seal(Place(&["merchant-account", method.as_str(), account.as_str()]), &text)
}

/// Opens the secrets of an account.
pub fn open(app: &App, row: &PaymentAccount) -> Result<Secrets, Unreadable> {
    let place = Place(&["merchant-account", row.method.as_str(), row.account.as_str()]);
    let plain = app.sealer.open(place, &row.sealed).map_err(|_| Unreadable)?;
    serde_json::from_slice(&plain).map_err(|_| Unreadable)
}

/// Where a provider sends the callbacks of an account.
pub fn notify_url(app: &App, method: &PaymentMethod, account: &MerchantAccount) -> String {
    format!("{}/callbacks/payments/{method}/{account}", app.settings.public_url)
}

/// Where the provider of an account is: its own address, else under `PAYMENT_GATEWAY_URL`, else the method's.
pub fn address(app: &App, row: &PaymentAccount) -> Option<String> {
    let under_gateway = || app.settings.payment.url.as_ref().map(|url| format!("{url}/{}", row.method));
    let own = || default_url(row.method.as_str()).map(str::to_owned);
    row.base_url.clone().or_else(under_gateway).or_else(own)
}

/// Makes the provider of an account, or says what of it is wrong.
pub fn provider(app: &App, row: &PaymentAccount, secrets: Secrets) -> Result<Arc<dyn Provider>, BadAccount> {
    let settings = GatewaySettings {
        method: row.method.to_string(),
        // A method without an address is none that `build` knows, and it says so.
        base_url: address(app, row).unwrap_or_default(),
        timeout: app.settings.payment.timeout,
    };
    let gateway = Gateway::new(app.egress.clone(), app.clock.clone(), app.entropy.clone(), settings);
    let terms = AccountTerms {
        account: row.account.clone(),
        settings: row.settings.clone(),
        secrets,
        notify_url: notify_url(app, &row.method, &row.account),
    };
    build(row.method.as_str(), &terms, gateway)
}

/// Makes this host use the accounts as they are stored, and answers which of them takes the new payments of which line
/// by which method. One that cannot be used is logged and left out. A disabled one keeps its provider: callbacks,
/// queries and refunds of its payments go on.
pub fn follow(app: &App, rows: &[PaymentAccount]) -> HashMap<(String, BusinessCode), MerchantAccount> {
    let named = rows.iter().map(|row| (row.method.clone(), row.account.clone(), revision(row)));
    app.providers.replace(named, |method, account| {
        let row = rows.iter().find(|row| row.method == *method && row.account == *account)?;
        let made = open(app, row).map_err(|unreadable| unreadable.to_string());
        made.and_then(|secrets| provider(app, row, secrets).map_err(|bad| bad.to_string()))
            .inspect_err(|error| tracing::error!(%method, %account, error, "a merchant account cannot be used"))
            .ok()
    });
    let usable =
        |row: &&PaymentAccount| row.enabled && app.providers.get(row.method.as_str(), row.account.as_str()).is_some();
    let lines = rows.iter().filter(usable).flat_map(|row| {
        row.businesses.iter().map(|code| ((row.method.to_string(), code.clone()), row.account.clone()))
    });
    lines.collect()
}

/// A digest of what a provider is made from. Another set of lines keeps the provider with its breaker and its tokens.
fn revision(row: &PaymentAccount) -> i64 {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let base_url = row.base_url.as_deref().unwrap_or_default();
    for part in [base_url.as_bytes(), row.settings.to_string().as_bytes(), &row.sealed] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.as_ref()[..8]);
    i64::from_be_bytes(bytes)
}
