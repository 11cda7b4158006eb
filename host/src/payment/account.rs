//! From an account as operators set it up to a [`Provider`].

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::alipay::Alipay;
use super::paypal::{self, PayPal};
use super::unionpay::UnionPay;
use super::wechat::{self, WeChat};
use super::{Gateway, Provider};
use crate::domain::ids::MerchantAccount;

/// Methods that need a merchant account.
pub const METHODS: &[&str] = &["alipay", "paypal", "unionpay", "wechat"];

/// Everything an account is made from.
#[derive(Debug, Clone)]
pub struct AccountTerms {
    /// Its name.
    pub account: MerchantAccount,
    /// What is no secret: identifiers, public keys, certificates. Each provider says what it takes.
    pub settings: serde_json::Value,
    /// Private keys and passwords by name.
    pub secrets: BTreeMap<String, SecretString>,
    /// Where the provider sends its callbacks.
    pub notify_url: String,
}

/// The account cannot be used: which setting or secret, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadAccount {
    /// `settings.app_id`, `secrets.private_key`, …
    pub field: String,
    /// What is wrong and what is expected. Never the value.
    pub problem: String,
}

impl BadAccount {
    /// Something about a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

impl AccountTerms {
    /// The settings as a provider's own type.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, BadAccount> {
        serde_json::from_value(self.settings.clone()).map_err(|e| BadAccount::new("settings", e.to_string()))
    }

    /// A secret that must be there.
    pub(super) fn secret(&self, name: &str) -> Result<&SecretString, BadAccount> {
        self.secrets.get(name).ok_or_else(|| BadAccount::new(format!("secrets.{name}"), "is required"))
    }

    /// Refuses secrets that the method does not know.
    pub(super) fn only_secrets(&self, known: &[&str]) -> Result<(), BadAccount> {
        match self.secrets.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(BadAccount::new(format!("secrets.{name}"), format!("is not one of {}", known.join(", "))))
            }
        }
    }
}

/// The settings that say who we are at the provider of a method; keys and secrets may change under them.
pub fn identity(method: &str) -> &'static [&'static str] {
    match method {
        "alipay" => &["app_id", "seller_id"],
        "wechat" => &["mchid", "appid"],
        "unionpay" => &["merchant_id"],
        "paypal" => &["client_id"],
        _ => &[],
    }
}

/// The provider's own address of a method, used when neither the account nor `PAYMENT_GATEWAY_URL` names another.
pub fn default_url(method: &str) -> Option<&'static str> {
    match method {
        "alipay" => Some("https://openapi.alipay.com"),
        "paypal" => Some(paypal::URL),
        "unionpay" => Some("https://gateway.95516.com"),
        "wechat" => Some(wechat::URL),
        _ => None,
    }
}

/// Makes the provider of an account, or says which of its settings is wrong.
pub fn build(method: &str, terms: &AccountTerms, gateway: Gateway) -> Result<Arc<dyn Provider>, BadAccount> {
    match method {
        "alipay" => Ok(Arc::new(Alipay::new(terms, gateway)?)),
        "paypal" => Ok(Arc::new(PayPal::new(terms, gateway)?)),
        "unionpay" => Ok(Arc::new(UnionPay::new(terms, gateway)?)),
        "wechat" => Ok(Arc::new(WeChat::new(terms, gateway)?)),
        _ => Err(BadAccount::new("method", format!("has no merchant accounts; one of {}", METHODS.join(", ")))),
    }
}
