//! An account at Alipay.

use serde::Deserialize;

use crate::payment::rsa::{SigningKey, VerifyingKey};
use crate::payment::{AccountTerms, BadAccount};

/// Names of the secrets.
const SECRETS: &[&str] = &["private_key"];
/// The provider takes 256 characters; the order's number follows ours.
const SUBJECT_MAX: usize = 128;
/// The one in use and, while it is changed, the next; a few more for no reason.
const KEYS_MAX: usize = 4;

/// How buyers pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Product {
    /// A page of the provider in a browser (`alipay.trade.page.pay`): the offer is a signed address.
    #[default]
    Page,
    /// A code that the buyer scans (`alipay.trade.precreate`).
    Precreate,
}

/// What the operator fills in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Our application.
    app_id: String,
    /// Our own merchant number (PID), which notices name as the seller.
    seller_id: String,
    /// Alipay's public keys for this application (not our own), PEM or as its console shows them. Several only while a
    /// key is changed.
    alipay_public_keys: Vec<String>,
    /// `page` or `precreate`.
    #[serde(default)]
    product: Product,
    /// What the buyer sees, before the order's number. 1 to 128 characters.
    #[serde(default = "order")]
    subject: String,
    /// Where the buyer's browser goes after paying; only for `page`.
    #[serde(default)]
    return_url: Option<String>,
}

fn order() -> String {
    "Order".to_owned()
}

/// A checked account.
pub(super) struct Account {
    pub(super) app_id: String,
    pub(super) seller_id: String,
    pub(super) product: Product,
    pub(super) subject: String,
    pub(super) return_url: Option<String>,
    pub(super) notify_url: String,
    pub(super) private_key: SigningKey,
    pub(super) alipay_keys: Vec<VerifyingKey>,
}

impl Account {
    /// Checks what the operator filled in.
    pub(super) fn read(terms: &AccountTerms) -> Result<Self, BadAccount> {
        let settings: Settings = terms.read()?;
        terms.only_secrets(SECRETS)?;
        for (field, value) in [("app_id", &settings.app_id), ("seller_id", &settings.seller_id)] {
            if value.is_empty() || value.len() > 32 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(BadAccount::new(format!("settings.{field}"), "must be 1 to 32 digits"));
            }
        }
        if !(1..=SUBJECT_MAX).contains(&settings.subject.chars().count()) {
            return Err(BadAccount::new("settings.subject", "must have 1 to 128 characters"));
        }
        // The provider refuses them in a subject.
        if settings.subject.contains(['/', '=', '&']) {
            return Err(BadAccount::new("settings.subject", "must not hold /, = or &"));
        }
        if !(1..=KEYS_MAX).contains(&settings.alipay_public_keys.len()) {
            return Err(BadAccount::new("settings.alipay_public_keys", "needs 1 to 4 keys"));
        }
        let keys = settings.alipay_public_keys.iter().enumerate();
        let keys = keys.map(|(index, key)| VerifyingKey::read(&format!("settings.alipay_public_keys[{index}]"), key));
        let private_key = SigningKey::read("secrets.private_key", terms.secret("private_key")?)?;
        Ok(Self {
            alipay_keys: keys.collect::<Result<_, _>>()?,
            app_id: settings.app_id,
            seller_id: settings.seller_id,
            product: settings.product,
            subject: settings.subject,
            return_url: settings.return_url,
            notify_url: terms.notify_url.clone(),
            private_key,
        })
    }

    /// Whether one of the provider's keys made the signature (base64).
    pub(super) fn believes(&self, text: &[u8], signature: &str) -> bool {
        self.alipay_keys.iter().any(|key| key.fits(text, signature))
    }
}
