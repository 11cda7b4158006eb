//! The provider's signatures, out and in. The same four headers sign its notices and its answers.

use crate::domain::ids::Millis;
use crate::payment::Unverified;

use super::settings::Account;

/// Seconds since the epoch when it was signed.
pub(super) const TIMESTAMP: &str = "wechatpay-timestamp";
/// Random text.
pub(super) const NONCE: &str = "wechatpay-nonce";
/// Base64.
pub(super) const SIGNATURE: &str = "wechatpay-signature";
/// Which key: a certificate's serial, or `PUB_KEY_ID_…`.
pub(super) const SERIAL: &str = "wechatpay-serial";
/// Which algorithm, where it is named.
pub(super) const KIND: &str = "wechatpay-signature-type";
/// The only algorithm there is.
pub(super) const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// So begin the signatures of probes, with which the provider tests whether we verify at all.
pub(super) const PROBE_PREFIX: &str = "WECHATPAY/SIGNTEST/";
/// As far and farther away from our time nothing is believed, seconds.
pub(super) const MAX_SKEW_S: i64 = 300;
/// The longest value of a header: the signature of an 8192-bit key has 1,368 characters.
const HEADER_MAX: usize = 1_400;

/// What is signed of a message that comes in: the bytes as they came.
pub(super) fn signed_text(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat()
}

/// Believes a message or not, from its headers (names in lower case) and raw body.
pub(super) fn check(
    account: &Account,
    headers: &[(String, String)],
    body: &[u8],
    now: Millis,
) -> Result<(), Unverified> {
    let signature = only(headers, SIGNATURE)?;
    if signature.starts_with(PROBE_PREFIX) {
        return Err(Unverified::Probe);
    }
    let (timestamp, nonce, serial) = (only(headers, TIMESTAMP)?, only(headers, NONCE)?, only(headers, SERIAL)?);
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(KIND)) && only(headers, KIND)? != SCHEME {
        return Err(Unverified::UnknownKey("algorithm"));
    }
    let plain = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let signed_at: i64 = timestamp.parse().ok().filter(|_| plain).ok_or(Unverified::Header(TIMESTAMP))?;
    if now.div_euclid(1000).saturating_sub(signed_at).saturating_abs() >= MAX_SKEW_S {
        return Err(Unverified::Time(MAX_SKEW_S));
    }
    let key = account.provider_keys.get(serial).and_then(|key| key.at(now));
    let key = key.ok_or(Unverified::UnknownKey("serial"))?;
    if key.fits(&signed_text(timestamp, nonce, body), signature) { Ok(()) } else { Err(Unverified::Signature) }
}

fn only<'a>(headers: &'a [(String, String)], name: &'static str) -> Result<&'a str, Unverified> {
    let mut found = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, value)), None) if (1..=HEADER_MAX).contains(&value.len()) => Ok(value),
        _ => Err(Unverified::Header(name)),
    }
}

/// The `Authorization` of a request of ours.
pub(super) fn authorization(account: &Account, verb: &str, path: &str, body: &str, at: Millis, nonce: &str) -> String {
    let timestamp = at.div_euclid(1000);
    let signature = account.private_key.sign(format!("{verb}\n{path}\n{timestamp}\n{nonce}\n{body}\n").as_bytes());
    let (mchid, serial) = (&account.mchid, &account.merchant_serial);
    format!(
        "{SCHEME} mchid=\"{mchid}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",serial_no=\"{serial}\",signature=\"{signature}\""
    )
}
