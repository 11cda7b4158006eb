//! RSA PKCS#1 v1.5 with SHA-256, as three of the providers sign. Keys come as PEM, or as the bare base64 that provider
//! consoles show. Signing uses AWS-LC: the pure Rust implementation leaks private keys by timing (RUSTSEC-2023-0071).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use super::BadAccount;

/// Smallest modulus, bits.
const BITS_MIN: usize = 2048;

/// A private key of ours.
pub(super) struct SigningKey(KeyPair);

impl SigningKey {
    /// Reads PKCS#8 or PKCS#1, PEM or bare base64.
    pub(super) fn read(field: &str, text: &SecretString) -> Result<Self, BadAccount> {
        let bad = |problem: &str| BadAccount::new(field, problem);
        let (label, der) = decode(text.expose_secret()).ok_or_else(|| bad("is neither PEM nor base64"))?;
        let der = Zeroizing::new(der);
        let key = match label.as_deref() {
            Some("PRIVATE KEY") => KeyPair::from_pkcs8(&der),
            Some("RSA PRIVATE KEY") => KeyPair::from_der(&der),
            None => KeyPair::from_pkcs8(&der).or_else(|_| KeyPair::from_der(&der)),
            Some(_) => return Err(bad("holds no private key")),
        };
        let key = key.map_err(|_| bad("is not an RSA private key of 2048 to 8192 bits"))?;
        if key.public_modulus_len() * 8 < BITS_MIN {
            return Err(bad("has fewer than 2048 bits"));
        }
        Ok(Self(key))
    }

    /// The signature of some bytes, base64.
    pub(super) fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .expect("a checked RSA key signs any text");
        STANDARD.encode(signature)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A public key of a provider, as DER.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct VerifyingKey(Vec<u8>);

impl VerifyingKey {
    /// Reads a public key or the key of a certificate, PEM or (a public key only) bare base64. The certificate's chain
    /// and validity are the caller's to check.
    pub(super) fn read(field: &str, text: &str) -> Result<Self, BadAccount> {
        let bad = |problem: &str| BadAccount::new(field, problem);
        let (label, der) = decode(text).ok_or_else(|| bad("is neither PEM nor base64"))?;
        let key = match label.as_deref() {
            Some("PUBLIC KEY" | "RSA PUBLIC KEY") | None => Self(der),
            Some("CERTIFICATE") => Self::of_certificate(&der).ok_or_else(|| bad("is not an X.509 certificate"))?,
            Some(_) => return Err(bad("holds neither a public key nor a certificate")),
        };
        // A key that AWS-LC cannot read would only be found out at the first callback.
        aws_lc_rs::signature::ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.0)
            .map_err(|_| bad("is not an RSA public key of 2048 to 8192 bits"))?;
        Ok(key)
    }

    /// The key of a certificate in DER.
    pub(super) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = parse_x509_certificate(der).ok()?;
        rest.is_empty().then(|| Self(certificate.public_key().raw.to_vec()))
    }

    /// Whether `signature` (base64) fits the bytes. Anything unreadable does not.
    pub(super) fn fits(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0).verify(text, &signature).is_ok()
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyingKey(…)")
    }
}

/// The label (none for bare base64) and the bytes of the first block of a text.
pub(super) fn decode(text: &str) -> Option<(Option<String>, Vec<u8>)> {
    let text = text.trim();
    let bare = |text: &str| STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok();
    let Some(inside) = text.strip_prefix("-----BEGIN ") else { return Some((None, bare(text)?)) };
    let (label, rest) = inside.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    Some((Some(label.to_owned()), bare(body)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair as Made, PKCS_RSA_SHA256};

    fn made() -> Made {
        Made::generate_for(&PKCS_RSA_SHA256).unwrap()
    }

    #[test]
    fn what_one_key_signs_only_its_own_public_key_believes() {
        let (ours, other) = (made(), made());
        let signing = SigningKey::read("secrets.private_key", &ours.serialize_pem().into()).unwrap();
        let bare: String = ours.serialize_pem().lines().filter(|line| !line.starts_with('-')).collect();
        assert!(SigningKey::read("secrets.private_key", &bare.into()).is_ok());
        let signature = signing.sign(b"text");
        let verifying = VerifyingKey::read("settings.public_key", &ours.public_key_pem()).unwrap();
        assert!(verifying.fits(b"text", &signature));
        assert!(!verifying.fits(b"texT", &signature) && !verifying.fits(b"text", "") && !verifying.fits(b"text", "é"));
        let foreign = VerifyingKey::read("settings.public_key", &other.public_key_pem()).unwrap();
        assert!(!foreign.fits(b"text", &signature));
    }

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let ours = made();
        for text in ["", "hello", "-----BEGIN PRIVATE KEY-----", &ours.public_key_pem()] {
            let refused = SigningKey::read("secrets.private_key", &text.to_owned().into()).unwrap_err();
            assert_eq!(refused.field, "secrets.private_key", "{text}");
        }
        for text in ["", "hello", "AAAA", &ours.serialize_pem()] {
            assert!(VerifyingKey::read("settings.public_key", text).is_err(), "{text}");
        }
    }
}
