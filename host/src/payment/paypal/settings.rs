//! An account at PayPal.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor};
use secrecy::SecretString;
use serde::Deserialize;

use crate::payment::{AccountTerms, BadAccount};

/// Names of the secrets.
const SECRETS: &[&str] = &["client_secret"];

/// What the operator fills in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The application's client id.
    client_id: String,
    /// The id under which our callback address is registered as a webhook; it is part of what is signed.
    webhook_id: String,
    /// Where the buyer's browser goes after approving.
    return_url: String,
    /// Where the buyer's browser goes after turning back.
    cancel_url: String,
    /// Certificates (PEM, one after the other) that the webhook certificate's chain must lead to.
    certificate_roots: String,
    /// Where webhook certificates may be fetched: host names (https, port 443), or whole origins such as
    /// `http://127.0.0.1:8080` for tests.
    #[serde(default = "hosts")]
    certificate_hosts: Vec<String>,
    /// Names of which the webhook certificate must hold one.
    #[serde(default = "names")]
    certificate_names: Vec<String>,
    /// What the buyer sees, before the order's number. 1 to 80 characters.
    #[serde(default = "order")]
    description: String,
}

fn hosts() -> Vec<String> {
    ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com"].map(Into::into).into()
}

fn names() -> Vec<String> {
    ["messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com"].map(Into::into).into()
}

fn order() -> String {
    "Order".to_owned()
}

/// A checked account.
pub(super) struct Account {
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) webhook_id: String,
    pub(super) return_url: String,
    pub(super) cancel_url: String,
    pub(super) description: String,
    pub(super) roots: Vec<TrustAnchor<'static>>,
    /// Origins, each with a slash at the end: an address that begins with one has exactly its host and port.
    pub(super) origins: Vec<String>,
    pub(super) names: Vec<ServerName<'static>>,
}

impl Account {
    /// Checks what the operator filled in.
    pub(super) fn read(terms: &AccountTerms) -> Result<Self, BadAccount> {
        let settings: Settings = terms.read()?;
        terms.only_secrets(SECRETS)?;
        for (field, value) in [("client_id", &settings.client_id), ("webhook_id", &settings.webhook_id)] {
            if value.is_empty() || value.len() > 128 || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(BadAccount::new(format!("settings.{field}"), "must be 1 to 128 visible ASCII characters"));
            }
        }
        for (field, value) in [("return_url", &settings.return_url), ("cancel_url", &settings.cancel_url)] {
            if !value.starts_with("https://") && !value.starts_with("http://") {
                return Err(BadAccount::new(format!("settings.{field}"), "must be an http or https address"));
            }
        }
        if !(1..=80).contains(&settings.description.chars().count()) {
            return Err(BadAccount::new("settings.description", "must have 1 to 80 characters"));
        }
        let name = |name: String| {
            let bad = || BadAccount::new("settings.certificate_names", format!("{name} is no host name"));
            ServerName::try_from(name.clone()).map_err(|_| bad())
        };
        let names: Vec<_> = settings.certificate_names.into_iter().map(name).collect::<Result<_, _>>()?;
        let origins: Vec<_> = settings.certificate_hosts.iter().map(|host| origin(host)).collect::<Result<_, _>>()?;
        if names.is_empty() || origins.is_empty() {
            return Err(BadAccount::new("settings.certificate_hosts", "needs at least one host, and one name"));
        }
        Ok(Self {
            client_id: settings.client_id,
            client_secret: terms.secret("client_secret")?.clone(),
            webhook_id: settings.webhook_id,
            return_url: settings.return_url,
            cancel_url: settings.cancel_url,
            description: settings.description,
            roots: roots(&settings.certificate_roots)?,
            origins,
            names,
        })
    }
}

fn roots(pem: &str) -> Result<Vec<TrustAnchor<'static>>, BadAccount> {
    let bad = |problem: &str| BadAccount::new("settings.certificate_roots", problem);
    let anchor = |der: Result<CertificateDer<'static>, _>| {
        let der = der.map_err(|_| bad("is not PEM"))?;
        let anchor =
            webpki::anchor_from_trusted_cert(&der).map_err(|_| bad("holds something else than certificates"))?;
        Ok(anchor.to_owned())
    };
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).map(anchor).collect::<Result<_, BadAccount>>()?;
    if roots.is_empty() { Err(bad("needs at least one certificate")) } else { Ok(roots) }
}

fn origin(entry: &str) -> Result<String, BadAccount> {
    let bad = || BadAccount::new("settings.certificate_hosts", format!("{entry} is neither a host nor an origin"));
    let (scheme, host) = entry.split_once("://").unwrap_or(("https", entry));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if !matches!(scheme, "http" | "https") || host.is_empty() || !host.bytes().all(plain) {
        return Err(bad());
    }
    Ok(format!("{scheme}://{}/", host.to_ascii_lowercase()))
}
