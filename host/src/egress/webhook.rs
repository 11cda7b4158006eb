//! Signed messages between the platform and a partner, in both directions: Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks>), symmetric signatures `v1`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::ids::Millis;

/// The header with the message's id: the same for every repetition of it.
pub const ID: &str = "webhook-id";
/// The header with the time of signing, seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with signatures, separated by spaces: two while secrets rotate.
pub const SIGNATURE: &str = "webhook-signature";
/// A message signed longer ago, or further ahead, is not believed, milliseconds.
pub const TOLERANCE_MS: Millis = 300_000;

/// Begins a secret whose rest is the key in base64; any other secret is the key itself.
const SECRET_PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// A header is missing, comes twice or cannot be read.
    #[error("webhook-id, webhook-timestamp and webhook-signature must each be sent once")]
    Header,
    /// Too old, or from the future.
    #[error("webhook-timestamp is more than {} seconds away from our time", TOLERANCE_MS / 1_000)]
    Timestamp,
    /// Of another secret or of another message.
    #[error("webhook-signature does not fit the message")]
    Signature,
}

/// The three headers of a message that is sent now.
pub fn sign(secret: &str, id: &str, now: Millis, body: &[u8]) -> Vec<(String, String)> {
    let timestamp = (now / 1_000).to_string();
    let mac = hmac::sign(&key(secret), &content(id, &timestamp, body));
    let signature = format!("{VERSION}{}", STANDARD.encode(mac));
    [(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Whether a message is of whoever knows the secret, and of now. Answers its id.
pub fn verify<'h>(
    secret: &str,
    headers: &'h [(String, String)],
    now: Millis,
    body: &[u8],
) -> Result<&'h str, NotBelieved> {
    let (id, timestamp) = (header(headers, ID)?, header(headers, TIMESTAMP)?);
    let signatures = header(headers, SIGNATURE)?;
    let seconds: i64 = timestamp.parse().map_err(|_| NotBelieved::Header)?;
    let away = seconds.checked_mul(1_000).and_then(|at| at.checked_sub(now)).and_then(i64::checked_abs);
    if away.is_none_or(|away| away > TOLERANCE_MS) {
        return Err(NotBelieved::Timestamp);
    }
    let (key, content) = (key(secret), content(id, timestamp, body));
    // The comparison takes the same time wherever two signatures differ.
    let fits = |signature: &str| {
        let mac = signature.strip_prefix(VERSION).and_then(|text| STANDARD.decode(text).ok());
        mac.is_some_and(|mac| hmac::verify(&key, &content, &mac).is_ok())
    };
    if signatures.split(' ').any(fits) { Ok(id) } else { Err(NotBelieved::Signature) }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Result<&'h str, NotBelieved> {
    let mut found = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, value)), None) if !value.is_empty() => Ok(value),
        _ => Err(NotBelieved::Header),
    }
}

fn key(secret: &str) -> hmac::Key {
    let decoded = secret.strip_prefix(SECRET_PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
    let bytes = decoded.as_deref().unwrap_or(secret.as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    #[test]
    fn the_example_of_the_standard_is_signed_as_it_says() {
        let body = br#"{"test": 2432232314}"#;
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, body);
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_message_is_believed_once_signed_and_of_now_only() {
        let signed = sign("the secret", "m1", NOW, b"{}");
        let told = |headers: &[(String, String)], now, body: &[u8]| {
            verify("the secret", headers, now, body).map(ToOwned::to_owned)
        };
        assert_eq!(told(&signed, NOW, b"{}"), Ok("m1".to_owned()));
        assert_eq!(told(&signed, NOW + TOLERANCE_MS, b"{}"), Ok("m1".to_owned()));
        assert_eq!(told(&signed, NOW + TOLERANCE_MS + 1_000, b"{}"), Err(NotBelieved::Timestamp));
        assert_eq!(told(&signed, NOW - TOLERANCE_MS - 1_000, b"{}"), Err(NotBelieved::Timestamp));
        assert_eq!(told(&signed, NOW, b"{ }"), Err(NotBelieved::Signature));
        assert_eq!(verify("another", &signed, NOW, b"{}"), Err(NotBelieved::Signature));
        let with = |name: &str, value: &str| {
            let change =
                |(own, old): &(String, String)| (own.clone(), if own == name { value.to_owned() } else { old.clone() });
            signed.iter().map(change).collect::<Vec<_>>()
        };
        assert_eq!(told(&with(ID, "m2"), NOW, b"{}"), Err(NotBelieved::Signature));
        assert_eq!(told(&with(TIMESTAMP, "-9223372036854775808"), NOW, b"{}"), Err(NotBelieved::Timestamp));
        assert_eq!(told(&with(SIGNATURE, "v1,"), NOW, b"{}"), Err(NotBelieved::Signature));
        assert_eq!(told(&signed[..2], NOW, b"{}"), Err(NotBelieved::Header));
        let two = format!("v1,AAAA {}", signed[2].1);
        assert_eq!(told(&with(SIGNATURE, &two), NOW, b"{}"), Ok("m1".to_owned()), "two secrets while rotating");
    }
}
