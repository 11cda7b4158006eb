//! An account at UnionPay.

use serde::Deserialize;

use super::certificate::{Trust, number};
use crate::payment::rsa::{SigningKey, VerifyingKey};
use crate::payment::{AccountTerms, BadAccount};

/// Names of the secrets.
const SECRETS: &[&str] = &["private_key"];

/// Where buyers are when they pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Channel {
    /// `07`
    #[default]
    Web,
    /// `08`
    Mobile,
}

impl Channel {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Web => "07",
            Self::Mobile => "08",
        }
    }
}

/// What the operator fills in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Our merchant number, 15 characters.
    merchant_id: String,
    /// Our own signing certificate, PEM: its serial goes into every request.
    certificate: String,
    /// Root certificates that UnionPay's chain leads to, PEM, one each.
    roots: Vec<String>,
    /// Certificates between them and UnionPay's own, PEM, one each.
    #[serde(default)]
    intermediates: Vec<String>,
    /// Whose certificate signs: the third part of its common name. The test environment's is `00040000:SIGN`.
    #[serde(default = "unionpay")]
    signer: String,
    /// `web` or `mobile`.
    #[serde(default)]
    channel: Channel,
    /// Where the buyer's browser goes after paying.
    #[serde(default)]
    front_url: Option<String>,
}

fn unionpay() -> String {
    "中国银联股份有限公司".to_owned()
}

/// A checked account.
pub(super) struct Account {
    pub(super) merchant_id: String,
    pub(super) certificate_number: String,
    pub(super) private_key: SigningKey,
    pub(super) trust: Trust,
    pub(super) channel: Channel,
    pub(super) front_url: Option<String>,
    pub(super) notify_url: String,
}

impl Account {
    /// Checks what the operator filled in.
    pub(super) fn read(terms: &AccountTerms) -> Result<Self, BadAccount> {
        let settings: Settings = terms.read()?;
        terms.only_secrets(SECRETS)?;
        let id = &settings.merchant_id;
        if id.len() != 15 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadAccount::new("settings.merchant_id", "must be 15 letters and digits"));
        }
        let certificate_number = number("settings.certificate", &settings.certificate)?;
        let private_key = SigningKey::read("secrets.private_key", terms.secret("private_key")?)?;
        let public_key = VerifyingKey::read("settings.certificate", &settings.certificate)?;
        // Else every request would be refused, and nobody would know why.
        if !public_key.fits(b"hookline", &private_key.sign(b"hookline")) {
            return Err(BadAccount::new("settings.certificate", "is of another key than secrets.private_key"));
        }
        Ok(Self {
            merchant_id: settings.merchant_id,
            certificate_number,
            private_key,
            trust: Trust::read(&settings.roots, &settings.intermediates, &settings.signer)?,
            channel: settings.channel,
            front_url: settings.front_url,
            notify_url: terms.notify_url.clone(),
        })
    }
}
