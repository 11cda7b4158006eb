//! An account at WeChat Pay.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use x509_parser::parse_x509_certificate;

use crate::domain::ids::Millis;
use crate::payment::rsa::{SigningKey, VerifyingKey, decode};
use crate::payment::{AccountTerms, BadAccount};

/// Names of the secrets.
const SECRETS: &[&str] = &["private_key", "api_v3_key"];
/// So begin the serials of public keys; all others are serials of platform certificates.
pub(super) const PUBLIC_KEY_PREFIX: &str = "PUB_KEY_ID_";
/// The provider takes 127 characters; the order's number follows ours.
const DESCRIPTION_MAX: usize = 80;

/// What the operator fills in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Our merchant number.
    mchid: String,
    /// The application that the merchant number is bound to.
    appid: String,
    /// The serial of our own API certificate, hex, as the merchant platform shows it.
    merchant_serial: String,
    /// The provider's keys by serial: a platform certificate (PEM) under its serial, a public key (PEM) under its
    /// `PUB_KEY_ID_…`. Both kinds and several at once are allowed: that is how a key is rotated.
    provider_keys: BTreeMap<String, String>,
    /// What the buyer sees, before the order's number. 1 to 80 characters.
    #[serde(default = "order")]
    description: String,
}

fn order() -> String {
    "Order".to_owned()
}

/// A checked account.
pub(super) struct Account {
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) merchant_serial: String,
    pub(super) description: String,
    pub(super) notify_url: String,
    pub(super) private_key: SigningKey,
    /// Opens what the provider encrypts for us (the `APIv3` key).
    pub(super) resource_key: LessSafeKey,
    pub(super) provider_keys: BTreeMap<String, ProviderKey>,
}

/// A key that the provider signs with.
pub(super) struct ProviderKey {
    key: VerifyingKey,
    /// Of a certificate: from and until, epoch milliseconds. A bare public key has no end.
    valid: Option<(Millis, Millis)>,
}

impl ProviderKey {
    fn read(serial: &str, text: &str) -> Result<Self, BadAccount> {
        let field = format!("settings.provider_keys.{serial}");
        let bad = |problem: &str| BadAccount::new(field.clone(), problem);
        let key = VerifyingKey::read(&field, text)?;
        let (label, der) = decode(text).ok_or_else(|| bad("is neither PEM nor base64"))?;
        let certificate = label.as_deref() == Some("CERTIFICATE");
        if certificate == serial.starts_with(PUBLIC_KEY_PREFIX) {
            return Err(bad("a PUB_KEY_ID_… names a public key, every other serial a certificate"));
        }
        if !certificate {
            return Ok(Self { key, valid: None });
        }
        let (_, parsed) = parse_x509_certificate(&der).map_err(|_| bad("is not an X.509 certificate"))?;
        // Leading zeros and the case of hex are matters of taste.
        let plain = |hex: &str| hex.trim_start_matches('0').to_ascii_uppercase();
        if plain(&hex::encode(parsed.raw_serial())) != plain(serial) {
            return Err(bad("is a certificate of another serial"));
        }
        let ms = |time: x509_parser::time::ASN1Time| time.timestamp().saturating_mul(1000);
        let validity = parsed.validity();
        Ok(Self { key, valid: Some((ms(validity.not_before), ms(validity.not_after))) })
    }

    /// The key, unless its certificate is not valid at this time.
    pub(super) fn at(&self, now: Millis) -> Option<&VerifyingKey> {
        self.valid.is_none_or(|(from, until)| (from..=until).contains(&now)).then_some(&self.key)
    }
}

impl Account {
    /// Checks what the operator filled in.
    pub(super) fn read(terms: &AccountTerms) -> Result<Self, BadAccount> {
        let settings: Settings = terms.read()?;
        terms.only_secrets(SECRETS)?;
        for (field, value) in
            [("mchid", &settings.mchid), ("appid", &settings.appid), ("merchant_serial", &settings.merchant_serial)]
        {
            // They are part of the Authorization header and of paths.
            if value.is_empty() || value.len() > 64 || !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(BadAccount::new(format!("settings.{field}"), "must be 1 to 64 letters and digits"));
            }
        }
        if !(1..=DESCRIPTION_MAX).contains(&settings.description.chars().count()) {
            return Err(BadAccount::new("settings.description", "must have 1 to 80 characters"));
        }
        if settings.provider_keys.is_empty() {
            return Err(BadAccount::new("settings.provider_keys", "needs at least one key"));
        }
        let read = |(serial, text): (&String, &String)| Ok((serial.clone(), ProviderKey::read(serial, text)?));
        let provider_keys = settings.provider_keys.iter().map(read).collect::<Result<_, BadAccount>>()?;
        let private_key = SigningKey::read("secrets.private_key", terms.secret("private_key")?)?;
        let resource_key = UnboundKey::new(&AES_256_GCM, terms.secret("api_v3_key")?.expose_secret().as_bytes())
            .map_err(|_| BadAccount::new("secrets.api_v3_key", "must have exactly 32 bytes"))?;
        Ok(Self {
            mchid: settings.mchid,
            appid: settings.appid,
            merchant_serial: settings.merchant_serial,
            description: settings.description,
            notify_url: terms.notify_url.clone(),
            private_key,
            resource_key: LessSafeKey::new(resource_key),
            provider_keys,
        })
    }

    /// The public key that the provider is asked to sign its answers with, where we have one.
    pub(super) fn preferred_key(&self) -> Option<&str> {
        self.provider_keys.keys().map(String::as_str).rfind(|serial| serial.starts_with(PUBLIC_KEY_PREFIX))
    }
}
