//! Machine code that our own compile child made. Loading it is the one place of `unsafe`: whoever writes these bytes
//! runs code in the host, so an [`Artefact`] comes only from the child or from a cache entry under our own MAC.

use aws_lc_rs::hmac;
use wasmtime::{Engine, component::Component};

use crate::domain::ids::Digest;

const TAG_BYTES: usize = 32;

/// The compiled form of a component, for one version and one configuration of the engine.
#[derive(Clone)]
pub struct Artefact(Vec<u8>);

impl Artefact {
    /// What the compile child wrote.
    pub(super) const fn compiled(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Bytes of machine code and tables.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true of what the child makes.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form for a cache on disk: a MAC over component and code, then the code. The engine checks its own version
    /// and settings at load, so they need no place here.
    pub fn seal(&self, key: &[u8], component: Digest) -> Vec<u8> {
        let tag = mac(key, component, &self.0);
        [tag.as_ref(), &self.0].concat()
    }

    /// Reads what [`Artefact::seal`] made; none if a bit differs or it belongs to another component.
    pub fn open(sealed: &[u8], key: &[u8], component: Digest) -> Option<Self> {
        let (tag, code) = sealed.split_at_checked(TAG_BYTES)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, mac(key, component, code).as_ref()).ok()?;
        Some(Self(code.to_vec()))
    }

    /// The component, ready to be instantiated. Fails if another engine version or configuration made it.
    pub(super) fn load(&self, engine: &Engine) -> Result<Component, wasmtime::Error> {
        #[expect(unsafe_code, reason = "our own compile child made these bytes, or a MAC says so; see the module")]
        // SAFETY: the only constructors are `compiled`, fed by our compile child, and `open`, which verified a MAC.
        unsafe {
            Component::deserialize(engine, &self.0)
        }
    }
}

impl std::fmt::Debug for Artefact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Artefact({} bytes)", self.0.len())
    }
}

fn mac(key: &[u8], component: Digest, code: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(&component.0);
    context.update(code);
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_artefact_opens_only_unchanged_and_for_its_component() {
        let digest = Digest([7; 32]);
        let sealed = Artefact::compiled(vec![1, 2, 3]).seal(b"key", digest);
        assert_eq!(Artefact::open(&sealed, b"key", digest).unwrap().0, [1, 2, 3]);
        assert!(Artefact::open(&sealed, b"other", digest).is_none());
        assert!(Artefact::open(&sealed, b"key", Digest([8; 32])).is_none());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(Artefact::open(&bad, b"key", digest).is_none());
        }
        assert!(Artefact::open(&sealed[..31], b"key", digest).is_none());
    }
}
