//! Encryption of secrets at rest: suppliers' credentials, merchant keys, vouchers to deliver.
//!
//! AES-256-GCM with a random nonce. Stored form: version byte 1, nonce (12 bytes), ciphertext, tag (16 bytes). One key
//! is good for 2³² seals.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::config::Key;
use crate::entropy::Entropy;

const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + NONCE_LEN;

/// Seals and opens under one key. Cheap to share behind an `Arc`.
pub struct Sealer {
    key: LessSafeKey,
    entropy: Entropy,
}

/// What was stored cannot be opened: another key, another place, or damage. Which one is not knowable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret cannot be opened with this master key at this place")]
pub struct Unopenable;

/// What a secret belongs to, such as `["business-secret", "hotel", "supplier-key"]`. A sealed value opens only for the
/// same parts, so a row copied elsewhere is useless.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a>(pub &'a [&'a str]);

impl Place<'_> {
    /// Length-prefixed, so that no two places give the same bytes.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for part in self.0 {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl Sealer {
    /// A sealer for `key`.
    pub fn new(key: &Key, entropy: Entropy) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("AES-256 takes exactly 32 bytes");
        Self { key: LessSafeKey::new(key), entropy }
    }

    /// Encrypts `plain` for `place`.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = self.entropy.bytes();
        let mut sealed = Vec::with_capacity(HEADER_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::from(&nonce), Aad::from(place.bytes()), &mut sealed[HEADER_LEN..])
            .expect("AES-GCM seals up to 64 GiB");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Decrypts what [`Sealer::seal`] made for the same `place`. The result is wiped when dropped.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopenable> {
        let (header, body) = sealed.split_at_checked(HEADER_LEN).ok_or(Unopenable)?;
        if header[0] != VERSION {
            return Err(Unopenable);
        }
        let nonce = Nonce::try_assume_unique_for_key(&header[1..]).map_err(|_| Unopenable)?;
        let mut buffer = Zeroizing::new(body.to_vec());
        let length =
            self.key.open_in_place(nonce, Aad::from(place.bytes()), &mut buffer).map_err(|_| Unopenable)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place(&["business-secret", "hotel", "key"]);

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Key::new([byte; 32]), Entropy::seeded(1))
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let one = sealer(1);
        let sealed = one.seal(HERE, b"swordfish");
        assert_eq!(one.open(HERE, &sealed).unwrap().as_slice(), b"swordfish");
        let elsewhere = Place(&["business-secret", "hotelk", "ey"]);
        assert_eq!(one.open(elsewhere, &sealed), Err(Unopenable));
        assert!(!sealed.windows(9).any(|window| window == b"swordfish"));
        assert_ne!(sealed, one.seal(HERE, b"swordfish"));
    }

    #[test]
    fn another_key_or_a_changed_byte_opens_nothing() {
        let sealed = sealer(1).seal(HERE, b"");
        assert_eq!(sealer(2).open(HERE, &sealed), Err(Unopenable));
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert_eq!(sealer(1).open(HERE, &damaged), Err(Unopenable), "byte {index}");
            assert_eq!(sealer(1).open(HERE, &sealed[..index]), Err(Unopenable), "cut at {index}");
        }
    }
}
