//! RSA keys and certificates of our own, made anew in each run.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, PublicKeyData as _, SigningKey as _,
};

/// An RSA key of 2048 bits, PKCS#1 v1.5 with SHA-256.
#[derive(Debug)]
pub struct Key(KeyPair);

impl Key {
    /// A new one.
    pub fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_RSA_SHA256).expect("AWS-LC makes RSA keys"))
    }

    /// PKCS#8.
    pub fn private_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// The public half.
    pub fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// The signature of some bytes, base64.
    pub fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.0.sign(text).expect("an RSA key signs any text"))
    }

    /// Whether this key made the signature.
    pub fn fits(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.0.subject_public_key_info());
        public.verify(text, &signature).is_ok()
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// Somebody who issues certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// One with a self-signed root.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("AWS-LC makes RSA keys");
        let mut terms = terms(name, vec![]);
        terms.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        terms.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = terms.self_signed(&key).expect("a root signs itself").pem();
        Self { issuer: Issuer::new(terms, key), pem }
    }

    /// The root, PEM.
    pub fn root_pem(&self) -> &str {
        &self.pem
    }

    /// The certificate of a key, PEM, for a common name and host names. Its serial number is its issuer's choice.
    pub fn certify(&self, key: &Key, common_name: &str, host_names: &[&str]) -> String {
        let names = host_names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = terms(common_name, names).signed_by(&key.0, &self.issuer);
        certificate.expect("a root signs others").pem()
    }
}

fn terms(common_name: &str, host_names: Vec<String>) -> CertificateParams {
    let mut terms = CertificateParams::new(host_names).expect("host names of tests are names");
    terms.distinguished_name = DistinguishedName::new();
    terms.distinguished_name.push(DnType::CommonName, common_name);
    terms
}
