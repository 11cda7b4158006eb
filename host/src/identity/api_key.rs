//! API keys of services: shown once, stored as a MAC, found by their public id.
//!
//! Form: `hk_<id, 16 hex digits>_<secret, 43 characters>`. The secret has 256 random bits, so a keyed hash is enough:
//! a slow password hash would only burden every request.

use aws_lc_rs::{constant_time, hmac};
use secrecy::SecretString;

use crate::config::Key;
use crate::entropy::Entropy;

const PREFIX: &str = "hk_";
const ID_LEN: usize = 16;
const SECRET_LEN: usize = 43;

/// Makes and checks API keys under the API-key key of [`crate::config::Keys`].
pub struct ApiKeys {
    pepper: hmac::Key,
}

/// A new key: show `shown` once, store `id` and `mac`.
#[derive(Debug)]
pub struct MintedKey {
    /// Public; what logs and lists name it by.
    pub id: String,
    /// The whole key as its owner will present it.
    pub shown: SecretString,
    /// What is stored.
    pub mac: [u8; 32],
}

/// The parts of a key that a caller presents. Nothing is verified yet.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    /// Finds the stored key.
    pub id: &'a str,
    whole: &'a str,
}

impl<'a> PresentedKey<'a> {
    /// Splits a bearer value; none if it has not the form of an API key (it may be a token).
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_at_checked(ID_LEN)?;
        let secret = secret.strip_prefix('_')?;
        let formed = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && secret.len() == SECRET_LEN
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        formed.then_some(Self { id, whole: text })
    }
}

impl std::fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresentedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// For the API-key key.
    pub fn new(key: &Key) -> Self {
        Self { pepper: hmac::Key::new(hmac::HMAC_SHA256, key.expose()) }
    }

    /// A new key.
    pub fn mint(&self, entropy: &Entropy) -> MintedKey {
        let id = hex::encode(entropy.bytes::<8>());
        let whole = format!("{PREFIX}{id}_{}", entropy.token());
        let mac = self.mac(&whole);
        MintedKey { id, shown: whole.into(), mac }
    }

    /// Whether `presented` is the key stored as `stored`, in constant time.
    pub fn matches(&self, presented: PresentedKey<'_>, stored: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.mac(presented.whole), stored).is_ok()
    }

    fn mac(&self, whole: &str) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.pepper, whole.as_bytes()).as_ref());
        mac
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_minted_key_matches_what_is_stored_and_no_other_does() {
        let keys = ApiKeys::new(&Key::new([5; 32]));
        let minted = keys.mint(&Entropy::seeded(1));
        let other = keys.mint(&Entropy::seeded(2));
        let presented = PresentedKey::parse(minted.shown.expose_secret()).unwrap();
        assert_eq!(presented.id, minted.id);
        assert!(keys.matches(presented, &minted.mac));
        assert!(!keys.matches(presented, &other.mac));
        assert!(!keys.matches(presented, &minted.mac[..31]));
        assert!(!ApiKeys::new(&Key::new([6; 32])).matches(presented, &minted.mac));
        assert!(!format!("{minted:?} {presented:?}").contains(&minted.shown.expose_secret()[20..]));
    }

    #[test]
    fn other_texts_are_no_keys() {
        let secret = "s".repeat(43);
        assert!(PresentedKey::parse(&format!("hk_0123456789abcdef_{secret}")).is_some());
        for text in ["", "hk_", "eyJhbGciOiJIUzI1NiJ9.e30.x", "hk_0123456789abcdéf_x"] {
            assert!(PresentedKey::parse(text).is_none(), "{text}");
        }
        assert!(PresentedKey::parse(&format!("hk_0123456789ABCDEF_{secret}")).is_none());
        assert!(PresentedKey::parse(&format!("hk_0123456789abcdef_{secret}s")).is_none());
    }
}
