//! Secrets: put into a request by the host, and looked for where they must not be.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::request::{Auth, Call, Part, Refusal};

/// Shorter secrets are refused: they could not be told from chance in an answer.
pub const SECRET_MIN: usize = 8;
pub(super) const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("x-timestamp");

/// All secrets of a line by name, for one call.
#[derive(Clone, Debug, Default)]
pub struct LineSecrets(pub BTreeMap<String, SecretString>);

impl LineSecrets {
    /// Whether `bytes` holds any of the secrets, in clear or in a usual encoding.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.values().any(|secret| forms(secret.expose_secret()).any(|form| holds(bytes, form.as_bytes())))
    }

    fn get(&self, name: &str) -> Result<&str, Refusal> {
        let refused = |problem| Refusal::Secret { name: name.to_owned(), problem };
        let secret = self.0.get(name).ok_or_else(|| refused("is not set"))?.expose_secret();
        if secret.len() < SECRET_MIN { Err(refused("is shorter than 8 bytes")) } else { Ok(secret) }
    }
}

/// The texts under which a secret may come back.
fn forms(secret: &str) -> impl Iterator<Item = String> {
    let percent: String = reqwest::Url::parse_with_params("x:", [("", secret)])
        .map(|url| url.query().unwrap_or_default().trim_start_matches('=').to_owned())
        .unwrap_or_default();
    let json = serde_json::Value::from(secret).to_string();
    let plain =
        [secret.to_owned(), hex::encode(secret), hex::encode_upper(secret), percent, json.trim_matches('"').to_owned()];
    let base64 = (0..3).flat_map(move |shift| {
        let shifted = [&[0; 2][..shift], secret.as_bytes()].concat();
        [base64_inside(&STANDARD_NO_PAD, &shifted, shift), base64_inside(&URL_SAFE_NO_PAD, &shifted, shift)]
    });
    plain.into_iter().chain(base64.collect::<Vec<_>>()).filter(|form| form.len() >= SECRET_MIN)
}

/// What base64 makes of a secret inside a longer text, `shift` bytes after a multiple of three: the characters that no
/// neighbouring byte has a part in.
fn base64_inside(engine: &GeneralPurpose, shifted: &[u8], shift: usize) -> String {
    let encoded = engine.encode(shifted);
    encoded[(shift * 8).div_ceil(6)..shifted.len() * 8 / 6].to_owned()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The credential headers of one try at `now` (epoch milliseconds).
pub(super) fn credentials(call: &Call, url: &Url, secrets: &LineSecrets, now: i64) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    match &call.auth {
        Auth::None => {}
        Auth::Bearer { secret } => {
            let value = format!("Bearer {}", secrets.get(secret)?);
            headers.insert(AUTHORIZATION, hidden(secret, &value)?);
        }
        Auth::Header { header, secret } => {
            headers.insert(header_name(header)?, hidden(secret, secrets.get(secret)?)?);
        }
        Auth::Basic { user, secret } => {
            if user.contains(':') {
                return Err(Refusal::Unusable("the user holds a colon"));
            }
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{}", secrets.get(secret)?)));
            headers.insert(AUTHORIZATION, hidden(secret, &value)?);
        }
        Auth::HmacSha256 { secret, header, parts } => {
            let timestamp = now.to_string();
            let signature = sign(call, url, parts, secrets.get(secret)?, &timestamp)?;
            headers.insert(header_name(header)?, hidden(secret, &signature)?);
            if parts.contains(&Part::Timestamp) {
                headers.insert(TIMESTAMP_HEADER, hidden(secret, &timestamp)?);
            }
        }
    }
    Ok(headers)
}

fn sign(call: &Call, url: &Url, parts: &[Part], secret: &str, timestamp: &str) -> Result<String, Refusal> {
    if parts.is_empty() {
        return Err(Refusal::Unusable("the signature has no parts"));
    }
    let mut signature = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            signature.update(b"\n");
        }
        match part {
            Part::Method => signature.update(call.method.word().as_bytes()),
            Part::Path => {
                signature.update(url.path().as_bytes());
                if let Some(query) = url.query() {
                    signature.update(b"?");
                    signature.update(query.as_bytes());
                }
            }
            Part::Body => signature.update(&call.body),
            Part::Timestamp => signature.update(timestamp.as_bytes()),
        }
    }
    Ok(hex::encode(signature.sign()))
}

fn hidden(secret: &str, value: &str) -> Result<HeaderValue, Refusal> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Refusal::Secret { name: secret.to_owned(), problem: "cannot be sent in a header" })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn header_name(name: &str) -> Result<HeaderName, Refusal> {
    let refused = |problem| Refusal::Header { name: name.to_owned(), problem };
    let parsed = HeaderName::try_from(name).map_err(|_| refused("is not a header name"))?;
    if is_the_hosts(&parsed) { Err(refused("is set by the host alone")) } else { Ok(parsed) }
}

/// Headers that steer the connection or that only the host may set.
fn is_the_hosts(name: &HeaderName) -> bool {
    const OWN: &[&str] = &[
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    OWN.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}
