//! The certificate that a webhook is signed with: where it may come from, whom it must be issued by and to, and for how
//! long it is kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::settings::Account;
use crate::domain::ids::Millis;
use crate::egress::Method;
use crate::payment::rsa::VerifyingKey;
use crate::payment::{Gateway, Unverified};

/// Chains kept; the provider uses one for months.
const KEPT: usize = 8;
/// The largest chain, bytes.
const CHAIN_MAX: usize = 32 << 10;
/// The longest address.
const ADDRESS_MAX: usize = 512;
/// The most certificates of a chain.
const LENGTH_MAX: usize = 6;
/// So long after a fetch that led to no usable certificate the same address is not asked again: whoever sends forged
/// callbacks must not make us call the provider for each.
const AGAIN_AFTER_MS: Millis = 10_000;

/// What was fetched, by address. Every use checks the chain again at its own time.
#[derive(Default)]
pub(super) struct Certificates {
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Held while fetching: a burst of callbacks fetches once, and one whose certificate is kept waits for nobody.
    fetching: tokio::sync::Mutex<()>,
}

enum Kept {
    /// The certificate and those above it.
    Chain(Vec<CertificateDer<'static>>),
    /// Nothing usable came, at this time.
    Useless(Millis),
}

impl Certificates {
    /// The key of the certificate at an address. Nothing is fetched unless the address is allowed.
    pub(super) async fn key(
        &self,
        account: &Account,
        gateway: &Gateway,
        address: &str,
        now: Millis,
    ) -> Result<VerifyingKey, Unverified> {
        if !allowed(account, address) {
            return Err(Unverified::UnknownKey("certificate address"));
        }
        if let Some(known) = self.known(account, address, now) {
            return known;
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(known) = self.known(account, address, now) {
            return known;
        }
        let chain = fetch(gateway, address).await;
        let checked = chain.as_ref().ok_or(Unverified::UnknownKey("certificate"));
        let checked = checked.and_then(|chain| check(account, chain, now));
        let keep = match (chain, &checked) {
            (Some(chain), Ok(_)) => Kept::Chain(chain),
            _ => Kept::Useless(now),
        };
        let mut kept = self.lock();
        if kept.len() >= KEPT && !kept.contains_key(address) {
            make_room(&mut kept);
        }
        kept.insert(address.to_owned(), keep);
        checked
    }

    fn known(&self, account: &Account, address: &str, now: Millis) -> Option<Result<VerifyingKey, Unverified>> {
        match self.lock().get(address)? {
            Kept::Chain(chain) => Some(check(account, chain, now)),
            Kept::Useless(at) if (0..AGAIN_AFTER_MS).contains(&(now - at)) => {
                Some(Err(Unverified::UnknownKey("certificate")))
            }
            Kept::Useless(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Good chains go last: addresses that led nowhere cannot push them out.
fn make_room(kept: &mut BTreeMap<String, Kept>) {
    let useless = kept.iter().find(|(_, kept)| matches!(kept, Kept::Useless(_))).map(|(address, _)| address.clone());
    match useless {
        Some(address) => drop(kept.remove(&address)),
        None => drop(kept.pop_first()),
    }
}

/// Whether the address begins with a configured origin and its slash, so that its host and port are exactly those.
fn allowed(account: &Account, address: &str) -> bool {
    let plain = address.len() <= ADDRESS_MAX && address.bytes().all(|byte| byte.is_ascii_graphic());
    plain && !address.contains('\\') && account.origins.iter().any(|origin| address.starts_with(origin))
}

async fn fetch(gateway: &Gateway, address: &str) -> Option<Vec<CertificateDer<'static>>> {
    let make = || {
        let mut exchange = gateway.request(Method::Get, "", vec![], vec![]);
        address.clone_into(&mut exchange.url);
        exchange.answer_max = CHAIN_MAX;
        // A callback waits for it.
        exchange.timeout = exchange.timeout.min(Duration::from_secs(10));
        exchange
    };
    let reply = gateway.call("certificate", make).await.ok().filter(|reply| reply.status == 200)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&reply.body).collect::<Result<_, _>>().ok()?;
    (1..=LENGTH_MAX).contains(&chain.len()).then_some(chain)
}

/// Checks chain, validity and name, and reads the key.
fn check(account: &Account, chain: &[CertificateDer<'static>], now: Millis) -> Result<VerifyingKey, Unverified> {
    let (leaf, above) = chain.split_first().ok_or(Unverified::UnknownKey("certificate"))?;
    let parsed = EndEntityCert::try_from(leaf).map_err(|_| Unverified::UnknownKey("certificate"))?;
    let at = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now).unwrap_or(0)));
    parsed
        .verify_for_usage(ALL_VERIFICATION_ALGS, &account.roots, above, at, KeyUsage::server_auth(), None, None)
        .map_err(|_| Unverified::UnknownKey("certificate chain"))?;
    if !account.names.iter().any(|name| parsed.verify_is_valid_for_subject_name(name).is_ok()) {
        return Err(Unverified::UnknownKey("certificate name"));
    }
    VerifyingKey::of_certificate(leaf).ok_or(Unverified::UnknownKey("certificate"))
}
