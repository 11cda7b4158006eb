//! The certificate that comes with every message of UnionPay: believed by its chain, its validity and its subject.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};
use x509_parser::parse_x509_certificate;

use crate::domain::ids::Millis;
use crate::payment::rsa::{VerifyingKey, decode};
use crate::payment::{BadAccount, Unverified};

/// How certificates may be signed. SHA-1 is none of them.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] =
    &[RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512];
/// A certificate is one or two kilobytes.
const CERTIFICATE_MAX: usize = 16 << 10;

/// Whose certificates are believed.
pub(super) struct Trust {
    roots: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    signer: String,
}

impl Trust {
    /// From PEM texts of one certificate each.
    pub(super) fn read(roots: &[String], intermediates: &[String], signer: &str) -> Result<Self, BadAccount> {
        if roots.is_empty() {
            return Err(BadAccount::new("settings.roots", "needs at least one certificate"));
        }
        if signer.is_empty() {
            return Err(BadAccount::new("settings.signer", "must not be empty"));
        }
        let anchor = |(index, text): (usize, &String)| {
            let field = format!("settings.roots[{index}]");
            let root = certificate(&field, text)?;
            let anchor = anchor_from_trusted_cert(&root).map_err(|_| no_certificate(&field))?;
            Ok(anchor.to_owned())
        };
        let roots = roots.iter().enumerate().map(anchor).collect::<Result<_, _>>()?;
        let between = |(index, text): (usize, &String)| certificate(&format!("settings.intermediates[{index}]"), text);
        let intermediates = intermediates.iter().enumerate().map(between).collect::<Result<_, _>>()?;
        Ok(Self { roots, intermediates, signer: signer.to_owned() })
    }

    /// The key of a certificate (PEM) that may sign for UnionPay now.
    pub(super) fn key(&self, pem: &str, now: Millis) -> Result<VerifyingKey, Unverified> {
        let unknown = || Unverified::UnknownKey("certificate");
        let der = certificate("signPubKeyCert", pem).map_err(|_| unknown())?;
        let end = EndEntityCert::try_from(&der).map_err(|_| unknown())?;
        let since = Duration::from_millis(u64::try_from(now).map_err(|_| unknown())?);
        let now = UnixTime::since_unix_epoch(since);
        end.verify_for_usage(ALGORITHMS, &self.roots, &self.intermediates, now, AnyPurpose, None, None)
            .map_err(|_| unknown())?;
        if signer(&der).as_deref() != Some(self.signer.as_str()) {
            return Err(Unverified::UnknownKey("certificate subject"));
        }
        VerifyingKey::of_certificate(&der).ok_or_else(unknown)
    }
}

/// The roots certify all kinds of holders; the subject, not the purpose, tells UnionPay from the others.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The number of a certificate as messages name it (`certId`): the serial in decimal.
pub(super) fn number(field: &str, pem: &str) -> Result<String, BadAccount> {
    let der = certificate(field, pem)?;
    let (_, parsed) = parse_x509_certificate(&der).map_err(|_| no_certificate(field))?;
    Ok(parsed.tbs_certificate.serial.to_string())
}

/// Common names read `041@…@中国银联股份有限公司@…`: the third part says whose it is.
fn signer(der: &[u8]) -> Option<String> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    let mut names = parsed.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    name.as_str().ok()?.split('@').nth(2).map(str::to_owned)
}

fn certificate(field: &str, pem: &str) -> Result<CertificateDer<'static>, BadAccount> {
    let known = Some(pem).filter(|pem| pem.len() <= CERTIFICATE_MAX).and_then(decode);
    match known {
        Some((Some(label), der)) if label == "CERTIFICATE" && parse_x509_certificate(&der).is_ok() => Ok(der.into()),
        _ => Err(no_certificate(field)),
    }
}

fn no_certificate(field: &str) -> BadAccount {
    BadAccount::new(field, "is not an X.509 certificate in PEM")
}
